import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseService } from '../../../src/model/service.js';
import {
  familyOfKey,
  formatServiceKey,
  parseServiceKey,
  type ServiceKey,
  type ServiceKeyText,
} from '../../../src/model/service-key.js';
import { serviceInput } from '../../arbitraries.js';
import { issuesOf, pathsOf } from './issues.js';
import { anyServiceKey } from './random-keys.js';

/** Runs the check over a value that need not compile. */
function parsed(input: unknown) {
  return parseServiceKey(input as ServiceKey | ServiceKeyText);
}

describe('text', () => {
  test.each<[ServiceKeyText, ServiceKey]>([
    ['tcp://10.0.0.1:80', { protocol: 'tcp', address: '10.0.0.1', port: 80 }],
    ['udp://[2001:db8::1]:53', { protocol: 'udp', address: '2001:db8::1', port: 53 }],
    ['sctp://10.0.0.1:0', { protocol: 'sctp', address: '10.0.0.1', port: 0 }],
    ['ip47://10.0.0.1:0', { protocol: 'ip47', address: '10.0.0.1', port: 0 }],
    ['fwmark://5', { protocol: 'fwmark', mark: 5, family: 'ipv4' }],
    ['fwmark://4294967295?family=ipv6', { protocol: 'fwmark', mark: 4294967295, family: 'ipv6' }],
  ])('%s and back', (text, key) => {
    expect(parseServiceKey(text)).toStrictEqual(key);
    expect(formatServiceKey(key)).toBe(text);
  });

  test('of every key, and back', () => {
    fc.assert(
      fc.property(anyServiceKey, (key) => {
        expect(parseServiceKey(formatServiceKey(key))).toStrictEqual(key);
        expect(parseServiceKey(key)).toStrictEqual(key);
      }),
    );
  });

  test('may say what is the default', () => {
    expect(formatServiceKey(parseServiceKey('fwmark://5?family=ipv4'))).toBe('fwmark://5');
    expect(formatServiceKey({ protocol: 'fwmark', mark: 5 })).toBe('fwmark://5');
    expect(formatServiceKey(parseServiceKey('tcp://[2001:DB8:0::1]:80'))).toBe('tcp://[2001:db8::1]:80');
  });

  test.each([
    '',
    '10.0.0.1:80',
    'tcp:10.0.0.1:80',
    'tcp://10.0.0.1',
    'tcp://10.0.0.1:http',
    'tcp://10.0.0.1:080',
    'tcp://10.0.0.1:65536',
    'tcp://010.0.0.1:80',
    'tcp://2001:db8::1:80',
    'tcp://localhost:80',
    'tcp://10.0.0.1:80/',
    'tcp://10.0.0.1:80\n',
    ' tcp://10.0.0.1:80',
    'TCP://10.0.0.1:80',
    'http://10.0.0.1:80',
    'fwmark://',
    'fwmark://0x5',
    'fwmark://-1',
    'fwmark://5?family=inet6',
    'fwmark://5:80',
  ])('refuses %j, and shows the forms there are', (text) => {
    const [issue, ...others] = issuesOf(() => parsed(text));
    expect(others).toEqual([]);
    expect(issue?.path).toBe('');
    expect(issue?.message).toContain(JSON.stringify(text).slice(1, -3));
    expect(issue?.message).toContain('tcp://10.0.0.1:80, udp://[2001:db8::1]:53, fwmark://5 or fwmark://5?family=ipv6');
  });

  test.each(['fwmark://0', 'fwmark://4294967296'])('refuses %j: the mark is out of bounds', (text) => {
    expect(pathsOf(() => parsed(text))).toEqual(['mark']);
  });

  test('refuses leading zeros in a mark, as everywhere else', () => {
    expect(pathsOf(() => parsed('fwmark://010'))).toHaveLength(1);
  });
});

