import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Destination,
  type DestinationEntry,
  type DestinationFields,
  type DestinationKey,
  formatDestinationKey,
  makeDestination,
  parseDestination,
  parseDestinationKey,
} from '../../../src/model/destination.js';
import { parseService } from '../../../src/model/service.js';
import { parseServiceKey, type ServiceKey } from '../../../src/model/service-key.js';
import { destinationInput, serviceInput } from '../../arbitraries.js';
import { issuesOf, pathsOf } from './issues.js';

const WEB = parseServiceKey('tcp://10.0.0.1:80');
const WEB6 = parseServiceKey('tcp://[2001:db8::1]:80');
const EVERY_PORT = parseServiceKey('tcp://10.0.0.1:0');
const MARK = parseServiceKey('fwmark://5');
const MARK6 = parseServiceKey('fwmark://5?family=ipv6');
const SERVER = { address: '10.0.0.2' } as const;
const SERVER6 = { address: '2001:db8::2' } as const;

/** Runs the check over a value that need not compile. */
function parsed(service: ServiceKey, input: unknown) {
  return parseDestination(service, input as Destination);
}

const serviceAndDestination = serviceInput
  .map((service) => parseServiceKey(parseService(service)))
  .chain((key) => fc.tuple(fc.constant(key), destinationInput(key)));

describe('takes', () => {
  test.each<[string, ServiceKey, Destination]>([
    ['an address alone', WEB, SERVER],
    ['the port of the service', WEB, { ...SERVER, port: 80 }],
    ['NAT to another port', WEB, { ...SERVER, port: 8080, forward: 'nat' }],
    ['NAT to port 0', WEB, { ...SERVER, port: 0, forward: 'nat' }],
    ['every port', EVERY_PORT, SERVER],
    ['a mark, and DR to some port', MARK, { ...SERVER, port: 8080 }],
    ['weight 0', WEB, { ...SERVER, weight: 0 }],
    ['the highest weight', WEB, { ...SERVER, weight: 2 ** 31 - 1 }],
    ['an upper threshold', WEB, { ...SERVER, upperThreshold: 1 }],
    ['equal thresholds', WEB, { ...SERVER, upperThreshold: 2 ** 31 - 1, lowerThreshold: 2 ** 31 - 1 }],
    ['thresholds of 0', WEB, { ...SERVER, upperThreshold: 0, lowerThreshold: 0 }],
    ['a tunnel', WEB, { ...SERVER, forward: 'tun' }],
    ['IP in IP', WEB, { ...SERVER, forward: 'tun', tunnel: { type: 'ipip' } }],
    ['GUE', WEB, { ...SERVER, forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } }],
    ['GRE', WEB, { ...SERVER, forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } }],
    ['a tunnel from IPv4 to IPv6', WEB, { ...SERVER6, forward: 'tun' }],
    ['a tunnel from IPv6 to IPv4', WEB6, { ...SERVER, forward: 'tun' }],
    ['an IPv6 mark', MARK6, SERVER6],
  ])('%s', (_, service, destination) => {
    expect(pathsOf(() => parseDestination(service, destination))).toEqual([]);
  });

  test('every valid destination', () => {
    fc.assert(
      fc.property(serviceAndDestination, ([service, destination]) => {
        expect(issuesOf(() => parseDestination(service, destination))).toEqual([]);
      }),
    );
  });
});

