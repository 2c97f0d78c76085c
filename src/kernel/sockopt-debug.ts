/**
 * `IPVS_DEBUG=1` for socket options: each on stderr, with the kernel's name for it.
 * @module
 */
import { errnoName } from '../errors.js';
import * as constants from './constants.js';
import type { OptionSocket } from './kernel.js';

/** Prints what passes through `socket`. */
export function debugOptions(
  socket: OptionSocket,
  print: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): OptionSocket {
  const tell = (arrow: string, prefix: string, option: number, value: Uint8Array, result: number) => {
    const text = result < 0 ? errnoName(result) : Buffer.from(value).toString('hex');
    print(`ipvs ${arrow} ${nameOf(prefix, option)} ${text}`.trimEnd());
  };
  return {
    set(option, value) {
      const result = socket.set(option, value);
      tell('>', 'IP_VS_SO_SET_', option, value, result);
      return result;
    },
    get(option, into) {
      const result = socket.get(option, into);
      tell('<', 'IP_VS_SO_GET_', option, into, result);
      return result;
    },
    close: () => socket.close(),
  };
}

function nameOf(prefix: string, option: number): string {
  const found = Object.entries(constants).find(([name, value]) => value === option && name.startsWith(prefix));
  return found?.[0].slice('IP_VS_SO_'.length) ?? String(option);
}
