/**
 * Datagrams of a check: sent to one address, and received from it alone.
 * @module
 */
import { createSocket, type Socket } from 'node:dgram';
import { familyOf } from '../address/ip.js';
import { callSockets } from '../linux/call-sockets.js';
import type { CallFrom } from '../model/check.js';
import type { Target } from './check-outcome.js';
import { ownTrouble } from './outcome.js';
import type { Run } from './run.js';
import { NO_ADDON, systemError } from './system-error.js';

/** Bytes to send, and from where. */
export interface DatagramOptions {
  readonly from: CallFrom;
  /** What to send; some protocols say in it where the answer is to go. */
  readonly bytes: Uint8Array | ((own: Target) => Uint8Array);
}

/**
 * Sends one datagram, and hands each answer to `read` until it finds something in one. The socket is connected: other hosts are not
 * heard, and a refusal by ICMP is. Rejects with what the system says.
 */
export async function exchange<Found>(
  target: Target,
  { from, bytes }: DatagramOptions,
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
    open(socket, { target, from }, () => {
      const sent = typeof bytes === 'function' ? bytes(socket.address()) : bytes;
      socket.send(sent, (error) => error && reject(error));
    });
  });
}

function open(socket: Socket, { target, from }: { target: Target; from: CallFrom }, then: () => void): void {
  const { source, device, fwmark } = from;
  socket.once('connect', then);
  if (device !== undefined || fwmark !== undefined)
    socket.bind({ fd: descriptorFor(target, from), exclusive: true }, () =>
      socket.connect(target.port, target.address),
    );
  else if (source === undefined) socket.connect(target.port, target.address);
  else socket.bind({ address: source, exclusive: true }, () => socket.connect(target.port, target.address));
}

/** Node knows no device and no mark: it is given a socket that has them. */
function descriptorFor({ address, port }: Target, { source, device, fwmark }: CallFrom): number {
  const sockets = callSockets();
  if (sockets === undefined) throw ownTrouble(NO_ADDON);
  const number = sockets.connect(
    { address, port, source, device, mark: fwmark, protocol: 'udp' },
    { onReady: () => undefined },
  );
  if (number < 0) throw systemError(number);
  return sockets.release(number);
}
