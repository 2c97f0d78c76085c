// Writes the manual page man/ipvs-ts.8 from the tables of options and verbs, as they are in dist.
//
//   npm run build:ts && node scripts/man.mjs

import { mkdirSync, writeFileSync } from 'node:fs';

const { manPage } = await import(new URL('../dist/cli/man.js', import.meta.url).href);
const page = new URL('../man/ipvs-ts.8', import.meta.url);
mkdirSync(new URL('.', page), { recursive: true });
writeFileSync(page, manPage());
