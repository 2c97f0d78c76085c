/**
 * The socket options of IPVS as a kernel in memory: do_ip_vs_set_ctl and do_ip_vs_get_ctl of ip_vs_ctl.c, on the structs'
 * bytes, with their exact lengths and order of checks. It keeps what it is given; it balances nothing.
 */
import { constants } from 'node:os';
import type { OptionSocket } from '../src/kernel/kernel.js';

const { EEXIST, EFAULT, EINVAL, ENODEV, ENOENT, ENOPROTOOPT, ESRCH } = constants.errno;

const BASE = 64 + 1024 + 64;
/** Bytes of each value that is set, by its number. */
const SET_LENGTHS = new Map([
  ...[2, 3, 4, 15].map((number) => [number, 44] as const),
  [5, 0],
  ...[7, 8, 9].map((number) => [number, 68] as const),
  [10, 12],
  [11, 24],
  [12, 24],
]);

/** A service: the 44 bytes of its settings, and destinations of 24, newest first. */
interface FakeService {
  bytes: Buffer;
  destinations: Buffer[];
}

export class FakeOptions implements OptionSocket {
  readonly services: FakeService[] = [];
  readonly timeouts = Buffer.from(Int32Array.of(900, 120, 300).buffer);
  readonly daemons = new Map<number, Buffer>();
  /** What each call to set was given. */
  readonly sent: { option: number; value: string }[] = [];
  /** What every call gives instead of what it would. */
  errno = 0;
  closed = false;
  /** Statistics of every service and destination. */
  readonly stats = Buffer.alloc(56);

  set(option: number, value: Uint8Array): number {
    if (this.errno !== 0) return this.errno;
    const bytes = Buffer.from(value);
    this.sent.push({ option: option - BASE, value: bytes.toString('hex') });
    const length = SET_LENGTHS.get(option - BASE);
    if (length === undefined) return -ENOPROTOOPT;
    return length === bytes.length ? this.#set(option - BASE, bytes) : -EINVAL;
  }

  #set(number: number, value: Buffer): number {
    if (number === 11 || number === 12) return this.#setDaemon(number === 11, value);
    if (number === 10) {
      for (const place of [0, 4, 8])
        if (value.readInt32LE(place) !== 0) value.copy(this.timeouts, place, place, place + 4);
      return 0;
    }
    if (number === 5) {
      this.services.length = 0;
      return 0;
    }
    if (number === 15 && value.readUInt32LE(12) === 0 && value.readUInt32BE(4) === 0 && value.readUInt16BE(8) === 0)
      return 0;
    if (![6, 17, 132].includes(value.readUInt16LE(0))) return -EFAULT;
    const found = this.#find(value);
    if (number === 2) return found === undefined ? this.#add(value) : -EEXIST;
    if (found === undefined || found.bytes.readUInt16LE(0) !== value.readUInt16LE(0)) return -ESRCH;
    return this.#change(number, found, value);
  }

  #add(value: Buffer): number {
    if (nameIn(value, 16) === 'nosuch') return -ENOENT;
    this.services.push({ bytes: Buffer.from(value), destinations: [] });
    return 0;
  }

  #change(number: number, service: FakeService, value: Buffer): number {
    if (number === 3) value.copy(service.bytes);
    else if (number === 4) this.services.splice(this.services.indexOf(service), 1);
    else if (number !== 15) return changeDestination(number, service.destinations, value.subarray(44));
    return 0;
  }

  #setDaemon(isStart: boolean, value: Buffer): number {
    const state = value.readUInt32LE(0);
    if (!isStart) return this.daemons.delete(state) ? 0 : -ESRCH;
    if (this.daemons.has(state)) return -EEXIST;
    if (nameIn(value, 4) === 'none') return -ENODEV;
    this.daemons.set(state, value);
    return 0;
  }

  get(option: number, value: Uint8Array): number {
    if (this.errno !== 0) return this.errno;
    const into = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    switch (option - BASE) {
      case 1:
        return fill(into, Buffer.from(Uint32Array.of(0x010201, 4096, this.services.length).buffer));
      case 2:
        return this.#getServices(into);
      case 3: {
        const found = into.length < 104 ? undefined : this.#find(into);
        return found === undefined ? -ESRCH : fill(into, this.#serviceEntry(found));
      }
      case 4:
        return this.#getDestinations(into);
      case 6:
        return fill(into, this.timeouts);
      case 7:
        return fill(into, Buffer.concat([1, 2].map((state) => this.daemons.get(state) ?? Buffer.alloc(24))));
      default:
        return -ENOPROTOOPT;
    }
  }

  #getServices(into: Buffer): number {
    const room = into.readUInt32LE(0);
    if (into.length !== 8 + 104 * room) return -EINVAL;
    for (const [place, service] of this.services.slice(0, room).entries())
      this.#serviceEntry(service).copy(into, 8 + 104 * place);
    return into.length;
  }

  #getDestinations(into: Buffer): number {
    const room = into.readUInt32LE(16);
    if (into.length !== 24 + 96 * room) return -EINVAL;
    const found = this.#find(into);
    if (found === undefined) return -ESRCH;
    for (const [place, destination] of found.destinations.slice(0, room).entries()) {
      const entry = Buffer.concat([destination, Buffer.from(Uint32Array.of(3, 2, 1, 0).buffer), this.stats]);
      entry.copy(into, 24 + 96 * place);
    }
    return into.length;
  }

  /** With the flag HASHED, which the kernel always sets. */
  #serviceEntry({ bytes, destinations }: FakeService): Buffer {
    const entry = Buffer.concat([bytes, Buffer.from(Uint32Array.of(destinations.length).buffer), this.stats]);
    entry.writeUInt32LE((bytes.readUInt32LE(32) | 2) >>> 0, 32);
    return entry;
  }

  /** A mark goes first; without one, protocol, address and port. */
  #find(key: Buffer): FakeService | undefined {
    const mark = key.readUInt32LE(12);
    return this.services.find(({ bytes }) => {
      if (mark !== 0 || bytes.readUInt32LE(12) !== 0) return bytes.readUInt32LE(12) === mark;
      return bytes.readUInt16LE(0) === key.readUInt16LE(0) && bytes.subarray(4, 10).equals(key.subarray(4, 10));
    });
  }

  close(): void {
    this.closed = true;
  }
}

function changeDestination(number: number, all: Buffer[], value: Buffer): number {
  const found = all.findIndex((one) => one.subarray(0, 6).equals(value.subarray(0, 6)));
  if (number === 7) {
    if (found !== -1) return -EEXIST;
    all.unshift(Buffer.from(value));
    return 0;
  }
  if (found === -1) return -ENOENT;
  if (number === 9) all[found] = Buffer.from(value);
  else all.splice(found, 1);
  return 0;
}

function fill(into: Buffer, answer: Buffer): number {
  if (into.length < answer.length) return -EINVAL;
  answer.copy(into);
  return answer.length;
}

function nameIn(bytes: Buffer, start: number): string {
  return bytes.toString('latin1', start, start + 16).replace(/\0.*$/, '');
}
