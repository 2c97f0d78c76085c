import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  droppingChain,
  type FilteredPacket,
  parseIptables,
  parseNftables,
  type Ruleset,
} from '../../../src/doctor/firewall-rules.js';

/** An answer of a real server for NAT. */
const ANSWER: FilteredPacket = {
  hook: 'forward',
  family: 'ipv4',
  protocol: 'tcp',
  source: '10.1.0.11',
  sourcePort: 80,
  incoming: 'eth1',
  outgoing: 'eth0',
  state: 'established',
};
const REQUEST: FilteredPacket = {
  hook: 'input',
  family: 'ipv4',
  protocol: 'tcp',
  destination: '10.0.0.100',
  destinationPort: 80,
  incoming: 'eth0',
  state: 'new',
};

const filter = (...lines: string[]): Ruleset[] => [
  parseIptables([':INPUT DROP [0:0]', ':FORWARD DROP [0:0]', ':OTHER - [0:0]', ...lines, 'COMMIT'].join('\n'), 'ipv4'),
];
const drops = (rulesets: readonly Ruleset[], packet: FilteredPacket) => droppingChain(rulesets, packet) !== undefined;

test.each<[string, FilteredPacket, boolean]>([
  ['', ANSWER, true],
  ['', { ...ANSWER, family: 'ipv6' }, false],
  ['-A FORWARD -j ACCEPT', ANSWER, false],
  ['-A FORWARD -s 10.1.0.0/24 -j ACCEPT', ANSWER, false],
  ['-A FORWARD ! -s 10.1.0.0/24 -j ACCEPT', ANSWER, true],
  ['-A FORWARD -s 10.1.0.11/32 -i eth1 -o eth0 -p tcp -m tcp --sport 80 -j ACCEPT', ANSWER, false],
  ['-A FORWARD -s 10.1.0.11/32 -i eth2 -j ACCEPT', ANSWER, true],
  ['-A FORWARD -i eth+ -j ACCEPT', ANSWER, false],
  ['-A FORWARD -p udp -j ACCEPT', ANSWER, true],
  ['-A FORWARD -p tcp -m tcp --sport 8000:8090 -j ACCEPT', ANSWER, true],
  ['-A FORWARD -p tcp -m tcp --sport 80:90 -j ACCEPT', ANSWER, false],
  ['-A FORWARD -p tcp -m multiport --sports 22,80 -j ACCEPT', ANSWER, false],
  ['-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', ANSWER, false],
  ['-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', { ...ANSWER, state: 'invalid' }, true],
  ['-A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT', { ...ANSWER, state: 'invalid' }, false],
  // The client is not known: it may be one of these.
  ['-A FORWARD -d 10.0.0.0/8 -j ACCEPT', ANSWER, false],
  ['-A FORWARD -d 10.0.0.0/8 -j ACCEPT', { ...ANSWER, destination: '192.0.2.1' }, true],
  // A match that is not understood may hold.
  ['-A FORWARD -m set --match-set good src -j ACCEPT', ANSWER, false],
  ['-A FORWARD -m set --match-set bad src -j DROP', ANSWER, true],
  ['-A FORWARD -m comment --comment "a ! -s b" -j ACCEPT', ANSWER, false],
  ['-A FORWARD -j LOG --log-prefix "x "', ANSWER, true],
  ['-A FORWARD -j NFQUEUE --queue-num 1', ANSWER, false],
  ['-A FORWARD -j OTHER\n-A OTHER -s 10.1.0.0/24 -j ACCEPT', ANSWER, false],
  ['-A FORWARD -j OTHER\n-A OTHER -j RETURN\n-A OTHER -j ACCEPT', ANSWER, true],
  ['-A FORWARD -s 10.2.0.0/24 -j OTHER\n-A OTHER -j ACCEPT', ANSWER, true],
  ['-A FORWARD -g OTHER\n-A FORWARD -j ACCEPT', ANSWER, true],
  ['-A FORWARD -j OTHER\n-A OTHER -j OTHER', ANSWER, false],
  ['-A FORWARD -j REJECT --reject-with icmp-port-unreachable\n-A FORWARD -j ACCEPT', ANSWER, true],
  ['-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT', REQUEST, true],
  ['-A INPUT -d 10.0.0.100/32 -p tcp -m tcp --dport 80 -j ACCEPT', REQUEST, false],
  ['-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', REQUEST, true],
  ['-A INPUT -s 192.0.2.0/24 -j ACCEPT', REQUEST, false],
])('iptables: %s', (lines, packet, dropped) => {
  expect(drops(filter(lines), packet)).toBe(dropped);
});

test("Docker's rules drop what is not Docker's", () => {
  const docker = filter(
    ':DOCKER-USER - [0:0]',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -o docker0 -j OTHER',
    '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
    '-A DOCKER-USER -j RETURN',
  );
  expect(droppingChain(docker, ANSWER)).toBe('iptables, chain FORWARD');
  expect(drops(docker, { ...ANSWER, incoming: 'docker0' })).toBe(false);
});

/** What nft 1.0.6 printed for a table of its own, and for one that iptables-nft made. */
const NFT = parseNftables(readFileSync(new URL('ruleset.json', import.meta.url), 'utf8'));
const [own = [], docker = []] = [
  NFT.filter(({ name }) => name.includes('inet')),
  NFT.filter(({ name }) => name.includes('ip filter')),
];

test.each<[string, Ruleset[], Partial<FilteredPacket>, boolean]>([
  ['a real server and its port', own, {}, false],
  ['a range of ports', own, { sourcePort: 8080 }, false],
  ['another port', own, { sourcePort: 443 }, true],
  ['another real server', own, { source: '10.2.0.11' }, true],
  ['a connection that nobody saw', own, { state: 'invalid' }, true],
  ['a device of a set', own, { source: '10.2.0.11', outgoing: 'br-1' }, false],
  ['IPv6', own, { family: 'ipv6', source: '2001:db8::11' }, true],
  // The other chain has a named set, whose elements nobody looks at.
  ['a client that another chain is for', own, { source: '10.2.0.11', destination: '10.77.0.1' }, false],
  ['a request', own, { ...REQUEST }, false],
  ['a request for another port', own, { ...REQUEST, destinationPort: 8080 }, true],
  ['iptables-nft: what is accepted', docker, {}, false],
  ['iptables-nft: what is not', docker, { source: '10.2.0.11' }, true],
])('nft: %s', (_, rulesets, differs, dropped) => {
  expect(rulesets).toHaveLength(1);
  expect(drops(rulesets, { ...ANSWER, destination: '192.0.2.1', ...differs })).toBe(dropped);
});
