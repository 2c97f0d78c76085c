/**
 * Who answers when the network asks for a virtual IP. What a real server needs to be silent is in its plan (steps.ts).
 * @module
 */
import { commandLine, sysctlCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { type Picture, tableVips } from './picture.js';
import { ownersOf } from './vip-owners.js';

/** Seen from a director: others answer for what it has. Seen from a real server: more than one answers. */
export function arpFlux(picture: Picture): Finding[] {
  return picture.role === 'director' ? seenFromDirector(picture) : seenFromRealServer(picture);
}

function seenFromDirector(picture: Picture): Finding[] {
  const { host, owners } = picture;
  const vips = [...new Set([...tableVips(picture), ...Object.keys(owners)])];
  return vips.flatMap((vip) => {
    const { servers, strangers } = ownersOf(vip, picture) ?? { servers: [], strangers: [] };
    const isHere = host.addresses.some(({ address }) => address === vip);
    return [
      ...servers.map((server) => serverAnswers(vip, server)),
      // Where it is not here, vip-elsewhere says it.
      ...(isHere && strangers.length > 0 ? [twoAnswer(vip, strangers, 'This host has it as well')] : []),
    ];
  });
}

function serverAnswers(vip: string, server: string): Finding {
  const command = vip.includes(':')
    ? commandLine([['ip', '-6', 'address', 'show', 'to', vip]])
    : commandLine([
        sysctlCommand('net.ipv4.conf.all.arp_ignore', '1'),
        sysctlCommand('net.ipv4.conf.all.arp_announce', '2'),
      ]);
  return finding('arp-flux', 'error', {
    subject: vip,
    what: `The real server ${server} answers when the network asks who has the virtual IP ${vip}.`,
    why: `${WHY} That server then gets connections past the director.`,
    fix: { command, step: 'arp-ignore', on: server },
  });
}

function twoAnswer(vip: string, macs: readonly string[], also: string): Finding {
  return finding('arp-flux', 'error', {
    subject: vip,
    what: `The hosts with the Ethernet addresses ${macs.join(', ')} answer for the virtual IP ${vip}. ${also}.`,
    why: `${WHY} They are real servers that should not answer, or two active directors.`,
    fix: { command: commandLine([['ip', 'neighbour']]) },
  });
}

const WHY = 'The last answer counts: clients reach now one host, now the other.';

function seenFromRealServer({ owners }: Picture): Finding[] {
  return Object.entries(owners)
    .filter(([, macs]) => macs.length > 1)
    .map(([vip, macs]) => twoAnswer(vip, macs, 'Only one of them should answer, the director'));
}
