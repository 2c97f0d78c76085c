/**
 * zod, loaded with the first value that needs it: it takes about as long to load as Node itself takes to start, and a command
 * that only lists a table needs none.
 * @module
 */
import { createRequire } from 'node:module';
import type { z } from 'zod';

let loaded: typeof z | undefined;

/** As `import { z } from 'zod'`, at the first call. */
export function zod(): typeof z {
  loaded ??= (createRequire(import.meta.url)('zod') as typeof import('zod')).z;
  return loaded;
}