describe('values', () => {
  test('a whole service is its own key', () => {
    fc.assert(
      fc.property(serviceInput, (input) => {
        const service = parseService(input);
        expect(formatServiceKey(parseServiceKey(service))).toBe(formatServiceKey(service));
        expect(parseServiceKey(input)).toStrictEqual(parseServiceKey(service));
        expect(parseServiceKey(service)).not.toHaveProperty('scheduler');
      }),
    );
  });

  test('the family of a mark is IPv4 unless said', () => {
    expect(parseServiceKey({ protocol: 'fwmark', mark: 5 })).toStrictEqual({
      protocol: 'fwmark',
      mark: 5,
      family: 'ipv4',
    });
  });

  test.each<[string, unknown, string]>([
    ['a misspelt field', { protocol: 'tcp', address: '10.0.0.1', port: 80, prot: 1 }, 'prot'],
    ['a mark with a port', { protocol: 'fwmark', mark: 5, port: 80 }, 'port'],
    ['an address with a mark', { protocol: 'tcp', address: '10.0.0.1', port: 80, mark: 5 }, 'mark'],
    ['no port', { protocol: 'tcp', address: '10.0.0.1' }, 'port'],
    ['a bad address', { protocol: 'tcp', address: '10.0.0.01', port: 80 }, 'address'],
    ['mark 0', { protocol: 'fwmark', mark: 0 }, 'mark'],
    ['a misspelt protocol', { protocol: 'tpc', address: '10.0.0.1', port: 80 }, 'protocol'],
    ['nothing', undefined, ''],
    ['a number', 5, ''],
  ])('refuses %s', (_, input, path) => {
    expect(pathsOf(() => parsed(input))).toEqual([path]);
  });

  test('refuses an entry as a whole, and names the field that no key has', () => {
    const entry = { service: { protocol: 'tcp', address: '10.0.0.1', port: 80 } };
    expect(issuesOf(() => parsed(entry))).toContainEqual({ path: 'service', message: 'unknown field' });
  });

  test('says in one line what protocols there are', () => {
    const [issue] = issuesOf(() => parsed({ protocol: 'tpc', address: '10.0.0.1', port: 80 }));
    expect(issue?.message).toMatch(/tcp.*udp.*sctp.*fwmark/);
    expect(issue?.message.length).toBeLessThan(200);
  });
});

describe('protocols by number', () => {
  test.each(['ip0', 'ip47', 'ip255', 'ip300', 'ip65535'])('%s, which the kernel takes, can be named', (protocol) => {
    const key = parsed(`${protocol}://10.0.0.1:80`);
    expect(key).toStrictEqual({ protocol, address: '10.0.0.1', port: 80 });
  });

  test.each(['ip', 'ip-1', 'ip047', 'ip65536', 'ip1.5', 'ipx'])('%s is none', (protocol) => {
    expect(issuesOf(() => parsed({ protocol, address: '10.0.0.1', port: 80 }))).not.toEqual([]);
    expect(issuesOf(() => parsed(`${protocol}://10.0.0.1:80`))).not.toEqual([]);
  });

  test.each([
    ['ip6', 'tcp'],
    ['ip17', 'udp'],
    ['ip132', 'sctp'],
  ])('%s is %s, not a second name that differs from it', (protocol, name) => {
    const issues = issuesOf(() => parsed(`${protocol}://10.0.0.1:80`));
    if (issues.length === 0) expect(parsed(`${protocol}://10.0.0.1:80`)).toMatchObject({ protocol: name });
    else expect(issues.map(({ path }) => path)).toEqual(['protocol']);
  });
});

test.each<[ServiceKey, string]>([
  [{ protocol: 'tcp', address: '10.0.0.1', port: 80 }, 'ipv4'],
  [{ protocol: 'tcp', address: '::1', port: 80 }, 'ipv6'],
  [{ protocol: 'fwmark', mark: 5 }, 'ipv4'],
  [{ protocol: 'fwmark', mark: 5, family: 'ipv6' }, 'ipv6'],
])('%j takes packets of %s', (key, family) => {
  expect(familyOfKey(key)).toBe(family);
});
