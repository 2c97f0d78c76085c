import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProtocolError, UnavailableError } from '../../../src/errors.js';
import { Journal, readJournal } from '../../../src/host/journal.js';
import type { AppliedStep, JournalHeader } from '../../../src/host/record.js';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-record-'));
  path = join(directory, 'below', 'record.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

function applied(device: string): AppliedStep {
  return {
    step: { kind: 'link-up', id: 'tunnel-up', what: `switch ${device} on`, why: '', undo: '', device },
    sysctls: [],
    routes: [],
  };
}
const HEADER: JournalHeader = { version: 2, namespace: 'net-1-0', role: 'director', name: 'dr 10.0.0.100' };
const [ONE, TWO] = [applied('one'), applied('two')];

test('says what was begun and not taken back', () => {
  using journal = Journal.open(path, HEADER);
  journal.begin(ONE);
  journal.begin(TWO);
  expect(readJournal(path)).toEqual({ ...HEADER, needs: [], steps: [ONE, TWO] });
  journal.needs([ONE.step]);
  journal.restoring(1, [{ name: 'net.ipv4.ip_forward', value: '0' }]);
  expect(readJournal(path)?.steps).toEqual([ONE, { ...TWO, restoring: [{ name: 'net.ipv4.ip_forward', value: '0' }] }]);
  journal.undone(1);
  expect(readJournal(path)?.steps).toEqual([ONE]);
  journal.begin(TWO);
  journal.undone(0);
  expect(readJournal(path)?.steps).toEqual([TWO]);
  journal.inherit(ONE);
  expect(readJournal(path)).toEqual({ ...HEADER, needs: [ONE.step], steps: [ONE, TWO] });
  expect(journal.record).toEqual(readJournal(path));
  journal.remove();
  expect(existsSync(path)).toBe(false);
});

test('is gone on with, and says nothing of a line that was not finished', () => {
  for (const half of ['{"beg', '{"begin":{}}']) {
    {
      using journal = Journal.open(path, HEADER);
      journal.begin(ONE);
    }
    appendFileSync(path, half);
    expect(readJournal(path)?.steps).toEqual([ONE]);
    {
      using journal = Journal.open(path, HEADER);
      journal.begin(TWO);
      expect(readJournal(path)?.steps).toEqual([ONE, TWO]);
      journal.remove();
    }
  }
});

test('is begun anew where even the first line was not finished', () => {
  using _ = Journal.open(path, HEADER);
  writeFileSync(path, '{"version":2');
  expect(readJournal(path)).toBeUndefined();
  using journal = Journal.open(path, HEADER);
  journal.begin(ONE);
  expect(readJournal(path)).toEqual({ ...HEADER, needs: [], steps: [ONE] });
});

test('is nothing where there is none', () => {
  expect(readJournal(path)).toBeUndefined();
});

test.each(['hello\n', '{"version":1,"role":"director"}\n', '{}\n', '{"undone":0}\n'])('is not %j', (text) => {
  const file = join(directory, 'file');
  writeFileSync(file, text);
  expect(() => readJournal(file)).toThrow(ProtocolError);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test.each(['hello', 'hello\n', '{"version":1,"role":"real-server"}\n'])('is not written over %j', (text) => {
  const file = join(directory, 'file');
  writeFileSync(file, text);
  expect(() => Journal.open(file, HEADER)).toThrow(ProtocolError);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('that cannot be written says so', () => {
  writeFileSync(join(directory, 'below'), '');
  expect(() => Journal.open(path, HEADER)).toThrow(UnavailableError);
});

test.each<[string, Partial<JournalHeader>, string]>([
  [
    'another set-up',
    { name: 'dr 10.0.0.101' },
    'is the journal of another set-up, director dr 10.0.0.100: take that down',
  ],
  ['another role', { role: 'real-server' }, 'is the journal of another set-up, director dr 10.0.0.100'],
  ['another namespace', { namespace: 'net-2-0' }, 'was made for another network namespace'],
])('of %s is not gone on with', (_, differs, message) => {
  Journal.open(path, HEADER)[Symbol.dispose]();
  expect(() => Journal.open(path, { ...HEADER, ...differs })).toThrow(message);
});

test('names the step that is not one of ours', () => {
  writeFileSync(join(directory, 'file'), `${JSON.stringify(HEADER)}\n{"begin":{"step":{"kind":"exec"}}}\n`);
  expect(() => readJournal(join(directory, 'file'))).toThrow(ProtocolError);
});
