/**
 * Datagrams of a check: sent to one address, and received from it alone.
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { familyOf } from '../address/ip.js';
import type { Target } from './check-outcome.js';
import type { Run } from './run.js';

/** Bytes to send, and from which address of this host. */
export interface DatagramOptions {
  readonly source?: string | undefined;
  /** What to send; some protocols say in it where the answer is to go. */
  readonly bytes: Uint8Array | ((own: Target) => Uint8Array);
}

/**
 * Sends one datagram, and hands each answer to `read` until it finds something in one. The socket is connected: other hosts are not
 * heard, and a refusal by ICMP is. Rejects with what the system says.
 */
export async function exchange<Found>(
  target: Target,
  { source, bytes }: DatagramOptions,
  { run, read }: { run: Run; read: (answer: Buffer) => Found | undefined },
): Promise<Found> {
  const socket = createSocket(familyOf(target.address) === 'ipv4' ? 'udp4' : 'udp6');
  run.onEnd(() => socket.close());
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (answer) => {
      try {
        const found = read(answer);
        if (found !== undefined) resolve(found);
      } catch (error) {
        reject(error);
      }
    });
    open(socket, { target, source }, () => {
      const sent = typeof bytes === 'function' ? bytes(socket.address()) : bytes;
      socket.send(sent, (error) => error && reject(error));
    });
  });
}

function open(
  socket: Socket,
  { target, source }: { target: Target; source: string | undefined },
  then: () => void,
): void {
  socket.once('connect', then);
  if (source === undefined) socket.connect(target.port, target.address);
  else socket.bind({ address: source, exclusive: true }, () => socket.connect(target.port, target.address));
}
