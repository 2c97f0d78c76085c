import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bitsOfFlags,
  flagsOfBits,
  makeService,
  parseService,
  SCHEDULER_FLAGS,
  type Service,
  type ServiceEntry,
  type ServiceFields,
} from '../../../src/model/service.js';
import { serviceInput } from '../../arbitraries.js';
import { issuesOf, pathsOf } from './issues.js';

const WEB = { protocol: 'tcp', address: '10.0.0.1', port: 80 } as const;
const DNS = { protocol: 'udp', address: '2001:db8::1', port: 53 } as const;
const MARK = { protocol: 'fwmark', mark: 5 } as const;

/** Runs the check over a value that need not compile. */
function parsed(input: unknown) {
  return parseService(input as Service);
}

describe('takes', () => {
  test.each<[string, Service]>([
    ['the least there is', WEB],
    ['SCTP', { ...WEB, protocol: 'sctp' }],
    ['port 1', { ...WEB, port: 1 }],
    ['port 65535', { ...WEB, port: 65535 }],
    ['every port, with persistence', { ...WEB, port: 0, persistence: {} }],
    ['mark 1', { ...MARK, mark: 1 }],
    ['the highest mark', { ...MARK, mark: 0xffffffff }],
    ['one packet, UDP', { ...DNS, onePacket: true }],
    ['one packet, mark', { ...MARK, onePacket: true }],
    ['no one packet, TCP', { ...WEB, onePacket: false }],
    ['a scheduler that we have not heard of', { ...WEB, scheduler: 'my_sched-2' }],
    ['a scheduler of 15 characters', { ...WEB, scheduler: 'x'.repeat(15) }],
    ['no scheduler', { ...WEB, scheduler: 'none' }],
    ['1 second', { ...WEB, persistence: { timeout: 1 } }],
    ['31 days', { ...WEB, persistence: { timeout: 2678400 } }],
    ['IPv4 prefix 0', { ...WEB, persistence: { netmask: 0 } }],
    ['IPv4 prefix 32', { ...WEB, persistence: { netmask: 32 } }],
    ['a mask with a hole, which the kernel takes', { ...WEB, persistence: { netmask: '255.0.255.0' } }],
    ['IPv6 prefix 1', { ...DNS, persistence: { netmask: 1 } }],
    ['IPv6 prefix 128', { ...DNS, persistence: { netmask: 128 } }],
    ['IPv6 prefix, mark', { ...MARK, family: 'ipv6', persistence: { netmask: 64 } }],
    ['a mask, mark', { ...MARK, persistence: { netmask: '255.255.0.0' } }],
    ['an engine of 16 characters', { ...DNS, persistence: {}, persistenceEngine: 'x'.repeat(16) }],
    ['every flag of sh', { ...WEB, scheduler: 'sh', schedulerFlags: ['sh-fallback', 'sh-port', 'flag-3'] }],
    ['every flag of mh', { ...WEB, scheduler: 'mh', schedulerFlags: ['mh-fallback', 'mh-port', 'flag-3'] }],
    ['numbered flags anywhere', { ...WEB, scheduler: 'rr', schedulerFlags: ['flag-1', 'flag-2', 'flag-3'] }],
    ['fields that are undefined', { ...WEB, scheduler: undefined, onePacket: undefined, persistence: undefined }],
  ])('%s', (_, service) => {
    expect(pathsOf(() => parseService(service))).toEqual([]);
  });

  test('every valid service', () => {
    fc.assert(
      fc.property(serviceInput, (service) => {
        expect(issuesOf(() => parseService(service))).toEqual([]);
      }),
    );
  });
});

