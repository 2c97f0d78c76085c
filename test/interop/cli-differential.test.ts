import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runIpvsadm } from '../../src/cli/ipvsadm/ipvsadm.js';
import { Ipvsadm } from '../lab/ipvsadm.js';
import { type Host, Lan } from '../lab/network.js';

/** Lines compared with ipvsadm in one run of this file, at least. */
const LINES = 1500;
const SEQUENCE = 30;

let lan: Lan;
/** Where ipvsadm works, and its twin, where we do. */
let theirs: Host;
let ours: Host;
let ipvsadm: Ipvsadm;
let compared = 0;

beforeAll(async () => {
  lan = await Lan.create();
  [theirs, ours] = [await lan.host('theirs', '10.9.0.1/24'), await lan.host('ours', '10.9.0.1/24')];
  ipvsadm = new Ipvsadm(theirs.namespacePath);
});

afterAll(async () => {
  await ipvsadm[Symbol.asyncDispose]();
  await lan[Symbol.asyncDispose]();
});

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function runOurs(words: readonly string[], input: string): Promise<Outcome> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const output = Promise.all([text(stdout), text(stderr)]);
  const code = await runIpvsadm(words, { stdin, stdout, stderr }, { netns: ours.namespacePath });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { code, stdout: out, stderr: err };
}

/** Runs a line in both places. */
async function compare(line: string, input = ''): Promise<void> {
  const words = line.split(' ').filter((word) => word !== '');
  const [expected, actual] = [await ipvsadm.run(words, input), await runOurs(words, input)];
  expect({ line, ...comparable(words, actual) }).toEqual({ line, ...comparable(words, expected) });
  compared++;
}

/** Unsorted, services come in the order of a hash that is another in every namespace: their lines are compared as a set. */
function comparable(words: readonly string[], { code, stdout, stderr }: Outcome): Outcome {
  return { code, stderr, stdout: words.includes('--nosort') ? stdout.split('\n').sort().join('\n') : stdout };
}

async function compareAll(lines: readonly string[]): Promise<void> {
  await compare('-C');
  for (const line of lines) await compare(line);
  await compare('-Sn');
}

const oneOf = (...words: string[]) => fc.constantFrom(...words);
const maybe = (word: fc.Arbitrary<string>, weight = 1) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight, arbitrary: word });
const join = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((words) => words.filter(Boolean).join(' '));

