// Puts linux.mjs in the place of the module that opens the running kernel.

/** @type {import('node:module').ResolveHook} */
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  if (!resolved.url.endsWith('/dist/kernel/linux.js')) return resolved;
  return { ...resolved, url: new URL('./linux.mjs', import.meta.url).href };
}
