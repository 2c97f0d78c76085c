import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostScript, SCRIPT_FORMS } from '../../../src/host-script/index.js';
import { quoteForShell } from '../../../src/host-script/shell.js';
import { quoteForPowerShell } from '../../../src/host-script/windows.js';
import { parseDirector } from '../../../src/model/director.js';
import { parseRealServer } from '../../../src/model/real-server.js';
import { OUTCOMES } from './script-outcomes.js';

const made = OUTCOMES.filter(({ refused }) => !refused);

// npx vitest run --project unit test/unit/host-script/script.test.ts -u
test.each(made)('$name is as in test/golden/scripts', async ({ name, text }) => {
  await expect(text).toMatchFileSnapshot(`../../golden/scripts/${name}`);
});

test('what is refused says what can be had', async () => {
  const words = OUTCOMES.filter(({ refused }) => refused).map(({ name, text }) => `${name}\n  ${text}\n`);
  await expect(words.join('')).toMatchFileSnapshot('../../golden/scripts/refused');
});

describe('shell', () => {
  test.each(made.filter(({ request }) => request.form === 'rc.conf'))('sh reads $name', ({ text, request }) => {
    const count = 'vips' in request.description ? request.description.vips.length : 0;
    const { stdout, status } = spawnSync('sh', ['-c', `set -u\n${text}\nset`], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout.match(/^ifconfig_lo0_alias\d+=/gm) ?? []).toHaveLength(count);
  });

  test('words come through a shell as they are', () => {
    const words = fc.array(
      fc.string({ unit: 'binary-ascii' }).map((word) => word.replaceAll('\0', '')),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(words, (list) => {
        const text = `for word in ${list.map(quoteForShell).join(' ')}; do printf '%s\\000' "$word"; done`;
        const { stdout } = spawnSync('sh', ['-c', text], { encoding: 'latin1' });
        expect(stdout).toBe(list.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: 50 },
    );
  });

  /** All printable characters but those that no device has. */
  const device = fc.stringMatching(/^[!-.0-9;-~]{1,10}$/).filter((name) => name !== '.' && name !== '..');

  test('a device with an odd name is that device, and nothing else', () => {
    fc.assert(
      fc.property(device, device, fc.constantFrom('iproute2' as const, 'ifconfig' as const), (outer, inner, form) => {
        const { text } = hostScript({
          role: 'director',
          description: parseDirector({
            mode: 'nat',
            device: outer,
            vips: ['10.0.0.100'],
            inside: { network: '10.1.0.0/24', device: inner, address: '10.1.0.1/24', masquerade: true },
          }),
          form,
        });
        // The variables, as a shell has them after the script's own beginning.
        const variables = text.slice(0, text.indexOf('# What was there before each change'));
        const probe = `${variables}\nprintf '%s\\n' "$DEVICE" "$INSIDE"`;
        const { stdout, stderr, status } = spawnSync('sh', ['-c', probe], { encoding: 'utf8' });
        expect({ stdout, stderr, status }).toEqual({ stdout: `${outer}\n${inner}\n`, stderr: '', status: 0 });
        expect(spawnSync('dash', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
        // They stand nowhere else.
        const plain = hostScript({
          role: 'director',
          description: parseDirector({
            mode: 'nat',
            device: 'outer',
            vips: ['10.0.0.100'],
            inside: { network: '10.1.0.0/24', device: 'inner', address: '10.1.0.1/24', masquerade: true },
          }),
          form,
        }).text;
        if (outer !== inner) {
          const renamed = plain
            .replace("'outer'", () => quoteForShell(outer))
            .replace("'inner'", () => quoteForShell(inner));
          const digest = /-[0-9a-f]{8}}$/gm;
          expect(text.replace(digest, '')).toBe(renamed.replace(digest, ''));
        }
      }),
      { numRuns: 100 },
    );
  });
});

test('a unit calls the script of its subject', () => {
  for (const { request, text } of made.filter(({ request: { form } }) => form === 'systemd')) {
    const { fileName } = hostScript({ ...request, form: 'iproute2' });
    expect(text).toContain(
      `\nExecStart=/usr/local/sbin/${fileName} start\nExecStop=/usr/local/sbin/${fileName} stop\n`,
    );
  }
});

test('every form of every system can be made', () => {
  const forms = new Set(made.map(({ request }) => `${request.os} ${request.form}`));
  expect([...forms]).toEqual(Object.entries(SCRIPT_FORMS).flatMap(([os, list]) => list.map((form) => `${os} ${form}`)));
});

test('the defaults are Linux and iproute2', () => {
  const subject = { role: 'real-server', description: parseRealServer({ mode: 'nat', gateway: '10.1.0.1' }) } as const;
  expect(hostScript(subject)).toEqual(hostScript({ ...subject, os: 'linux', form: 'iproute2' }));
  expect(hostScript(subject).fileName).toBe('ipvs-ts-real-server-nat');
});

test.each(['eth0:1', 'a/b', '.', '..'])('no Linux device is named %s', (device) => {
  const description = parseDirector({ mode: 'dr', device, vips: ['10.0.0.100'] });
  expect(() => hostScript({ role: 'director', description })).toThrow(
    /^script: device: .* is no name of a Linux device/,
  );
});

test('a name that leaves no room for an alias is refused for ifconfig alone', () => {
  const description = parseDirector({ mode: 'dr', device: 'elevenchars', vips: ['10.0.0.100'] });
  expect(() => hostScript({ role: 'director', description, form: 'ifconfig' })).toThrow(
    /^script: device: must be at most 10/,
  );
  expect(hostScript({ role: 'director', description }).text).toContain("DEVICE='elevenchars'");
});

test('quotes of PowerShell are doubled', () => {
  expect(quoteForPowerShell("it's $(x)")).toBe("'it''s $(x)'");
});