/** Few addresses, so that commands meet what others left behind; some that are wrong. */
const address = oneOf(
  '10.0.0.1:80',
  '10.0.0.1:80',
  '10.0.0.2:80',
  '10.0.0.2:53',
  '[2001:db8::1]:80',
  '10.0.0.3:0',
  '10.0.0.1',
);
const odd = oneOf(
  '10.0.0',
  '10.1:80',
  '010.0.0.9:80',
  '0x0a000001:80',
  '80',
  '1.2.3.4:99999',
  '[2001:db8::1]',
  '2001:db8::1',
  ':80',
  '1.2.3.4:http',
  '[1.2.3.4]:80',
  '1.2.3.4:',
);
const anyAddress = fc.oneof({ weight: 12, arbitrary: address }, { weight: 1, arbitrary: odd });
const service = fc.oneof(
  { weight: 6, arbitrary: anyAddress.map((text) => `-t ${text}`) },
  { weight: 2, arbitrary: anyAddress.map((text) => `-u ${text}`) },
  { weight: 1, arbitrary: anyAddress.map((text) => `--sctp-service ${text}`) },
  { weight: 2, arbitrary: oneOf('-f 1', '-f 2', '-f 1 -6', '-f 0', '-f x', '-6 -f 1', '-f 2147483647') },
  { weight: 1, arbitrary: oneOf('-t10.0.0.1:80', '--tcp-service=10.0.0.1:80', '--tcp 10.0.0.1:80', '') },
);
const scheduler = oneOf('-s rr', '-s wrr', '-swlc', '--scheduler=sh', '-s mh', '-s nope', '-s none', '-s');
const persistence = oneOf('-p', '-p 300', '-p=5', '--persistent', '--persistent=77', '-p 0', '-p x', '-p 99999999');
const settings = join(
  maybe(scheduler, 3),
  maybe(persistence, 2),
  maybe(oneOf('-M 255.255.255.0', '-M 24', '-M 64', '-M 129', '-M x', '-M 255.0.255.0')),
  maybe(oneOf('-o', '--ops')),
  maybe(oneOf('-b sh-port', '-b flag-1,flag-2', '-b mh-fallback', '-b nope', '-b sh-fallback,sh-port', '-b flag-3')),
  maybe(oneOf('--pe sip', '--pe nope')),
);
const server = fc.oneof(
  {
    weight: 8,
    arbitrary: oneOf(
      '-r 10.0.1.1',
      '-r 10.0.1.1:80',
      '-r 10.0.1.2:8080',
      '-r 10.0.1.3',
      '-r [2001:db8::7]:80',
      '-r 224.0.0.1:80',
    ),
  },
  { weight: 1, arbitrary: anyAddress.map((text) => `-r ${text}`) },
  { weight: 1, arbitrary: fc.constant('') },
);
const tunnel = oneOf(
  '--tun-type ipip',
  '--tun-type gre --tun-csum',
  '--tun-type gue --tun-port 5555',
  '--tun-type gue',
  '--tun-type gue --tun-port 6000 --tun-remcsum',
  '--tun-type gre --tun-remcsum',
  '--tun-type gue --tun-port 0',
  '--tun-type nope',
  '--tun-nocsum',
);
const serverSettings = join(
  maybe(oneOf('-m', '-g', '-i', '--masquerading', '--ipip', '-m -g'), 4),
  maybe(oneOf('-w 5', '-w 0', '-w=3', '-w 2147483647', '-w 2147483648', '-w -1', '-w x', '--weight 7'), 2),
  maybe(oneOf('-x 10', '-x 10 -y 3', '-y 3', '-x x', '-x 5 -y 7')),
  maybe(fc.oneof({ weight: 2, arbitrary: tunnel.map((words) => `-i ${words}`) }, { weight: 1, arbitrary: tunnel })),
);
const list = fc.oneof(
  {
    weight: 6,
    arbitrary: join(
      oneOf('-L -n', '-Ln', '-l -n', '--list --numeric'),
      maybe(oneOf('--stats', '--rate', '--thresholds', '--persistent-conn', '--tun-info'), 4),
      maybe(oneOf('--nosort', '--sort', '--exact', '-X')),
    ),
  },
  { weight: 2, arbitrary: service.map((text) => `-Ln ${text}`) },
  {
    weight: 1,
    arbitrary: oneOf(
      '-Ln --timeout',
      '-L --daemon',
      '-Lnc',
      '-Lnc --stats',
      '-L --timeout --stats',
      '-Ln --daemon --persistent-conn',
      '-Lnc --persistent-conn',
      '-Lnc --sort',
      '-L -n --stats --rate',
      '-n -L',
      '-L extra',
    ),
  },
);
const others = oneOf(
  '-Z',
  '-Z -t 10.0.0.1:80',
  '-Z -f 9',
  '-S -n',
  '-Sn',
  '-S --nosort',
  '--set 900 120 300',
  '--set 0 0 0',
  '--set 1 2',
  '--set x 1 2',
  '--start-daemon master --mcast-interface lo --syncid 5',
  '--start-daemon master --mcast-interface nope',
  '--start-daemon other',
  '--stop-daemon master',
  '--stop-daemon backup',
  '--stop-daemon x',
  '--start-daemon',
  '-v',
  '-C',
  '-Cn',
  '-A -E',
  '-x',
  '--nope',
  '-',
  'word',
  '-A --foo',
  '--start-daemon backup --mcast-interface lo --mcast-group 224.0.0.9 --mcast-port 9 --mcast-ttl 9 --sync-maxlen 2000',
  '--start-daemon master --mcast-group 1.2.3.4',
  '--stop-daemon backup --syncid 300',
);
const line = fc.oneof(
  { weight: 5, arbitrary: join(oneOf('-A', '-A', '-E', '--add-service', '--edit-service'), service, settings) },
  {
    weight: 6,
    arbitrary: join(oneOf('-a', '-a', '-a', '-e', '--add-server', '--edit-server'), service, server, serverSettings),
  },
  { weight: 1, arbitrary: join(oneOf('-D', '--delete-service'), service) },
  { weight: 1, arbitrary: join(oneOf('-d', '--delete-server'), service, server) },
  { weight: 5, arbitrary: list },
  { weight: 2, arbitrary: others },
  // An option where it does not belong.
  {
    weight: 1,
    arbitrary: join(
      oneOf('-A', '-D', '-a', '-d', '-Z', '-C', '-Ln'),
      service,
      maybe(server),
      oneOf('-w 1', '-s rr', '-n', '-c', '--exact', '--syncid 3', '-p', '-m'),
    ),
  },
);

