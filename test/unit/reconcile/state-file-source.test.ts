import { spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ConfigError, InvalidArgumentError } from '../../../src/errors.js';
import { Changes } from '../../../src/reconcile/changes.js';
import { StateFileSource, type StateFileSourceOptions } from '../../../src/reconcile/state-file-source.js';

let directory: string;
let opened: StateFileSource[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-source-'));
  opened = [];
});
afterEach(() => {
  for (const source of opened) source[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

const at = (...names: string[]) => join(directory, ...names);
const yaml = (address: string) => `services:\n  - service: tcp://192.0.2.1:80\n    destinations: [${address}]\n`;

/** A file as it is written long before. */
function put(path: string, address: string): void {
  writeFileSync(path, yaml(address));
  utimesSync(path, 1e9, 1e9);
}

/** Watches a file, and looks at it by the clock only where that is asked for. */
async function watching(path: string, options: StateFileSourceOptions = {}) {
  const source = new StateFileSource(path, { settle: 150, interval: 86_400_000, ...options });
  opened.push(source);
  const changes = new Changes(source.changes);
  const server = async () => (await source.read()).services?.[0]?.destinations[0]?.address;
  const first = await server();
  return {
    source,
    changes,
    server,
    first,
    /** When it is said to have changed, this is what it says. */
    async becomes(address: string) {
      await vi.waitFor(() => expect(changes.take()).toBe(true), { timeout: 5000, interval: 10 });
      expect(await server()).toBe(address);
    },
  };
}

describe('a state file is read again when', () => {
  test('it is written anew, or another one is renamed over it', async () => {
    put(at('a.yaml'), '10.0.0.1');
    const file = await watching(at('a.yaml'));
    expect(file.first).toBe('10.0.0.1');
    writeFileSync(at('a.yaml'), yaml('10.0.0.2'));
    await file.becomes('10.0.0.2');
    put(at('b.yaml'), '10.0.0.3');
    renameSync(at('b.yaml'), at('a.yaml'));
    await file.becomes('10.0.0.3');
  });

  test('a ConfigMap is swapped (..data)', async () => {
    mkdirSync(at('..1'));
    put(at('..1', 's.yaml'), '10.0.0.1');
    symlinkSync('..1', at('..data'));
    symlinkSync('..data/s.yaml', at('s.yaml'));
    const file = await watching(at('s.yaml'));
    for (const next of ['2', '3']) {
      mkdirSync(at(`..${next}`));
      put(at(`..${next}`, 's.yaml'), `10.0.0.${next}`);
      symlinkSync(`..${next}`, at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
      rmSync(at(`..${Number(next) - 1}`), { recursive: true });
      await file.becomes(`10.0.0.${next}`);
    }
  });

  test('the target of a symbolic link is rewritten, renamed over, or another one', async () => {
    mkdirSync(at('elsewhere'));
    put(at('elsewhere', 't.yaml'), '10.0.0.1');
    symlinkSync('./elsewhere/../elsewhere/t.yaml', at('link.yaml'));
    const file = await watching(at('link.yaml'));
    writeFileSync(at('elsewhere', 't.yaml'), yaml('10.0.0.2'));
    await file.becomes('10.0.0.2');
    put(at('elsewhere', 't.new'), '10.0.0.3');
    renameSync(at('elsewhere', 't.new'), at('elsewhere', 't.yaml'));
    await file.becomes('10.0.0.3');
    put(at('u.yaml'), '10.0.0.4');
    symlinkSync(at('u.yaml'), at('link.new'));
    renameSync(at('link.new'), at('link.yaml'));
    await file.becomes('10.0.0.4');
    writeFileSync(at('u.yaml'), yaml('10.0.0.5'));
    await file.becomes('10.0.0.5');
  });

  test('its directory is swapped, and then it is written there', async () => {
    mkdirSync(at('d'));
    put(at('d', 's.yaml'), '10.0.0.1');
    const file = await watching(at('d', 's.yaml'));
    mkdirSync(at('new'));
    put(at('new', 's.yaml'), '10.0.0.2');
    renameSync(at('d'), at('old'));
    renameSync(at('new'), at('d'));
    await file.becomes('10.0.0.2');
    writeFileSync(at('d', 's.yaml'), yaml('10.0.0.3'));
    await file.becomes('10.0.0.3');
  });

  test('it is another one by its time alone', async () => {
    put(at('a.yaml'), '10.0.0.1');
    const file = await watching(at('a.yaml'), { interval: 100, settle: 0 });
    put(at('a.yaml'), '10.0.0.2');
    await file.becomes('10.0.0.2');
    utimesSync(at('a.yaml'), 2e9, 2e9);
    await file.becomes('10.0.0.2');
    await sleep(250);
    expect(file.changes.take()).toBe(false);
  });

  test('it is gone, once, and again when it is back', async () => {
    put(at('a.yaml'), '10.0.0.1');
    const file = await watching(at('a.yaml'), { interval: 100 });
    renameSync(at('a.yaml'), at('b.yaml'));
    await vi.waitFor(() => expect(file.changes.take()).toBe(true));
    await expect(file.source.read()).rejects.toMatchObject({ code: 'ENOENT' });
    await sleep(250);
    expect(file.changes.take()).toBe(false);
    renameSync(at('b.yaml'), at('a.yaml'));
    await file.becomes('10.0.0.1');
  });
});

describe('a file that is being written', () => {
  test('is left alone until it has settled', async () => {
    put(at('a.yaml'), '10.0.0.1');
    const file = await watching(at('a.yaml'), { settle: 600 });
    const begun = performance.now();
    truncateSync(at('a.yaml'));
    for (const line of yaml('10.0.0.2').split(/(?<=\n)/)) {
      await sleep(250);
      expect(file.changes.take()).toBe(false);
      appendFileSync(at('a.yaml'), line);
    }
    await file.becomes('10.0.0.2');
    expect(performance.now() - begun).toBeGreaterThan(750 + 590);
  });

  test('is left alone while its writer has it locked', async () => {
    put(at('a.yaml'), '10.0.0.1');
    const file = await watching(at('a.yaml'), { settle: 0 });
    const writer = spawn('flock', ['--no-fork', at('a.yaml'), 'sh', '-c', 'echo locked; exec cat']);
    await new Promise((locked) => writer.stdout.once('data', locked));
    truncateSync(at('a.yaml'));
    await sleep(400);
    expect(file.changes.take()).toBe(false);
    const reading = file.server();
    writeFileSync(at('a.yaml'), yaml('10.0.0.2'));
    file.source.reload();
    await sleep(300);
    expect(file.changes.take()).toBe(false);
    writer.stdin.end();
    expect(await reading).toBe('10.0.0.2');
    await file.becomes('10.0.0.2');
  });

  test('is not waited for beyond the end', async () => {
    put(at('a.yaml'), '10.0.0.1');
    const writer = spawn('flock', ['--no-fork', at('a.yaml'), 'sh', '-c', 'echo locked; exec cat']);
    await new Promise((locked) => writer.stdout.once('data', locked));
    const ending = new AbortController();
    using source = new StateFileSource(at('a.yaml'), { signal: ending.signal });
    const reading = source.read();
    ending.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    writer.stdin.end();
  });

  test('is read at once if somebody says so', async () => {
    put(at('a.yaml'), '10.0.0.1');
    const file = await watching(at('a.yaml'), { settle: 3_600_000 });
    writeFileSync(at('a.yaml'), yaml('10.0.0.2'));
    await sleep(100);
    expect(file.changes.take()).toBe(false);
    file.source.reload();
    await file.becomes('10.0.0.2');
  });
});

test('mistakes name the file, and options are checked', async () => {
  writeFileSync(at('a.yaml'), 'services: 5\n');
  using source = new StateFileSource(at('a.yaml'));
  const error = await source.read().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).message).toContain(`${at('a.yaml')}:1:`);
  expect(() => new StateFileSource(at('a.yaml'), { settle: -1 })).toThrow(InvalidArgumentError);
});
