import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { ExecCheck } from '../../../../src/model/check.js';
import { failed, fileIn, LONG, run, useDirectory } from './fixture.js';

const directory = useDirectory();
const TARGET = { address: '192.0.2.1', port: 80 };

function exec(command: readonly string[], fields: Partial<ExecCheck> = {}, signal?: AbortSignal) {
  return run(TARGET, { type: 'exec', command, ...fields }, signal);
}

function shell(script: string, fields: Partial<ExecCheck> = {}, signal?: AbortSignal) {
  return exec(['/bin/sh', '-c', script], fields, signal);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** The process id that a script wrote, once it is there. */
async function pidIn(file: string): Promise<number> {
  await vi.waitFor(() => expect(readFileSync(file, 'utf8')).toMatch(/^\d+\n$/), { timeout: LONG });
  return Number(readFileSync(file, 'utf8'));
}

describe('exec', () => {
  test('passes with exit code 0', async () => {
    expect(await shell('exit 0')).toEqual({ result: 'passed', reason: 'exit code 0' });
  });

  test.each([
    ['exit 3', 'exit code 3'],
    ['echo one >&2; echo two >&2; exit 1', 'exit code 1: "one"'],
    ['echo CRITICAL; exit 2', 'exit code 2: "CRITICAL"'],
    ['echo out; echo err >&2; exit 2', 'exit code 2: "err"'],
    ['kill -SEGV $$', 'ended by SIGSEGV'],
    ['printf "\\033[31mred" >&2; exit 1', 'exit code 1: "\\u{1b}[31mred"'],
  ])('fails softly by: %s', async (script, reason) => {
    expect(await shell(script)).toEqual(failed('soft', reason));
  });

  test('tells the program where it goes, and needs no shell', async () => {
    const file = join(directory.path, 'told');
    const script = `printf '%s\\n' "$@" "$CHECK_ADDRESS" "$CHECK_PORT" "$EXTRA" >"$0"`;
    const command = ['/bin/sh', '-c', script.replaceAll('%', '%%'), file, '%h:%p', '$(id) %% %x', ''];
    expect(await exec(command, { env: { EXTRA: 'more', CHECK_PORT: '1' } })).toMatchObject({ result: 'passed' });
    expect(readFileSync(file, 'utf8')).toBe('192.0.2.1:80\n$(id) % %x\n\n192.0.2.1\n80\nmore\n');
  });

  test('wants an output', async () => {
    expect(await shell('echo UP', { output: 'UP' })).toMatchObject({ result: 'passed' });
    expect(await shell('printf UP', { output: 'UP' })).toMatchObject({ result: 'passed' });
    expect(await shell('echo DOWN', { output: 'UP' })).toEqual(failed('soft', 'output "DOWN", wanted "UP"'));
  });

  test.each([
    [0, { result: 'passed', reason: 'exit code 0' }],
    [1, failed('soft', 'exit code 1')],
    [2, { result: 'passed', reason: 'exit code 2', load: 0 }],
    [102, { result: 'passed', reason: 'exit code 102', load: 100 }],
    [255, { result: 'passed', reason: 'exit code 255', load: 253 }],
  ])('with dynamic weights exit code %i', async (code, outcome) => {
    expect(await shell(`exit ${code}`, { dynamicWeight: true })).toEqual(outcome);
  });

  test.each([
    ['/nowhere/check', 'there is no program /nowhere/check'],
    ['/dev/null', '/dev/null may not be run'],
  ])('is not measured by %s', async (program, reason) => {
    expect(await exec([program])).toEqual({ result: 'not measured', reason });
  });

  test('does not keep a flood, and is not held by it', async () => {
    const outcome = await shell('head -c 3000000 /dev/zero | tr "\\0" x; exit 1');
    expect(outcome).toEqual(failed('soft', /^exit code 1: "x{100}\.\.\. \(8192 characters\)"$/));
  });

  test('kills what the program has started when time is over', async () => {
    const file = join(directory.path, 'pid');
    // The timeout begins with the program, which needs some of it to start on a busy machine.
    const outcome = shell(`sleep 1000 & echo $! >${file}; wait`, { timeout: 2000 });
    const pid = await pidIn(file);
    expect(isAlive(pid)).toBe(true);
    expect(await outcome).toEqual(failed('hard', 'no end of /bin/sh within 2000 ms'));
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), LONG);
  });

  test('kills it when nobody wants to know any more', async () => {
    const file = join(directory.path, 'pid2');
    const controller = new AbortController();
    const outcome = shell(`sleep 1000 & echo $! >${file}; wait`, {}, controller.signal);
    const pid = await pidIn(file);
    controller.abort();
    expect(await outcome).toMatchObject({ result: 'not measured' });
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), LONG);
  });

  test('leaves nothing of its group behind, and does not wait for it', async () => {
    const file = join(directory.path, 'pid3');
    expect(await shell(`sleep 1000 & echo $! >${file}`)).toMatchObject({ result: 'passed' });
    const pid = await pidIn(file);
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), LONG);
  });

  test('is not held by a process that has left its group', async () => {
    const file = join(directory.path, 'pid4');
    expect(
      await shell(`setsid sh -c 'echo $$ >${file}; exec sleep 1000' & while ! test -s ${file}; do :; done`),
    ).toMatchObject({
      result: 'passed',
    });
    process.kill(await pidIn(file), 'SIGKILL');
  });
});

describe('file', () => {
  const look = (path: string) => run(TARGET, { type: 'file', path });

  test.each<[string, object]>([
    ['', {}],
    ['up\n', {}],
    ['75%\n', { load: 75 }],
    [' 0 ', { load: 0 }],
  ])('passes with %j', async (text, extra) => {
    const path = fileIn(directory.path, 'up', text);
    expect(await look(path)).toMatchObject({ result: 'passed', ...extra });
  });

  test.each(['down\n', 'DOWN', 'maintenance until noon', '1000%'])('fails softly with %j', async (text) => {
    const path = fileIn(directory.path, 'up', text);
    expect(await look(path)).toEqual(failed('soft', `${path} says "${text.trim()}"`));
  });

  test('fails softly without the file, or with what is none', async () => {
    expect(await look('/nowhere/up')).toEqual(failed('soft', 'there is no /nowhere/up'));
    expect(await look('/')).toEqual(failed('soft', /^\/ cannot be read: EISDIR/));
  });

  test('is not held by a pipe', async () => {
    const { spawnSync } = await import('node:child_process');
    const path = join(directory.path, 'pipe');
    spawnSync('mkfifo', [path]);
    expect(await look(path)).toMatchObject({ result: 'passed' });
    rmSync(path);
  });
});