describe('ipvsadm and ipvs-ts say and do the same', () => {
  it(`in ${LINES} lines of random sequences`, async () => {
    await fc.assert(fc.asyncProperty(fc.array(line, { minLength: SEQUENCE, maxLength: SEQUENCE }), compareAll), {
      numRuns: Math.ceil(LINES / SEQUENCE),
      endOnFailure: false,
    });
    expect(compared).toBeGreaterThanOrEqual(LINES);
  }, 400_000);

  it('in restores of random rules, good and bad', async () => {
    const rules = fc
      .array(line, { maxLength: 25 })
      .map((lines) => lines.filter((text) => !text.startsWith('-L')).join('\n'));
    await fc.assert(
      fc.asyncProperty(rules, async (input) => {
        await compare('-C');
        await compare('-R', input);
        await compare('-Ln --thresholds');
      }),
      { numRuns: 20 },
    );
  }, 200_000);

  it('in 100 lines through the executable', async () => {
    const program = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));
    const lines = fc.sample(line, { numRuns: 100, seed: 20 }).map((text) => text.split(' ').filter(Boolean));
    const script = [['-C'], ...lines, ['-Sn']]
      .map((words) => [process.execPath, program, ...words].map((word) => `'${word}'`).join(' '))
      .map((command) => `${command} >out 2>err; printf '%s\\0' $? "$(cat out; echo .)" "$(cat err; echo .)"`)
      .join('\n');
    const printed = await ours.run('sh', '-c', `cd "$(mktemp -d)"\n${script}`);
    const fields = printed.split('\0');
    for (const [index, words] of [['-C'], ...lines, ['-Sn']].entries()) {
      const [code, stdout = '', stderr = ''] = fields.slice(3 * index);
      const actual = { code: Number(code), stdout: stdout.slice(0, -1), stderr: stderr.slice(0, -1) };
      const expected = await ipvsadm.run(words);
      expect({ words, ...comparable(words, actual) }).toEqual({ words, ...comparable(words, expected) });
    }
  }, 300_000);

  it.each([
    [''],
    ['\n\n'],
    ['# comment\n'],
    ['-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80\n-Ln\n'],
    ['-A -t 10.0.0.1:80\nipvsadm -a -t 10.0.0.1:80 -r 10.0.1.1 ipvsadm -m'],
    ['-A -t 10.0.0.1:80\r\n-R\r\n-A -t 10.0.0.2:80\r\n'],
    ['-A -t 10.0.0.1:80\n-A -t\n-A -t 10.0.0.2:80\n'],
    ['-A -t 10.0.0.1:80\n-A -t 10.0.0.3:0\n-A -t 10.0.0.2:80\n'],
    ['-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 224.0.0.1:80\n'],
    ['-A -t 10.0.0.1:80\n-v\n-A -t 10.0.0.2:80\n'],
    ['-v\n-A -u 10.0.0.1:80 -r 10.0.1.1 -w 1'],
  ])('in the restore of %j', async (input) => {
    await compare('-C');
    await compare('-R', input);
    await compare('-Sn');
  });

  it('with names', async () => {
    await compare('-C');
    for (const words of [
      '-A -t localhost:http',
      '-a -t localhost:http -r localhost:http-alt -m',
      '-A -u localhost:domain',
      '-A -t nohost.invalid:80',
      '-L',
      '-S',
      '-L --stats',
      '-L -t localhost:80',
    ]) {
      await compare(words);
    }
  });
});
