/** `ipvs-ts top` as people and scripts meet it: the built program, under a terminal of its own and without one. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { plainBlock, takeReading } from '../../src/cli/top/index.js';
import { Ipvs } from '../../src/index.js';
import { Lan } from '../lab/network.js';
import { execute, succeed } from '../lab/process.js';
import { useBoth } from './fixture.js';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

const both = useBoth();

/** The guest has no terminals until someone asks for them. */
beforeAll(async () => {
  if (existsSync('/dev/pts/ptmx')) return;
  mkdirSync('/dev/pts', { recursive: true });
  await succeed('mount', ['-t', 'devpts', 'devpts', '/dev/pts']);
});

/** A program on a terminal of its own, made by util-linux's `script`, that a test types on and looks at. */
class Session implements AsyncDisposable {
  readonly #script: ChildProcessWithoutNullStreams;
  readonly #directory = mkdtempSync(join(tmpdir(), 'top-'));
  readonly #exit: Promise<unknown[]>;
  /** All that came so far. */
  output = '';

  constructor(words: string, { columns, rows }: { columns: number; rows: number }, environment = {}) {
    const program = `${process.execPath} ${MAIN} ${words}`;
    const command =
      `stty cols ${columns} rows ${rows}; tty >${this.#directory}/tty; stty -g >${this.#directory}/before; ` +
      `sh -c 'echo $$ >${this.#directory}/pid; exec ${program}'; ` +
      `code=$?; stty -g >${this.#directory}/after; exit $code`;
    this.#script = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      stdio: 'pipe',
      env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh', NO_COLOR: '', ...environment },
    });
    this.#exit = once(this.#script, 'exit');
    this.#script.stdout.on('data', (chunk) => {
      this.output += chunk;
    });
  }

  read(name: 'tty' | 'before' | 'after' | 'pid'): string {
    return readFileSync(join(this.#directory, name), 'utf8').trim();
  }

  type(keys: string): void {
    this.#script.stdin.write(keys);
  }

  /** Waits until what came after a place has this in it, escape sequences left out; where it ended. */
  async see(text: string | RegExp, after = 0): Promise<number> {
    const seen = () => stripVTControlCharacters(this.output.slice(after));
    if (typeof text === 'string') await expect.poll(seen, { timeout: 15_000 }).toContain(text);
    else await expect.poll(seen, { timeout: 15_000 }).toMatch(text);
    return this.output.length;
  }

  async end(): Promise<unknown> {
    const [code] = await this.#exit;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#script.kill();
    await this.#exit;
    rmSync(this.#directory, { recursive: true });
  }
}

async function fill(): Promise<void> {
  const { ipvs } = both;
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' });
  await ipvs.addDestination('tcp://192.0.2.1:80', { address: '10.0.0.1', weight: 7 });
  await ipvs.addDestination('tcp://192.0.2.1:80', { address: '10.0.0.2', weight: 0 });
  await ipvs.addService({ protocol: 'fwmark', mark: 5, family: 'ipv6' });
}

it('shows the table, obeys keys, and gives the terminal back', { timeout: 180_000 }, async () => {
  await fill();
  await using session = new Session('top --interval 0.5', { columns: 100, rows: 20 });
  await session.see('TCP 192.0.2.1:80 rr');
  await session.see('FWM 5 IPv6 wlc');
  await session.see(/ {2}10\.0\.0\.1:80 +7 +0 +0 /);
  expect(session.output.startsWith(ENTER)).toBe(true);
  expect(session.output).toContain('\x1b[1mTCP 192.0.2.1:80 rr');

  let place = session.output.length;
  session.type('w');
  place = await session.see('sort: weight', place);
  session.type('/10.0.0.2\r');
  place = await session.see('filter: 10.0.0.2', place);
  expect(stripVTControlCharacters(session.output.slice(place - 200))).not.toContain('FWM 5');
  session.type('\x1b');
  place = await session.see('FWM 5', place);
  session.type('?');
  place = await session.see('KEYS', place);
  session.type('?');
  place = await session.see('WEIGHT', place);

  // What changes in the kernel shows.
  await both.ipvs.addDestination('tcp://192.0.2.1:80', { address: '10.0.0.3', weight: 55 });
  place = await session.see(/10\.0\.0\.3:80 +55 /, place);

  await succeed('stty', ['-F', session.read('tty'), 'cols', '40', 'rows', '10']);
  await session.see(/INACT\s*TCP/, place);
  await expect.poll(() => lastScreen(session.output).every((line) => line.length <= 40)).toBe(true);
  // stty sets one after the other.
  await expect.poll(() => lastScreen(session.output).length, { timeout: 5000 }).toBe(10);

  session.type('q');
  expect(await session.end()).toBe(0);
  expect(session.output.endsWith(LEAVE)).toBe(true);
  expect(session.read('after')).toBe(session.read('before'));
});

/** The lines of the last drawing that is whole. */
function lastScreen(output: string): string[] {
  const drawing = output.split('\x1b[1;1H').at(-2) ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they begin each line
  return drawing.split(/\x1b\[\d+;1H/).map((line) => stripVTControlCharacters(line));
}

it('gives the terminal back when Ctrl-C or a signal ends it, and writes no colours where they are not wanted', {
  timeout: 180_000,
}, async () => {
  await fill();
  {
    await using session = new Session('top', { columns: 80, rows: 24 }, { NO_COLOR: '1' });
    await session.see('TCP 192.0.2.1:80 rr');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with it
    expect(session.output).not.toMatch(/\x1b\[[1-9][\d;]*m/);
    session.type('\x03');
    expect(await session.end()).toBe(0);
    expect(session.output.endsWith(LEAVE)).toBe(true);
    expect(session.read('after')).toBe(session.read('before'));
  }
  await using session = new Session('top', { columns: 80, rows: 24 });
  await session.see('TCP 192.0.2.1:80 rr');
  process.kill(Number(session.read('pid')), 'SIGTERM');
  expect(await session.end()).toBe(128 + 15);
  expect(session.output).toContain(LEAVE);
  expect(session.read('after')).toBe(session.read('before'));
});

it('writes lines where there is no terminal, and ends when nobody reads them', { timeout: 180_000 }, async () => {
  await fill();
  const program = `${process.execPath} ${MAIN} top --interval 0.2`;
  const result = await execute('sh', ['-c', `{ ${program}; echo code $? >&2; } | head -n 30`]);
  // As a shell says it of a program that SIGPIPE ended.
  expect(result.stderr).toBe('code 141\n');
  const blocks = result.stdout.split('\n\n');
  expect(blocks.length).toBeGreaterThan(2);
  expect(blocks[1]?.split('\n').slice(1)).toEqual(blocks[0]?.split('\n').slice(1));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
  expect(result.stdout).not.toMatch(/\x1b/);
});

it('tells without rights what /proc tells', { timeout: 180_000 }, async () => {
  await fill();
  const words = ['--bounding-set=-net_admin', process.execPath, MAIN, 'top', '--once'];
  const { stdout, code } = await execute('setpriv', words);
  expect(code).toBe(0);
  expect(stdout).toContain('\nread from /proc: rates of services and real servers are not known (');
  expect(stdout).toMatch(/^ {2}10\.0\.0\.1:80 +7 +0 +0 +- +- +- +- +-$/m);
});

it('tells the rates that ipvsadm tells, and none where they stand still', { timeout: 120_000 }, async () => {
  await using lan = await Lan.create();
  const director = await lan.host('director', '10.9.0.3/24', '10.9.0.100/32');
  const server = await lan.host('rs1', '10.9.0.11/24');
  const client = await lan.host('client', '10.9.0.2/24');
  await server.acceptVirtualAddress('10.9.0.100');
  await server.serveHttp();
  await director.run('ipvsadm', '-A', '-t', '10.9.0.100:80', '-s', 'rr');
  await director.run('ipvsadm', '-a', '-t', '10.9.0.100:80', '-r', '10.9.0.11:80', '-w', '3');
  await client.httpGet('http://10.9.0.100/', 60);
  const listing = 'ipvsadm -Ln --rate --exact';
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  const rates = () => director.run('sh', '-ec', listing);
  await expect.poll(rates, { timeout: 20_000 }).toMatch(/10\.9\.0\.11:80 +[1-9]/);
  // The kernel makes new numbers every two seconds: those count that stayed while ours were read.
  let before = '';
  let lines = '';
  const readBoth = async () => {
    before = await rates();
    lines = plainBlock(await takeReading(ipvs, () => undefined), 'cps');
    return (await rates()) === before;
  };
  await expect.poll(readBoth, { timeout: 20_000 }).toBe(true);
  const numbers = (text: string, name: string) => {
    const line = text.split('\n').find((row) => row.includes(name));
    return line?.trim().split(/\s+/).slice(-5);
  };
  expect(numbers(lines, ' 10.9.0.11:80 ')).toEqual(numbers(before, ' 10.9.0.11:80 '));
  expect(numbers(lines, 'TCP 10.9.0.100:80 rr ')).toEqual(numbers(before, '10.9.0.100:80 '));
  expect(lines).toMatch(/^ {2}10\.9\.0\.11:80 +3 +\d+ +\d+ +[1-9]/m);
  await director.sysctl({ 'net.ipv4.vs.run_estimation': 0 });
  const still = await director.run(process.execPath, MAIN, 'top', '--once');
  expect(still).toContain('\nnet.ipv4.vs.run_estimation is 0');
  expect(still).toMatch(/^ {2}10\.9\.0\.11:80 +3 +\d+ +\d+ +- +- +- +- +-$/m);
});