describe('refuses', () => {
  test.each<[string, ServiceKey, object, string]>([
    ['DR to another port', WEB, { ...SERVER, port: 8080 }, 'port'],
    ['DR to another port, said aloud', WEB, { ...SERVER, port: 8080, forward: 'dr' }, 'port'],
    ['a tunnel to another port', WEB, { ...SERVER, port: 8080, forward: 'tun' }, 'port'],
    ['DR to one port of all', EVERY_PORT, { ...SERVER, port: 80 }, 'port'],
    ['a port above 65535', WEB, { ...SERVER, port: 65536, forward: 'nat' }, 'port'],
    ['DR from IPv4 to IPv6', WEB, SERVER6, 'address'],
    ['NAT from IPv6 to IPv4', WEB6, { ...SERVER, forward: 'nat' }, 'address'],
    ['DR from an IPv6 mark to IPv4', MARK6, SERVER, 'address'],
    ['DR from a mark, which is IPv4, to IPv6', { protocol: 'fwmark', mark: 5 }, SERVER6, 'address'],
    ['an address that looks octal', WEB, { address: '10.0.0.02' }, 'address'],
    ['no address', WEB, {}, 'address'],
    ['a negative weight', WEB, { ...SERVER, weight: -1 }, 'weight'],
    ['a weight of 32 bits', WEB, { ...SERVER, weight: 2 ** 31 }, 'weight'],
    ['half a weight', WEB, { ...SERVER, weight: 0.5 }, 'weight'],
    ['an infinite weight', WEB, { ...SERVER, weight: Number.POSITIVE_INFINITY }, 'weight'],
    ['an upper threshold of 33 bits', WEB, { ...SERVER, upperThreshold: 2 ** 32 }, 'upperThreshold'],
    ['a negative lower threshold', WEB, { ...SERVER, lowerThreshold: -1 }, 'lowerThreshold'],
    ['lower above upper', WEB, { ...SERVER, upperThreshold: 5, lowerThreshold: 6 }, 'lowerThreshold'],
    ['lower without upper', WEB, { ...SERVER, lowerThreshold: 1 }, 'lowerThreshold'],
    ['a misspelt method', WEB, { ...SERVER, forward: 'route' }, 'forward'],
    ['GUE without a port', WEB, { ...SERVER, forward: 'tun', tunnel: { type: 'gue' } }, 'tunnel.port'],
    ['GUE with port 0', WEB, { ...SERVER, forward: 'tun', tunnel: { type: 'gue', port: 0 } }, 'tunnel.port'],
    [
      'remote checksums of GRE',
      WEB,
      { ...SERVER, forward: 'tun', tunnel: { type: 'gre', checksum: 'remcsum' } },
      'tunnel.checksum',
    ],
    ['a misspelt tunnel', WEB, { ...SERVER, forward: 'tun', tunnel: { type: 'ipv6' } }, 'tunnel.type'],
    ['a tunnel as text', WEB, { ...SERVER, forward: 'tun', tunnel: 'gre' }, 'tunnel'],
  ])('%s', (_, service, destination, path) => {
    expect(pathsOf(() => parsed(service, destination))).toEqual([path]);
  });

  test.each<[string, object]>([
    ['DR', { ...SERVER, forward: 'dr', tunnel: { type: 'ipip' } }],
    ['NAT', { ...SERVER, forward: 'nat', tunnel: { type: 'ipip' } }],
    ['nothing', { ...SERVER, tunnel: { type: 'ipip' } }],
  ])('a tunnel with %s', (_, destination) => {
    expect(issuesOf(() => parsed(WEB, destination))).toEqual([{ path: 'tunnel', message: 'is only for tun' }]);
  });

  test.each<[string, object, string]>([
    ['a misspelt field', { ...SERVER, wieght: 5 }, 'wieght'],
    ['a misspelt field with a tunnel', { ...SERVER, forward: 'tun', wieght: 5 }, 'wieght'],
    ['a port of IP in IP', { ...SERVER, forward: 'tun', tunnel: { type: 'ipip', port: 5 } }, 'tunnel.port'],
    ['a port of GRE', { ...SERVER, forward: 'tun', tunnel: { type: 'gre', port: 5 } }, 'tunnel.port'],
  ])('%s, and names the field', (_, destination, path) => {
    expect(issuesOf(() => parsed(WEB, destination))).toEqual([{ path, message: 'unknown field' }]);
  });

  test('the family before the port', () => {
    expect(pathsOf(() => parsed(WEB, { ...SERVER6, port: 81 }))).toEqual(['address']);
  });
});