describe('refuses', () => {
  test.each<[string, object, string]>([
    ['port 0 without persistence', { ...WEB, port: 0 }, 'port'],
    ['a port above 65535', { ...WEB, port: 65536 }, 'port'],
    ['a negative port', { ...WEB, port: -1 }, 'port'],
    ['half a port', { ...WEB, port: 80.5 }, 'port'],
    ['a port as text', { ...WEB, port: '80' }, 'port'],
    ['no port', { ...WEB, port: undefined }, 'port'],
    ['one packet, TCP', { ...WEB, onePacket: true }, 'onePacket'],
    ['one packet, SCTP', { ...WEB, protocol: 'sctp', onePacket: true }, 'onePacket'],
    ['one packet as text', { ...DNS, onePacket: 'yes' }, 'onePacket'],
    ['an address that looks octal', { ...WEB, address: '010.0.0.1' }, 'address'],
    ['a zone', { ...WEB, address: 'fe80::1%eth0' }, 'address'],
    ['a host name', { ...WEB, address: 'localhost' }, 'address'],
    ['an address that is no text', { ...WEB, address: 167772161 }, 'address'],
    ['a misspelt protocol', { ...WEB, protocol: 'tpc' }, 'protocol'],
    ['no protocol', { ...WEB, protocol: undefined }, 'protocol'],
    ['a protocol that IPVS does not balance', { ...WEB, protocol: 'ip47' }, 'protocol'],
    ['mark 0', { ...MARK, mark: 0 }, 'mark'],
    ['a mark of 33 bits', { ...MARK, mark: 2 ** 32 }, 'mark'],
    ['a misspelt family', { ...MARK, family: 'inet6' }, 'family'],
    ['an empty scheduler', { ...WEB, scheduler: '' }, 'scheduler'],
    ['a scheduler of 16 characters', { ...WEB, scheduler: 'x'.repeat(16) }, 'scheduler'],
    ['a scheduler with a blank', { ...WEB, scheduler: 'w lc' }, 'scheduler'],
    ['a scheduler with a NUL', { ...WEB, scheduler: 'wlc\0' }, 'scheduler'],
    ['an engine of 17 characters', { ...DNS, persistenceEngine: 'x'.repeat(17) }, 'persistenceEngine'],
    ['a flag of sh with mh', { ...WEB, scheduler: 'mh', schedulerFlags: ['sh-port'] }, 'schedulerFlags[0]'],
    ['a flag of mh with sh', { ...WEB, scheduler: 'sh', schedulerFlags: ['mh-port'] }, 'schedulerFlags[0]'],
    ['a flag of sh with the default', { ...WEB, schedulerFlags: ['sh-fallback'] }, 'schedulerFlags[0]'],
    [
      'a flag of mh, second',
      { ...WEB, scheduler: 'rr', schedulerFlags: ['flag-1', 'mh-fallback'] },
      'schedulerFlags[1]',
    ],
    ['a misspelt flag', { ...WEB, scheduler: 'sh', schedulerFlags: ['sh-prot'] }, 'schedulerFlags[0]'],
    ['one flag without a list', { ...WEB, scheduler: 'sh', schedulerFlags: 'sh-port' }, 'schedulerFlags'],
    ['persistence for 0 seconds', { ...WEB, persistence: { timeout: 0 } }, 'persistence.timeout'],
    ['persistence over 31 days', { ...WEB, persistence: { timeout: 2678401 } }, 'persistence.timeout'],
    ['persistence for half a second', { ...WEB, persistence: { timeout: 0.5 } }, 'persistence.timeout'],
    ['persistence for no number', { ...WEB, persistence: { timeout: Number.NaN } }, 'persistence.timeout'],
    ['persistence as a number', { ...WEB, persistence: 360 }, 'persistence'],
    ['IPv4 prefix 33', { ...WEB, persistence: { netmask: 33 } }, 'persistence.netmask'],
    ['IPv4 prefix -1', { ...WEB, persistence: { netmask: -1 } }, 'persistence.netmask'],
    ['half a prefix', { ...WEB, persistence: { netmask: 24.5 } }, 'persistence.netmask'],
    ['a prefix as text', { ...WEB, persistence: { netmask: '24' } }, 'persistence.netmask'],
    ['a mask that looks octal', { ...WEB, persistence: { netmask: '255.255.255.00' } }, 'persistence.netmask'],
    ['an IPv6 mask for IPv4', { ...WEB, persistence: { netmask: 'ffff::' } }, 'persistence.netmask'],
    ['IPv6 prefix 0', { ...DNS, persistence: { netmask: 0 } }, 'persistence.netmask'],
    ['IPv6 prefix 129', { ...DNS, persistence: { netmask: 129 } }, 'persistence.netmask'],
    ['a dotted mask for IPv6', { ...DNS, persistence: { netmask: '255.255.255.0' } }, 'persistence.netmask'],
    ['prefix 64, IPv4 mark', { ...MARK, persistence: { netmask: 64 } }, 'persistence.netmask'],
    [
      'a dotted mask, IPv6 mark',
      { ...MARK, family: 'ipv6', persistence: { netmask: '255.0.0.0' } },
      'persistence.netmask',
    ],
  ])('%s', (_, service, path) => {
    expect(pathsOf(() => parsed(service))).toEqual([path]);
  });

  test.each<[string, object, string]>([
    ['a mark with a port', { ...MARK, port: 80 }, 'port'],
    ['a mark with an address', { ...MARK, address: '10.0.0.1' }, 'address'],
    ['an address with a mark', { ...WEB, mark: 5 }, 'mark'],
    ['an address with a family', { ...WEB, family: 'ipv4' }, 'family'],
    ['a misspelt field', { ...WEB, schedular: 'rr' }, 'schedular'],
    ['a misspelt field of a mark', { ...MARK, schedular: 'rr' }, 'schedular'],
    ['a misspelt field of the persistence', { ...WEB, persistence: { timout: 5 } }, 'persistence.timout'],
  ])('%s, and names the field', (_, service, path) => {
    expect(issuesOf(() => parsed(service))).toEqual([{ path, message: 'unknown field' }]);
  });

  test('each unknown field by itself', () => {
    expect(issuesOf(() => parsed({ ...WEB, schedular: 'rr', mark: 5 }))).toEqual([
      { path: 'schedular', message: 'unknown field' },
      { path: 'mark', message: 'unknown field' },
    ]);
  });

  test.each([[null], [undefined], [5], ['tcp://10.0.0.1:80'], [[WEB]]])('%j, which is no service at all', (input) => {
    expect(issuesOf(() => parsed(input))).not.toEqual([]);
  });

  test('all that is wrong at once', () => {
    const service = { ...WEB, address: '10.0.0', port: -1, scheduler: '', persistence: { timeout: -1, mask: 1 }, x: 1 };
    expect(pathsOf(() => parsed(service)).sort()).toEqual(
      ['address', 'persistence.mask', 'persistence.timeout', 'port', 'scheduler', 'x'].sort(),
    );
    const combinations = { ...WEB, port: 0, onePacket: true };
    expect(pathsOf(() => parsed(combinations))).toEqual(['port', 'onePacket']);
  });
});

