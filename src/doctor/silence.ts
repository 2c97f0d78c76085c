/**
 * Real servers and routers that do not answer when the network is asked for them (ARP, neighbour discovery).
 * @module
 */
import { commandLine } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { distinctServers, type Picture, type Server } from './picture.js';
import { isLocal, nextHop } from './routes.js';
import { gatewaysInUse } from './ways.js';

/** The network was to be asked, and this process has not the right to. */
export function notProbed({ probeProblem }: Picture): Finding[] {
  if (probeProblem === undefined) return [];
  return [
    finding('not-probed', 'warning', {
      subject: 'CAP_NET_RAW',
      what: `The network was not asked for virtual IPs, real servers and routers: ${probeProblem}.`,
      why: 'A second owner of a virtual IP, and a real server or router that does not answer, are not found without it.',
      fix: { command: 'sudo ipvs-ts doctor' },
    }),
  ];
}

/** A real server that gets connections and that nobody answers for. */
export function serverSilent(picture: Picture): Finding[] {
  return activeServers(picture).flatMap(({ destination: { address, weight } }) => {
    if (nextHop(address, picture.host) !== address) return [];
    const fix = { command: commandLine([['ping', '-c', '3', address]], picture.netns) };
    if (isSilent(address, picture)) {
      return [
        finding('server-silent', 'error', {
          subject: address,
          what: `The real server ${address} does not answer when the network is asked for it.`,
          why: `It is down or not in this network, and still gets connections: its weight is ${weight}.`,
          fix,
        }),
      ];
    }
    const isFailed = picture.neighbours.some((entry) => entry.address === address && entry.state === 'failed');
    if (picture.answers[address] !== undefined || !isFailed) return [];
    return [
      finding('server-silent', 'note', {
        subject: address,
        what: `The real server ${address} did not answer when the kernel last asked for it. It was not asked again now.`,
        why: `If it is still down, connections to it are lost: its weight is ${weight}.`,
        fix,
      }),
    ];
  });
}

/** A router on the way to real servers or back to clients that nobody answers for. */
export function gatewaySilent(picture: Picture): Finding[] {
  const { host, netns } = picture;
  const towards = activeServers(picture).flatMap(({ destination: { address } }) => {
    const hop = nextHop(address, host);
    return hop === address ? [] : [hop];
  });
  return [...new Set([...towards, ...gatewaysInUse(picture)])]
    .filter((gateway) => isSilent(gateway, picture))
    .map((gateway) =>
      finding('gateway-silent', 'error', {
        subject: gateway,
        what: `The router ${gateway} does not answer when the network is asked for it.`,
        why: towards.includes(gateway)
          ? 'Requests to the real servers behind it are lost.'
          : 'Answers to clients that go by it are lost.',
        fix: { command: commandLine([['ping', '-c', '3', gateway]], netns) },
      }),
    );
}

function activeServers(picture: Picture): Server[] {
  return distinctServers(picture).filter(
    ({ destination: { address, weight } }) => weight > 0 && !isLocal(address, picture.host),
  );
}

/** Whether nobody answered for an address. A permanent entry of the neighbour table needs no answer. */
function isSilent(address: string, { answers, neighbours }: Picture): boolean {
  if (answers[address]?.length !== 0) return false;
  return !neighbours.some(
    (entry) => entry.address === address && (entry.state === 'permanent' || entry.state === 'noarp'),
  );
}