describe('says what is allowed', () => {
  test.each<[string, object, RegExp]>([
    ['the port', { ...SERVER, port: 81 }, /must be 80, the port of tcp:\/\/10\.0\.0\.1:80: dr does not rewrite ports/],
    ['the family', SERVER6, /must be ipv4 as tcp:\/\/10\.0\.0\.1:80: only tun crosses/],
    ['thresholds', { ...SERVER, upperThreshold: 5, lowerThreshold: 6 }, /above upperThreshold \(5\)/],
    ['no upper threshold', { ...SERVER, lowerThreshold: 6 }, /above upperThreshold \(which is not set\)/],
    ['bounds', { ...SERVER, weight: -1 }, /from 0 to 2147483647/],
  ])('%s', (_, destination, message) => {
    expect(issuesOf(() => parsed(WEB, destination)).map((issue) => issue.message)).toEqual([
      expect.stringMatching(message),
    ]);
  });

  test('methods, in words that a program can write', () => {
    const [issue] = issuesOf(() => parsed(WEB, { ...SERVER, forward: 'route' }));
    expect(issue?.message).toMatch(/nat.*dr.*tun/);
    expect(issue?.message).not.toContain('undefined');
  });
});

describe('one form', () => {
  test('defaults', () => {
    const defaults = { ...SERVER, port: 80, forward: 'dr', weight: 1 };
    expect(parseDestination(WEB, SERVER)).toStrictEqual(defaults);
    expect(parseDestination(MARK, SERVER)).toStrictEqual({ ...defaults, port: 0 });
    expect(parseDestination(EVERY_PORT, SERVER)).toStrictEqual({ ...defaults, port: 0 });
    expect(parseDestination(WEB, { ...SERVER, forward: 'nat' })).toStrictEqual({ ...defaults, forward: 'nat' });
    expect(parseDestination(WEB, { ...SERVER, forward: 'tun' })).toStrictEqual({
      ...defaults,
      forward: 'tun',
      tunnel: { type: 'ipip' },
    });
  });

  test.each<[string, Destination, Destination]>([
    ['DR and nothing', { ...SERVER, forward: 'dr' }, SERVER],
    ['thresholds of 0', { ...SERVER, upperThreshold: 0, lowerThreshold: 0 }, SERVER],
    ['undefined and absent', { ...SERVER, port: undefined, weight: undefined, upperThreshold: undefined }, SERVER],
    ['IP in IP and nothing', { ...SERVER, forward: 'tun', tunnel: { type: 'ipip' } }, { ...SERVER, forward: 'tun' }],
    [
      'no checksums',
      { ...SERVER, forward: 'tun', tunnel: { type: 'gre', checksum: 'none' } },
      { ...SERVER, forward: 'tun', tunnel: { type: 'gre', checksum: undefined } },
    ],
    ['spellings of IPv6', { address: '2001:DB8:0:0::2', forward: 'tun' }, { address: '2001:db8::2', forward: 'tun' }],
  ])('%s', (_, one, other) => {
    expect(parseDestination(WEB, one)).toStrictEqual(parseDestination(WEB, other));
  });

  test('is its own', () => {
    fc.assert(
      fc.property(serviceAndDestination, ([service, destination]) => {
        const once = parseDestination(service, destination);
        expect(parsed(service, once)).toStrictEqual(once);
      }),
    );
  });
});