describe('says what is allowed', () => {
  test.each<[string, object, RegExp]>([
    ['leading zeros', { ...WEB, address: '010.0.0.1' }, /"010\.0\.0\.1" looks octal/],
    ['port 0', { ...WEB, port: 0 }, /unless the service is persistent/],
    ['one packet', { ...WEB, onePacket: true }, /only for udp and fwmark services, not tcp/],
    ['flags', { ...WEB, scheduler: 'rr', schedulerFlags: ['sh-port'] }, /belongs to the scheduler sh, not rr/],
    ['bounds', { ...WEB, persistence: { timeout: 0 } }, /from 1 to 2678400 seconds/],
    ['protocols', { ...WEB, protocol: 'tpc' }, /tcp.*udp.*sctp.*fwmark/],
  ])('%s', (_, service, message) => {
    expect(issuesOf(() => parsed(service)).map((issue) => issue.message)).toEqual([expect.stringMatching(message)]);
  });
});

describe('a listed service, changed', () => {
  test.each<[string, ServiceFields]>([
    ['the least there is', { ...WEB, scheduler: 'wlc' }],
    ['a mark', { ...MARK, family: 'ipv6', scheduler: 'rr', persistence: { timeout: 60, netmask: 64 } }],
    [
      'every setting',
      {
        ...DNS,
        scheduler: 'rr',
        schedulerFlags: ['flag-1', 'flag-3'],
        onePacket: true,
        persistence: { timeout: 60, netmask: 64 },
        persistenceEngine: 'sip',
      },
    ],
  ])('%s: keeps all else', (_, service) => {
    const entry: ServiceEntry = { service: makeService(service, service) };
    const before = structuredClone(entry);
    const changed = parseService({ ...entry.service, scheduler: 'wrr' });
    expect(changed).toStrictEqual({ ...service, scheduler: 'wrr' });
    expect(entry).toStrictEqual(before);
  });

  test('every one takes another engine and keeps all else', () => {
    fc.assert(
      fc.property(serviceInput, (input) => {
        const entry: ServiceEntry = { service: parseService(input) };
        const changed = { ...entry.service, persistenceEngine: 'other' };
        expect(parseService(changed)).toStrictEqual(changed);
      }),
    );
  });

  test("ip47, the kernel's own, is refused", () => {
    const entry: ServiceEntry = {
      service: makeService({ protocol: 'ip47', address: '10.0.0.1', port: 80 }, { scheduler: 'rr' }),
    };
    expect(pathsOf(() => parseService({ ...entry.service, scheduler: 'wrr' }))).toEqual(['protocol']);
  });

  test('flags of the scheduler it had are refused', () => {
    const entry: ServiceEntry = { service: makeService(WEB, { scheduler: 'sh', schedulerFlags: ['sh-port'] }) };
    expect(pathsOf(() => parseService({ ...entry.service, scheduler: 'wrr' }))).toEqual(['schedulerFlags[0]']);
  });
});

