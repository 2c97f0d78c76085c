import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkoutRoot } from '../lab/checkout.js';
import { consumer, tools } from './packed.js';

// A user's project has Node's types; the package brings none.
beforeAll(() => {
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(join(checkoutRoot, 'node_modules', name), join(consumer, 'node_modules', name), {
      recursive: true,
      dereference: true,
    });
  }
});

const RESOLUTIONS = [
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['bundler', 'esnext'],
] as const;

describe.each(['5.4', '6.0', '7.0'])('with TypeScript %s', (version) => {
  test.each(RESOLUTIONS)(
    'a user compiles with moduleResolution %s',
    { timeout: 120_000 },
    (moduleResolution, module) => {
      const compilerOptions = {
        ...{ moduleResolution, module, target: 'es2022', lib: ['es2022', 'esnext.disposable'], types: ['node'] },
        ...{ strict: true, skipLibCheck: false, noEmit: true },
      };
      writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }));
      const compiler = join(tools, `typescript-${version}/bin/tsc`);
      const { status, stdout } = spawnSync(process.execPath, [compiler, '--project', '.'], {
        cwd: consumer,
        encoding: 'utf8',
      });
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    },
  );
});
