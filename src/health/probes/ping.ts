/**
 * Whether the host answers an ICMP echo.
 * @module
 */
import { randomBytes, randomInt } from 'node:crypto';
import { EchoSocket } from '../../linux/echo-socket.js';
import type { PingCheck } from '../../model/check.js';
import { passed } from '../outcome.js';
import type { Probe } from '../run.js';

/** Bytes, as ping(8) sends by default. */
const DATA = 56;

/** Asks once. */
export const probePing: Probe<PingCheck> = async ({ address }, { source, device, fwmark }, run) => {
  run.waitFor('no echo');
  const socket = EchoSocket.open({ address, source, device, mark: fwmark });
  run.onEnd(() => socket[Symbol.dispose]());
  await socket.ask(randomInt(0x1_0000), randomBytes(DATA));
  return passed('echo');
};