describe('one form', () => {
  test('defaults', () => {
    expect(parseService(WEB)).toStrictEqual({ ...WEB, scheduler: 'wlc' });
    expect(parseService(MARK)).toStrictEqual({ ...MARK, family: 'ipv4', scheduler: 'wlc' });
    expect(parseService({ ...WEB, persistence: {} }).persistence).toStrictEqual({ timeout: 360, netmask: 32 });
    expect(parseService({ ...DNS, persistence: {} }).persistence).toStrictEqual({ timeout: 360, netmask: 128 });
  });

  test.each<[string, Service, Service]>([
    [
      'a mask and its prefix length',
      { ...WEB, persistence: { netmask: '255.255.255.0' } },
      { ...WEB, persistence: { netmask: 24 } },
    ],
    [
      'the widest mask and prefix 0',
      { ...WEB, persistence: { netmask: '0.0.0.0' } },
      { ...WEB, persistence: { netmask: 0 } },
    ],
    [
      'numbered and named flags of sh',
      { ...WEB, scheduler: 'sh', schedulerFlags: ['flag-1', 'flag-2'] },
      { ...WEB, scheduler: 'sh', schedulerFlags: ['sh-fallback', 'sh-port'] },
    ],
    [
      'numbered and named flags of mh',
      { ...WEB, scheduler: 'mh', schedulerFlags: ['flag-1'] },
      { ...WEB, scheduler: 'mh', schedulerFlags: ['mh-fallback'] },
    ],
    [
      'flags in another order, and twice',
      { ...WEB, schedulerFlags: ['flag-3', 'flag-1', 'flag-3'] },
      { ...WEB, schedulerFlags: ['flag-1', 'flag-3'] },
    ],
    ['no flags', { ...WEB, schedulerFlags: [] }, WEB],
    ['no one packet', { ...DNS, onePacket: false }, DNS],
    ['spellings of IPv6', { ...DNS, address: '2001:0DB8:0::0:1' }, DNS],
    ['the default family', { ...MARK, family: 'ipv4' }, MARK],
    [
      'the defaults of persistence',
      { ...WEB, persistence: { timeout: 360, netmask: 32 } },
      { ...WEB, persistence: {} },
    ],
    ['undefined and absent', { ...WEB, persistence: undefined, schedulerFlags: undefined }, WEB],
  ])('%s', (_, one, other) => {
    expect(parseService(one)).toStrictEqual(parseService(other));
  });

  test('is its own', () => {
    fc.assert(
      fc.property(serviceInput, (service) => {
        const once = parseService(service);
        expect(parsed(once)).toStrictEqual(once);
      }),
    );
  });

  test('leaves what was passed in alone', () => {
    const service = Object.freeze({
      ...WEB,
      persistence: Object.freeze({ netmask: '255.0.0.0' }),
      scheduler: 'sh',
      schedulerFlags: Object.freeze(['flag-2', 'flag-1']),
    });
    expect(parsed(service).schedulerFlags).toEqual(['sh-fallback', 'sh-port']);
    expect(service.schedulerFlags).toEqual(['flag-2', 'flag-1']);
  });
});

describe('scheduler flags', () => {
  test('are three bits', () => {
    expect(SCHEDULER_FLAGS.map((flag) => [flag, bitsOfFlags([flag])])).toEqual([
      ['flag-1', 1],
      ['flag-2', 2],
      ['flag-3', 4],
      ['sh-fallback', 1],
      ['sh-port', 2],
      ['mh-fallback', 1],
      ['mh-port', 2],
    ]);
  });

  test.each(['sh', 'mh', 'rr'])('of %s: bits and back', (scheduler) => {
    for (let bits = 0; bits < 8; bits++) expect(bitsOfFlags(flagsOfBits(scheduler, bits))).toBe(bits);
  });

  test('have the names of their scheduler', () => {
    expect(flagsOfBits('sh', 7)).toEqual(['sh-fallback', 'sh-port', 'flag-3']);
    expect(flagsOfBits('mh', 7)).toEqual(['mh-fallback', 'mh-port', 'flag-3']);
    expect(flagsOfBits('wlc', 7)).toEqual(['flag-1', 'flag-2', 'flag-3']);
  });
});
