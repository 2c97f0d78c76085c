/**
 * Tables of the usual kind: services with ten real servers each. As text, and as netlink messages.
 */
import { readRules } from '../../src/ipvsadm/rules.js';
import { IpvsRequests } from '../../src/kernel/requests.js';
import { AttributeWriter } from '../../src/netlink/attributes.js';
import { NLM_F_REQUEST, writeMessage } from '../../src/netlink/message.js';

export const SERVERS = 10;

/** This many commands, as `ipvsadm -Sn` writes them. */
export function makeRules(commands: number): string {
  const lines: string[] = [];
  for (let n = 0; lines.length < commands; n++) {
    const service = `10.1.${n >> 8}.${n & 255}:80`;
    lines.push(`-A -t ${service} -s wlc`);
    for (let server = 1; server <= SERVERS; server++) {
      lines.push(`-a -t ${service} -r 10.${100 + server}.${n >> 8}.${n & 255}:80 -m -w ${server}`);
    }
  }
  return linesOfText(lines.slice(0, commands));
}

/** One service with this many real servers. */
export function makeService(service: string, servers: number): string {
  const lines = [`-A -t ${service} -s wlc`];
  for (let n = 0; n < servers; n++) lines.push(`-a -t ${service} -r 10.100.${n >> 8}.${n & 255}:80 -m -w 1`);
  return linesOfText(lines);
}

export function linesOfText(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** The same rules as netlink messages for the bound, which puts in what it knows better: the family and the numbers. */
export function encodeRules(rules: string): Uint8Array {
  const requests = new IpvsRequests(0);
  const messages: Uint8Array[] = [];
  const writer = new AttributeWriter();
  for (const { change } of readRules(rules)) {
    writer.truncate(0);
    writeMessage(writer, { type: 0, flags: NLM_F_REQUEST, sequence: 0 }, requests.change(change));
    messages.push(writer.written.slice());
  }
  return Buffer.concat(messages);
}