describe('a listed destination, changed', () => {
  /** As the kernel lists it. */
  const entryOf = (destination: DestinationFields): DestinationEntry => ({
    destination: makeDestination(destination),
    activeConnections: 3,
    inactiveConnections: 1,
    persistentConnections: 0,
  });
  const LISTED = { ...SERVER, port: 80, weight: 5 } as const;

  test.each<[string, DestinationFields]>([
    ['DR', { ...LISTED, forward: 'dr' }],
    ['NAT to another port, with thresholds', { ...LISTED, port: 8080, forward: 'nat', upperThreshold: 9 }],
    ['GUE', { ...LISTED, forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'csum' } }],
  ])('%s keeps all else', (_, destination) => {
    const entry = entryOf(destination);
    const before = structuredClone(entry);
    const changed = parseDestination(WEB, { ...entry.destination, weight: 0 });
    expect(changed).toStrictEqual({ ...destination, weight: 0 });
    expect(entry).toStrictEqual(before);
  });

  test('every one takes another weight and keeps all else', () => {
    fc.assert(
      fc.property(serviceAndDestination, ([service, input]) => {
        const { destination } = entryOf(parseDestination(service, input));
        expect(parseDestination(service, { ...destination, weight: 7 })).toStrictEqual({ ...destination, weight: 7 });
      }),
    );
  });

  test.each<[string, DestinationFields, string]>([
    ['local', { ...LISTED, forward: 'local' }, 'forward'],
    ['bypass', { ...LISTED, forward: 'bypass' }, 'forward'],
    ['method5', { ...LISTED, forward: 'method5' }, 'forward'],
    ['a tunnel of type3', { ...LISTED, forward: 'tun', tunnel: { type: 'type3' } }, 'tunnel.type'],
  ])("%s, the kernel's own, is refused", (_, destination, path) => {
    const entry = entryOf(destination);
    expect(pathsOf(() => parseDestination(WEB, { ...entry.destination, weight: 0 }))).toEqual([path]);
  });

  test('a tunnel is refused where DR comes in its place', () => {
    const { destination } = entryOf({ ...LISTED, forward: 'tun', tunnel: { type: 'ipip' } });
    expect(pathsOf(() => parsed(WEB, { ...destination, forward: 'dr' }))).toEqual(['tunnel']);
  });
});

describe('keys', () => {
  test('take the port of the service', () => {
    expect(parseDestinationKey(WEB, SERVER)).toStrictEqual({ ...SERVER, port: 80 });
    expect(parseDestinationKey(MARK, SERVER)).toStrictEqual({ ...SERVER, port: 0 });
    expect(parseDestinationKey(WEB, { address: '2001:DB8::2', port: 0 })).toStrictEqual({ ...SERVER6, port: 0 });
  });

  test('may be a whole destination, whatever the kernel made of it', () => {
    const listed: DestinationFields = { ...SERVER, port: 81, forward: 'method5', weight: 1, upperThreshold: 5 };
    expect(parseDestinationKey(WEB, listed)).toStrictEqual({ ...SERVER, port: 81 });
  });

  test('of a whole destination name what the destination is called', () => {
    fc.assert(
      fc.property(serviceAndDestination, ([service, input]) => {
        const destination = parseDestination(service, input);
        expect(formatDestinationKey(parseDestinationKey(service, input))).toBe(formatDestinationKey(destination));
      }),
    );
  });

  test.each<[string, object, string]>([
    ['a bad address', { address: '10.0.0.02' }, 'address'],
    ['a bad port', { ...SERVER, port: 65536 }, 'port'],
    ['no address', { port: 80 }, 'address'],
    ['a misspelt field', { ...SERVER, prot: 80 }, 'prot'],
    ['an entry as a whole', { destination: SERVER, activeConnections: 0, inactiveConnections: 0 }, 'address'],
  ])('refuse %s', (_, key, path) => {
    expect(pathsOf(() => parseDestinationKey(WEB, key as DestinationKey))).toContain(path);
  });

  test('are text for tables and errors', () => {
    expect(formatDestinationKey({ address: '10.0.0.2', port: 80 })).toBe('10.0.0.2:80');
    expect(formatDestinationKey({ address: '2001:db8::2', port: 0 })).toBe('[2001:db8::2]:0');
  });
});
