import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { report } from '../../../src/cli/verbs/doctor.js';
import { type Finding, finding } from '../../../src/doctor/finding.js';
import { findingsJson, findingsJsonSchema } from '../../../src/json/findings.js';

const PACKAGE = new URL('../../../package.json', import.meta.url);

const FLUX = finding('arp-flux', 'error', {
  subject: '10.0.0.100',
  what: 'The real server 10.0.0.11 answers.',
  why: 'Clients talk to it.',
  fix: { command: 'sysctl -w net.ipv4.conf.all.arp_ignore=1', step: 'arp-ignore', on: '10.0.0.11' },
});
const IDLE = finding('quiesced-idle', 'note', {
  subject: '10.0.0.12:80 of tcp://10.0.0.100:80',
  what: 'It is quiesced.',
  why: 'It can be taken out.',
  fix: { command: 'ipvs-ts -d -t 10.0.0.100:80 -r 10.0.0.12:80' },
});
const TEXT = `error arp-flux: 10.0.0.100
  The real server 10.0.0.11 answers.
  Clients talk to it.
  mend: on 10.0.0.11: sysctl -w net.ipv4.conf.all.arp_ignore=1
  see:  docs/doctor/arp-flux.md

note quiesced-idle: 10.0.0.12:80 of tcp://10.0.0.100:80
  It is quiesced.
  It can be taken out.
  mend: ipvs-ts -d -t 10.0.0.100:80 -r 10.0.0.12:80
  see:  docs/doctor/quiesced-idle.md

this director: 1 error, 1 note
`;

test('what people read', () => {
  const picture = { role: 'director' } as const;
  expect(report([FLUX, IDLE], picture, false)).toBe(TEXT);
  const coloured = report([FLUX, IDLE], picture, true);
  expect(coloured).toContain('\u001b[31merror\u001b[39m arp-flux');
  expect(stripVTControlCharacters(coloured)).toBe(TEXT);
  expect(report([], picture, false)).toBe('Nothing is wrong with this director.\n');
  expect(report([], {}, false)).toBe('Nothing is wrong with this host.\n');
});

test('what programs read', () => {
  const findings: Finding[] = [FLUX, IDLE];
  expect(findingsJsonSchema.parse(JSON.parse(findingsJson(findings)))).toEqual(findings);
  expect(JSON.parse(findingsJson([]))).toEqual([]);
});

describe('usage errors', () => {
  test.each([
    ['--json --fix', '--json and --fix'],
    ['--mode dr', 'director or realserver'],
    ['realserver --vip 10.0.0.1', '--mode is missing'],
    ['director --mode dr --vip 10.0.0.1', '--device is missing'],
    ['director --mode nat --vip 10.0.0.1 --device eth0', '--network is missing'],
    ['realserver --mode nat', '--gateway is missing'],
    ['--peer /nowhere', '--peer /nowhere: no such file or directory'],
    [`--peer ${fileURLToPath(PACKAGE)}`, 'it has no daemons'],
  ])('%s', async (words, message) => {
    const stderr = new PassThrough({ encoding: 'utf8' });
    const code = await runVerb('doctor', words.split(' '), {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr,
    });
    expect({ code, text: String(stderr.read()) }).toEqual({ code: 2, text: expect.stringContaining(message) });
  });
});

test('the page of exit codes says what the command does', () => {
  const page = readFileSync(new URL('../../../docs/doctor/README.md', import.meta.url), 'utf8');
  for (const row of ['| 0 | nothing, or only notes |', '| 3 | warnings |', '| 4 | errors |'])
    expect(page).toContain(row);
});
