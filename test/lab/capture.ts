/**
 * What passes a network's switch, by one tcpdump for all its wires: every frame once, in order, with who sent it to whom.
 *
 *     await using capture = await Capture.start(lan);
 *     await client.httpGet('http://10.0.0.100/');
 *     const [connection] = connections(await capture.packets());
 *     connection.request   // ['client -> director: 10.0.0.1 -> 10.0.0.100:80', 'director -> rs1: ...']
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Frame, type IPFrame, type NeighbourFrame, readFrame } from './frame.js';
import type { Lan } from './network.js';
import { succeed } from './process.js';

/** Where and when a frame was seen. */
interface Passage {
  /** Seconds since 1970. */
  readonly time: number;
  /** The wire's name. */
  readonly wire: string;
  /** The host that sent the frame. */
  readonly from: string;
  /** The host that it is for; `everyone` for broadcast and multicast, `nobody` if no host has the address. */
  readonly to: string;
}

export type IPPacket = Passage & IPFrame;
export type NeighbourPacket = Passage & NeighbourFrame;
/** One frame on its way from one host to another; a packet that is forwarded is seen once for each host it leaves. */
export type Packet = IPPacket | NeighbourPacket;

/** RFC 2544 sets these addresses aside for tests: nobody is there, and the switch asks for them. */
const MARKERS = '198.18';

const PCAP_HEADER = 24;
const RECORD_HEADER = 16;

/** A capture that runs until it is disposed of. */
export class Capture implements AsyncDisposable {
  readonly #lan: Lan;
  readonly #tcpdump: ChildProcess;
  readonly #frames: { time: number; frame: Frame }[] = [];
  readonly #waiting = new Map<string, () => void>();
  #unread: Buffer = Buffer.alloc(0);
  #headerRead = false;
  #markers = 0;

