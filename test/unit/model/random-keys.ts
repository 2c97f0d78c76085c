import fc from 'fast-check';
import { formatIP } from '../../../src/address/ip.js';
import { type EndpointKey, type FwmarkKey, PROTOCOLS, type ServiceKey } from '../../../src/model/service-key.js';

/** Objects as a program writes them. Others are never strictly equal to what the library makes. */
const PLAIN = { noNullPrototype: true };

/** Of the whole range, and often enough equal to another one. */
export const anyAddress: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('10.0.0.1', '200.0.0.1', '::1', 'a00:1::', 'fd00::1'),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatIP),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatIP),
);

export const anyPort: fc.Arbitrary<number> = fc.oneof(fc.constantFrom(0, 80, 65535), fc.nat(65535));

export const anyEndpointKey: fc.Arbitrary<EndpointKey> = fc.record(
  {
    protocol: fc.constantFrom(...PROTOCOLS, 'ip0' as const, 'ip47' as const, 'ip255' as const),
    address: anyAddress,
    port: anyPort,
  },
  PLAIN,
);

export const anyFwmarkKey: fc.Arbitrary<FwmarkKey> = fc.record(
  {
    protocol: fc.constant('fwmark' as const),
    mark: fc.oneof(fc.constantFrom(1, 0x7fffffff, 0xffffffff), fc.integer({ min: 1, max: 0xffffffff })),
    family: fc.constantFrom('ipv4' as const, 'ipv6' as const),
  },
  PLAIN,
);

/** In the one form that `parseServiceKey` gives. */
export const anyServiceKey: fc.Arbitrary<ServiceKey> = fc.oneof(anyEndpointKey, anyFwmarkKey);
