import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProtocolError, UnavailableError } from '../../../src/errors.js';
import { type AppliedStep, Journal, readRecord, recordPath } from '../../../src/host/record.js';

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
const [ONE, TWO] = [applied('one'), applied('two')];

test('says what was begun and not taken back', () => {
  using journal = Journal.open(path, 'director');
  journal.begin(ONE);
  journal.begin(TWO);
  expect(readRecord(path)).toEqual({ version: 1, role: 'director', steps: [ONE, TWO] });
  journal.restoring([{ name: 'net.ipv4.ip_forward', value: '0' }]);
  expect(readRecord(path)?.steps).toEqual([ONE, { ...TWO, restoring: [{ name: 'net.ipv4.ip_forward', value: '0' }] }]);
  journal.undone();
  expect(readRecord(path)?.steps).toEqual([ONE]);
  journal.begin(TWO);
  expect(readRecord(path)?.steps).toEqual([ONE, TWO]);
  journal.remove();
  expect(existsSync(path)).toBe(false);
});

test('is gone on with, and says nothing of a line that was not finished', () => {
  for (const half of ['{"beg', '{"begin":{}}']) {
    {
      using journal = Journal.open(path, 'director');
      journal.begin(ONE);
    }
    appendFileSync(path, half);
    expect(readRecord(path)?.steps).toEqual([ONE]);
    {
      using journal = Journal.open(path, 'director');
      journal.begin(TWO);
      expect(readRecord(path)?.steps).toEqual([ONE, TWO]);
      journal.remove();
    }
  }
});

test('is begun anew where even the first line was not finished', () => {
  using _ = Journal.open(path, 'director');
  writeFileSync(path, '{"version":1');
  expect(readRecord(path)).toBeUndefined();
  using journal = Journal.open(path, 'director');
  journal.begin(ONE);
  expect(readRecord(path)).toEqual({ version: 1, role: 'director', steps: [ONE] });
});

test('is nothing where there is none', () => {
  expect(readRecord(path)).toBeUndefined();
});

test.each(['hello\n', '{"version":2,"role":"director"}\n', '{}\n'])('is not %j', (text) => {
  const file = join(directory, 'file');
  writeFileSync(file, text);
  expect(() => readRecord(file)).toThrow(ProtocolError);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test.each(['hello', 'hello\n', '{"version":1,"role":"real-server"}\n'])('is not written over %j', (text) => {
  const file = join(directory, 'file');
  writeFileSync(file, text);
  expect(() => Journal.open(file, 'director')).toThrow(ProtocolError);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('that cannot be written says so', () => {
  writeFileSync(join(directory, 'below'), '');
  expect(() => Journal.open(path, 'director')).toThrow(UnavailableError);
});

test('of a namespace that is not there is refused', () => {
  expect(() => recordPath('director', { netns: 'nowhere' })).toThrow(
    'there is no network namespace /run/netns/nowhere',
  );
});
