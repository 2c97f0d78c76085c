/**
 * From the line of a request to a route.
 * @module
 */
import { Problem } from './problem.js';
import type { Route } from './route.js';

/** A route that was found, and what the request's line says of it. */
export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/**
 * Finds the route of a request.
 * @throws {Problem} 400 for a target that is none, or a parameter that the route does not have; 404; 405.
 */
export function route(routes: readonly Route[], method: string, target: string): Found {
  const [path = '', search = ''] = splitOnce(target, '?');
  const parts = path.split('/').map(decoded);
  const here = routes.flatMap((each) => {
    const params = paramsOf(each.path.split('/'), parts);
    return params === undefined ? [] : [{ route: each, params }];
  });
  if (here.length === 0) throw new Problem(404, 'there is no such resource; /v1/openapi.json lists them');
  // HEAD is GET without the body, which node:http leaves out.
  const found = here.find((each) => each.route.method === (method === 'HEAD' ? 'GET' : method));
  if (found !== undefined) return { ...found, query: queryOf(found.route, search) };
  const allowed = here.map((each) => each.route.method).join(', ');
  throw new Problem(405, `only ${allowed}`, { headers: { Allow: allowed } });
}

function splitOnce(text: string, at: string): string[] {
  const place = text.indexOf(at);
  return place === -1 ? [text] : [text.slice(0, place), text.slice(place + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem(400, 'the path is not encoded as it should be');
  }
}

/** Undefined where the path is another one. */
function paramsOf(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of pattern.entries()) {
    const part = parts[index] ?? '';
    if (name.startsWith('{')) params[name.slice(1, -1)] = part;
    else if (name !== part) return undefined;
  }
  return params;
}

function queryOf({ query: known = {} }: Route, search: string): Record<string, string> {
  const query: Record<string, string> = {};
  const errors: { path: string; message: string }[] = [];
  for (const [name, value] of new URLSearchParams(search)) {
    if (!Object.hasOwn(known, name)) errors.push({ path: name, message: 'unknown parameter' });
    else if (Object.hasOwn(query, name)) errors.push({ path: name, message: 'is given twice' });
    else query[name] = value;
  }
  if (errors.length > 0) throw new Problem(400, 'the query has mistakes', { errors });
  return query;
}
