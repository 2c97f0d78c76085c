/**
 * The services of a namespace, found by name and listed in the kernel's order (ip_vs_svc_table and ip_vs_svc_fwm_table of
 * Linux before 7.1).
 * @module
 */
import { addressKey, word } from '../traffic/address-key.js';
import type { Service } from './service.js';
import type { ServiceIdentity } from './service-identity.js';

/** IP_VS_SVC_TAB_SIZE. */
const BUCKETS = 256;
const MASK = BUCKETS - 1;

/**
 * Two hash tables, the one of addresses before the one of marks; in a bucket the newest comes first. The kernel mixes the
 * place of the namespace in memory into the hash, so that the order differs from boot to boot: `seed` stands for it.
 */
export class ServiceTable {
  readonly #byAddress = new Map<string, Service>();
  readonly #byMark = new Map<string, Service>();
  /** In each bucket the newest is last. */
  readonly #buckets: Service[][] = Array.from({ length: 2 * BUCKETS }, () => []);
  readonly #seed: number;

  /** @param seed 0 to 255. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#byAddress.size + this.#byMark.size;
  }

  find(identity: ServiceIdentity): Service | undefined {
    return this.#mapOf(identity).get(nameOf(identity));
  }

  add(service: Service): void {
    this.#mapOf(service).set(nameOf(service), service);
    this.#bucketOf(service).push(service);
  }

  delete(service: Service): void {
    this.#mapOf(service).delete(nameOf(service));
    const bucket = this.#bucketOf(service);
    bucket.splice(bucket.lastIndexOf(service), 1);
  }

  /** The services in the kernel's order, after the first `skip` ones. */
  *list(skip = 0): Generator<Service, void, undefined> {
    let left = skip;
    for (const bucket of this.#buckets) {
      for (let i = bucket.length - 1 - left; i >= 0; i--) {
        const service = bucket[i];
        if (service !== undefined) yield service;
      }
      left = Math.max(0, left - bucket.length);
    }
  }

  #mapOf({ mark }: ServiceIdentity): Map<string, Service> {
    return mark === 0 ? this.#byAddress : this.#byMark;
  }

  #bucketOf(identity: ServiceIdentity): Service[] {
    const hash = this.#seed ^ (identity.mark === 0 ? addressHash(identity) : identity.mark);
    return this.#buckets[(hash & MASK) + (identity.mark === 0 ? 0 : BUCKETS)] ?? [];
  }
}

function nameOf({ family, protocol, address, port, mark }: ServiceIdentity): string {
  return mark === 0 ? addressKey(family, address, protocol * 0x10000 + port) : `${family}/${mark}`;
}

/** ip_vs_svc_hashkey, without the namespace. */
function addressHash({ family, protocol, address, port }: ServiceIdentity): number {
  const folded =
    family === 'ipv4' ? word(address, 0) : word(address, 0) ^ word(address, 4) ^ word(address, 8) ^ word(address, 12);
  return protocol ^ folded ^ (port >> 8) ^ port;
}