  private constructor(lan: Lan, tcpdump: ChildProcess) {
    this.#lan = lan;
    this.#tcpdump = tcpdump;
    tcpdump.stdout?.on('data', (data: Buffer) => this.#read(data));
  }

  /** Starts it; from then on nothing is missed. */
  static async start(lan: Lan): Promise<Capture> {
    // -U and --immediate-mode: every frame at once. The kernel's buffer then has room for so many frames of the full length
    // -s, which is 256 KiB if nobody says so: eight frames, and the ninth is dropped. -Z: it stays root.
    const options = ['-i', 'bridge', '-w', '-', '-U', '--immediate-mode', '-s', '256', '-B', '4096', '-Z', 'root'];
    const tcpdump = spawn('ip', ['netns', 'exec', lan.switch, 'tcpdump', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const capture = new Capture(lan, tcpdump);
    const said: string[] = [];
    const lines = createInterface({ input: tcpdump.stderr });
    for await (const line of lines) {
      said.push(line);
      if (line.includes('listening on')) return capture;
    }
    throw new Error(`tcpdump did not start: ${said.join('\n')}`);
  }

  /** What has passed up to this moment, and since the last call. */
  async packets(): Promise<Packet[]> {
    await this.#catchUp();
    return this.#frames.splice(0).flatMap(({ time, frame }) => this.#packet(time, frame));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const end = once(this.#tcpdump, 'exit');
    this.#tcpdump.kill('SIGKILL');
    await end;
  }

  /** Lets the switch send a frame, which tcpdump writes after all that passed before. */
  async #catchUp(): Promise<void> {
    const number = ++this.#markers;
    const marker = `${MARKERS}.${number >> 8}.${number & 255}`;
    const seen = new Promise<void>((resolve) => this.#waiting.set(marker, resolve));
    await succeed('ip', ['-netns', this.#lan.switch, 'neighbour', 'replace', marker, 'dev', 'bridge', 'use']);
    await seen;
  }

  /** The pcap format: a header, then records of seconds, microseconds, bytes captured and bytes there were. */
  #read(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data]);
    if (!this.#headerRead) {
      if (this.#unread.length < PCAP_HEADER) return;
      this.#unread = this.#unread.subarray(PCAP_HEADER);
      this.#headerRead = true;
    }
    while (this.#unread.length >= RECORD_HEADER) {
      const end = RECORD_HEADER + this.#unread.readUInt32LE(8);
      if (this.#unread.length < end) return;
      const time = this.#unread.readUInt32LE(0) + this.#unread.readUInt32LE(4) / 1e6;
      const frame = readFrame(this.#unread.subarray(RECORD_HEADER, end));
      this.#unread = this.#unread.subarray(end);
      if (frame !== undefined) this.#take(time, frame);
    }
  }

  #take(time: number, frame: Frame): void {
    if (frame.kind !== 'neighbour' || !frame.target.startsWith(`${MARKERS}.`)) {
      this.#frames.push({ time, frame });
      return;
    }
    // The switch asks again when nobody answers: of no consequence.
    this.#waiting.get(frame.target)?.();
    this.#waiting.delete(frame.target);
  }

  /** Nothing for what the switch itself says. */
  #packet(time: number, frame: Frame): Packet[] {
    const from = this.#owner(frame.sourceMac);
    if (from === undefined) return [];
    const group = (Number.parseInt(frame.destinationMac.slice(0, 2), 16) & 1) === 1;
    const to = group ? 'everyone' : (this.#owner(frame.destinationMac) ?? 'nobody');
    const wire = this.#lan.wires.find(({ vlan }) => vlan === frame.vlan)?.name ?? '';
    return [{ ...frame, time, wire, from, to }];
  }

  #owner(mac: string): string | undefined {
    return this.#lan.hosts.find(({ interfaces }) => interfaces.some((one) => one.mac === mac))?.name;
  }
}

/** A TCP connection's packets, wherever they were seen. */
export interface Connection {
  /** Which hosts the client's packets passed and what was in their headers, in order; each passage once. */
  readonly request: readonly string[];
  /** The same for the answers. */
  readonly answer: readonly string[];
  /** All of it, in order. */
  readonly packets: readonly IPPacket[];
}

/**
 * The TCP connections of a capture, by their first packets. Addresses change on the way where there is NAT, but no sequence
 * number does: the first packet is the same one wherever its number is seen.
 */
export function connections(packets: readonly Packet[]): Connection[] {
  const tcp = packets.filter((packet) => packet.kind === 'ip').filter((packet) => packet.tcp !== undefined);
  const openings = tcp.filter(({ tcp }) => tcp?.flags.join() === 'syn');
  const numbers = new Set(openings.map(({ tcp }) => tcp?.sequence));
  return [...numbers].map((number) => {
    const opening = openings.filter(({ tcp }) => tcp?.sequence === number);
    const out = new Set(opening.map(({ source, destination }) => pair(source, destination)));
    const requests = tcp.filter(({ source, destination }) => out.has(pair(source, destination)));
    const answers = tcp.filter(({ source, destination }) => out.has(pair(destination, source)));
    return {
      request: unique(requests.map((packet) => passage(packet, 'request'))),
      answer: unique(answers.map((packet) => passage(packet, 'answer'))),
      packets: tcp.filter((packet) => requests.includes(packet) || answers.includes(packet)),
    };
  });
}

type End = IPPacket['source'];

function pair(source: End, destination: End): string {
  return `${text(source)} ${text(destination)}`;
}

function unique(lines: string[]): string[] {
  return [...new Set(lines)];
}

/** A passage as one line, without the client's port, which is another one each time. */
function passage(packet: IPPacket, direction: 'request' | 'answer'): string {
  const source = direction === 'answer' ? text(packet.source) : packet.source.address;
  const destination = direction === 'request' ? text(packet.destination) : packet.destination.address;
  const { tunnel } = packet;
  const outer = tunnel === undefined ? '' : `${tunnel.type} ${tunnel.source} -> ${tunnel.destination}: `;
  return `${packet.from} -> ${packet.to}: ${outer}${source} -> ${destination}`;
}

function text({ address, port }: End): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The hosts that said of themselves that an address is theirs, each once. */
export function owners(packets: readonly Packet[], address: string): string[] {
  const replies = packets.filter((packet) => packet.kind === 'neighbour' && packet.operation === 'reply');
  return unique(
    replies.filter((packet) => packet.kind === 'neighbour' && packet.target === address).map(({ from }) => from),
  );
}
