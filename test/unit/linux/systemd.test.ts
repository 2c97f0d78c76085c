import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseArguments } from '../../../src/cli/parse-verb.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { parseCommand } from '../../../src/ipvsadm/command.js';

const unit = readFileSync(new URL('../../../examples/systemd/ipvs-ts.service', import.meta.url), 'utf8');
const keep = readFileSync(new URL('../../../examples/systemd/ipvs-ts-keep.service', import.meta.url), 'utf8');
/** With the other path: what stands in comments in, what it replaces out. */
const fedora = unit.replaceAll(/^(Environment)=.*\n#(\1=)/gm, '$2');

/** The words of every call of ipvs-ts in the units, those for the shell among them. */
const calls = [...`${unit}${keep}`.matchAll(/\/usr\/local\/bin\/ipvs-ts ([^>;\n]*)/g)].map(([, words = '']) =>
  words.trim().split(' '),
);

test('keeps a oneshot service that loads, loads again and saves', () => {
  expect(unit).toContain('\nType=oneshot\nRemainAfterExit=yes\n');
  for (const key of ['ExecStart', 'ExecReload', 'ExecStop']) expect(unit).toMatch(new RegExp(`^${key}=`, 'm'));
  expect(fedora).toContain('\nEnvironment=RULES=/etc/sysconfig/ipvsadm\n');
  expect(fedora).not.toMatch(/^[^#].*ipvsadm\.rules/m);
});

test.each(calls)('calls ipvs-ts with words that it knows: %s %s %s', (...words) => {
  const [first = '', ...args] = words.filter((word) => word !== undefined);
  const verb = VERBS.find(({ name }) => name === first);
  if (verb === undefined) {
    expect(() => parseCommand([first, ...args])).not.toThrow();
  } else {
    expect(parseArguments(verb, args)).toBeDefined();
  }
});
