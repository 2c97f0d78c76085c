/**
 * Linux: start, stop and status scripts for directors and real servers, and a systemd unit that calls them.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { familiesOf } from '../host/common-steps.js';
import { masqueradeCommands, masqueradeMark } from '../host/masquerade.js';
import type { NormalDirector } from '../model/director.js';
import type { NormalRealServer } from '../model/real-server.js';
import type { Vip } from '../model/vip.js';
import { type HostScriptSubject, header, scriptUse, stateName, subjectName, vipsOf } from './header.js';
import { IPROUTE2_WANTS } from './iproute2.js';
import { LINUX_WANTS } from './linux-wants.js';
import { NET_TOOLS_WANTS } from './net-tools.js';
import { assignment, comment, quoteForShell, type ShellStep, type ShellWant, shellScript } from './shell.js';

type TunnelServer = Extract<NormalRealServer, { mode: 'tun' }>;
type NatDirector = Extract<NormalDirector, { mode: 'nat' }>;

/** Where the unit expects the script, and the script's own text says to put it. */
export const SCRIPT_DIRECTORY = '/usr/local/sbin';

export const LINUX_TOOLS = {
  iproute2: IPROUTE2_WANTS,
  ifconfig: NET_TOOLS_WANTS,
} as const;

const TESTED = {
  iproute2: ['on Linux 6.1, by the tests of ipvs-ts: start, status, stop'],
  ifconfig: [
    'on Linux 6.1 with net-tools 2.10, by the tests of ipvs-ts: start, status, stop.',
    'route(8) knows the gateway, device and metric of the old default route, and can put back no more than these.',
    'ifconfig does not show addresses that ip(8) added without a label.',
  ],
};

/** The name of the script of a subject. */
export function linuxScriptName(subject: HostScriptSubject): string {
  return `ipvs-ts-${subjectName(subject)}`;
}

/** The script itself. */
export function linuxScript(subject: HostScriptSubject, form: keyof typeof LINUX_TOOLS): string {
  const name = linuxScriptName(subject);
  return shellScript({
    header: header(subject, name, TESTED[form], scriptUse(`${SCRIPT_DIRECTORY}/${name}`)),
    stateName: stateName(subject),
    variables: linuxVariables(subject),
    steps: subject.role === 'director' ? directorSteps(subject.description) : realServerSteps(subject.description),
    wants: [...natRule(subject), ...LINUX_WANTS, ...LINUX_TOOLS[form]],
  });
}

/** A unit that starts the script at boot and stops it at shutdown. */
export function systemdUnit(subject: HostScriptSubject): string {
  const name = linuxScriptName(subject);
  const path = `${SCRIPT_DIRECTORY}/${name}`;
  const gateway = subject.description.gateway !== undefined;
  // VIPs on lo need no network, and are there before the services that bind to them. All else needs devices with addresses.
  const isLocal = !('checksum' in subject.description && subject.description.checksum === true);
  const early = subject.role === 'real-server' && !gateway && isLocal;
  return `${comment(
    header(
      subject,
      `${name}.service`,
      ['by systemd-analyze verify; the script that it calls was run, see there'],
      [
        `install the script of the same role and mode as ${path}, with mode 755`,
        `install -m 644 FILE /etc/systemd/system/${name}.service`,
        `systemctl daemon-reload && systemctl enable --now ${name}`,
      ],
    ),
  )}

[Unit]
Description=IPVS ${subject.role === 'director' ? 'director' : 'real server'}, mode ${subject.description.mode}: addresses, sysctls and routes
ConditionPathExists=${path}
${early ? 'After=network.target\nBefore=network-online.target' : 'Wants=network-online.target\nAfter=network-online.target'}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${path} start
ExecStop=${path} stop

[Install]
WantedBy=multi-user.target
`;
}

function linuxVariables(subject: HostScriptSubject): string[] {
  const [ipv4, ipv6] = byFamily(vipsOf(subject));
  const { description } = subject;
  const lists = [
    ...(ipv4.length === 0 ? [] : [assignment('VIPS', ipv4.map(cidr(subject)))]),
    ...(ipv6.length === 0 ? [] : [assignment('VIPS6', ipv6.map(cidr(subject)))]),
    ...(description.gateway === undefined ? [] : [assignment('GATEWAY', description.gateway)]),
    ...('checksum' in description ? localVariables(description) : []),
    ...('port' in description && description.port !== undefined ? [assignment('PORT', String(description.port))] : []),
  ];
  if (!('device' in description)) return lists;
  const device = assignment('DEVICE', description.device);
  if (description.mode !== 'nat') return [device, ...lists];
  const { inside } = description;
  return [
    device,
    ...lists,
    ...(usesInside(description) ? [assignment('INSIDE', inside.device ?? description.device)] : []),
    ...(inside.address === undefined
      ? []
      : [assignment('INSIDE_ADDRESS', `${inside.address.address}/${inside.address.prefix}`)]),
  ];
}

/** Empty where the script is to find the address. */
function localVariables({ checksum, local = [], vips }: TunnelServer): string[] {
  if (checksum !== true) return [];
  return familiesOf(vips).map((family) => {
    const named = local.find((address) => familyOf(address) === family);
    return assignment(family === 'ipv4' ? 'LOCAL' : 'LOCAL6', named ?? '');
  });
}

/** Whether a step names the device towards the real servers. */
function usesInside({ device, inside }: NatDirector): boolean {
  return inside.address !== undefined || (inside.device ?? device) !== device;
}

/** A real server takes the address alone: with a network it would look for its neighbours on lo. */
function cidr({ role }: HostScriptSubject): (vip: Vip) => string {
  return ({ address, prefix }) => {
    const alone = familyOf(address) === 'ipv4' ? 32 : 128;
    return `${address}/${role === 'director' ? prefix : alone}`;
  };
}

function byFamily(vips: readonly Vip[]): [ipv4: Vip[], ipv6: Vip[]] {
  const isIPv4 = ({ address }: Vip) => familyOf(address) === 'ipv4';
  return [vips.filter(isIPv4), vips.filter((vip) => !isIPv4(vip))];
}

/** A loop over one of the lists, if it has any. */
function eachVip(list: 'VIPS' | 'VIPS6', vips: readonly Vip[], ...commands: string[]): string[] {
  if (vips.length === 0) return [];
  return [`for vip in $${list}; do`, ...commands.map((command) => `  ${command}`), 'done'];
}

const defaultRoute = (why: readonly string[]): ShellStep => ({
  name: 'route_answers',
  why,
  body: ['want_default_route "$GATEWAY"'],
});

function realServerSteps(description: NormalRealServer): ShellStep[] {
  if (description.mode === 'nat') {
    return [
      defaultRoute([
        'Every answer goes back through the director, which puts the VIP in the place of this host as the sender. One that',
        'reached the client by another way would come from an address that the client never called.',
      ]),
    ];
  }
  const [ipv4, ipv6] = byFamily(description.vips);
  return [
    LO_UP,
    ...(ipv4.length === 0 ? [] : [SILENCE_ARP]),
    ...(description.mode === 'dr' ? [loVips(ipv4, ipv6)] : tunnels(description, ipv4, ipv6)),
    ...(description.gateway === undefined
      ? []
      : [defaultRoute(['Answers go to the client by this router, not by the director.'])]),
  ];
}

const LO_UP: ShellStep = {
  name: 'raise_lo',
  why: ['While lo is down, addresses on it take no packets, and IPVS refuses real servers with EINVAL.'],
  body: ['want_up lo'],
};

const SILENCE_ARP: ShellStep = {
  name: 'silence_arp',
  why: [
    'The director alone may tell the network who has a VIP. Linux answers ARP for the addresses of all devices on each of',
    'them. arp_ignore=1: each answers for its own (2 and 8 are silent too; of all and a device the greater value rules, and 3',
    'to 7 do answer). arp_announce=2: a VIP is no sender of ARP questions either, from which neighbours learn too. Before',
    'the VIPs come, so that not one answer gets out.',
  ],
  body: [
    'want_sysctl net/ipv4/conf/all/arp_ignore 1 2 8',
    'for device in /proc/sys/net/ipv4/conf/*; do',
    `  case \${device##*/} in`,
    '    all | default | lo) ;;',
    `    *) want_sysctl "\${device#/proc/sys/}/arp_ignore" 1 0 2 8 ;;`,
    '  esac',
    'done',
    'want_sysctl net/ipv4/conf/all/arp_announce 2',
  ],
};

function loVips(ipv4: readonly Vip[], ipv6: readonly Vip[]): ShellStep {
  return {
    name: 'accept_vips',
    why: [
      'The director sends packets on as they are: this host takes them only if it has the VIP. On lo, of which the network',
      'hears nothing: Linux answers neighbour solicitations (IPv6) for addresses of the device that they come in by.',
    ],
    body: [...eachVip('VIPS', ipv4, 'want_address "$vip" lo'), ...eachVip('VIPS6', ipv6, 'want_address "$vip" lo')],
  };
}

function tunnels(server: TunnelServer, ipv4: readonly Vip[], ipv6: readonly Vip[]): ShellStep[] {
  const [[device, want], [device6, want6]] = tunnelDevices(server);
  const [gue, gue6] = server.tunnel === 'gue' ? [['want_gue -4 "$PORT"'], ['want_gue -6 "$PORT"']] : [[], []];
  return [
    ...(ipv4.length === 0 ? [] : [tunnel('open_tunnel', device, [want, ...loosen(device), ...gue], server)]),
    ...(ipv6.length === 0 ? [] : [tunnel('open_tunnel6', device6, [want6, ...gue6], server)]),
    {
      name: 'accept_vips',
      why: ['What the director wrapped is addressed to a VIP: this host takes it only if it has that.'],
      body: [
        ...eachVip('VIPS', ipv4, `want_address "$vip" ${device}`),
        ...eachVip('VIPS6', ipv6, `want_address "$vip" ${device6}`),
      ],
    },
  ];
}

/** Of IPv4 and IPv6: the device that unwraps packets, and the command that wants it. */
function tunnelDevices({ tunnel, checksum }: TunnelServer): [[string, string], [string, string]] {
  if (checksum === true) {
    return [
      ['ipvs-gre', `want_gre ipvs-gre gre "\${LOCAL:-$(own_address -4)}"`],
      ['ipvs-gre6', `want_gre ipvs-gre6 ip6gre "\${LOCAL6:-$(own_address -6)}"`],
    ];
  }
  return tunnel === 'gre'
    ? [
        ['gre0', 'want_device gre0 ip_gre'],
        ['ip6gre0', 'want_device ip6gre0 ip6_gre'],
      ]
    : [
        ['tunl0', 'want_device tunl0 ipip'],
        ['ip6tnl0', 'want_device ip6tnl0 ip6_tunnel'],
      ];
}

function tunnel(
  name: string,
  device: string,
  before: readonly string[],
  { tunnel: type, checksum }: TunnelServer,
): ShellStep {
  return {
    name,
    why: [
      `The director wraps each packet in one to this host; ${device} unwraps them, whoever sent them.`,
      ...(type === 'gue' ? WHY_GUE : []),
      ...(checksum === true ? WHY_OWN : []),
      ...(name === 'open_tunnel' ? WHY_LOOSE : []),
    ],
    body: [...before, `want_up ${device}`],
  };
}

const WHY_OWN = [
  "The kernel's own GRE devices drop every packet with a checksum. One that takes them must be told to which address of this",
  'host they come: that on the device of the default route, unless LOCAL or LOCAL6 names it.',
];

const WHY_GUE = ['It gets them from a UDP port that takes off the headers of UDP and GUE.'];

const WHY_LOOSE = [
  'Answers to what comes out of it go out by another device, which a strict reverse path filter takes for forgery: it drops',
  'them without a word. Of all and the device the greater value rules; 1 is strict, 2 is loose.',
];

function loosen(device: string): string[] {
  const path = `net/ipv4/conf/${device}/rp_filter`;
  return [
    'case $(cat /proc/sys/net/ipv4/conf/all/rp_filter) in',
    `  0) want_sysctl ${path} 2 0 ;;`,
    `  1) want_sysctl ${path} 2 ;;`,
    `  *) want_sysctl ${path} 2 0 1 ;;`,
    'esac',
  ];
}

function directorSteps(description: NormalDirector): ShellStep[] {
  const [ipv4, ipv6] = byFamily(description.vips);
  return [
    LO_UP,
    // What packets need on their way comes before the VIPs that bring them.
    ...(description.mode === 'nat' ? natSteps(description) : []),
    {
      name: 'take_vips',
      why: [
        'Clients and their router ask the network for the VIPs, and IPVS takes only packets for an address of this host.',
        'The announcement corrects ARP tables that still name another host.',
      ],
      body: [
        ...eachVip('VIPS', ipv4, `want_address "$vip" "$DEVICE" 'any prefix'`, 'announce "$vip" "$DEVICE"'),
        ...eachVip('VIPS6', ipv6, 'want_address "$vip" "$DEVICE" deprecated'),
      ],
    },
    ...(description.gateway === undefined ? [] : [defaultRoute(['The director needs a way to its clients.'])]),
  ];
}

function natSteps({ device, inside }: NatDirector): ShellStep[] {
  const family = familyOf(inside.network.address);
  const oneNetwork = (inside.device ?? device) === device;
  return [
    ...(inside.address === undefined ? [] : [TAKE_INSIDE_ADDRESS]),
    ...(oneNetwork && family === 'ipv4' ? [SILENCE_REDIRECTS] : []),
    family === 'ipv4' ? forward4(oneNetwork) : FORWARD6,
    ...(inside.masquerade ? [masquerade(family)] : []),
  ];
}

const TAKE_INSIDE_ADDRESS: ShellStep = {
  name: 'take_inside_address',
  why: ['The gateway of the real servers: answers come back to it.'],
  body: [`want_address "$INSIDE_ADDRESS" "$INSIDE" 'any prefix'`],
};

const SILENCE_REDIRECTS: ShellStep = {
  name: 'silence_redirects',
  why: [
    'With clients and real servers in one network, Linux tells each real server by ICMP redirect that the client is nearer',
    'without the director. Answers would then go past it, and the client drops them. They are sent if either value says so.',
  ],
  body: ['want_sysctl net/ipv4/conf/all/send_redirects 0', 'want_sysctl "net/ipv4/conf/$DEVICE/send_redirects" 0'],
};

const WHY_FORWARD = 'What real servers answer is addressed to clients, not to the director: it must forward it.';

function forward4(oneNetwork: boolean): ShellStep {
  return {
    name: 'forward',
    why: [WHY_FORWARD],
    body: [
      'want_forwarding ipv4 net/ipv4/ip_forward',
      'want_sysctl "net/ipv4/conf/$DEVICE/forwarding" 1',
      ...(oneNetwork ? [] : ['want_sysctl "net/ipv4/conf/$INSIDE/forwarding" 1']),
    ],
  };
}

const FORWARD6: ShellStep = {
  name: 'forward',
  why: [
    WHY_FORWARD,
    'Linux then forgets the default routes that it learnt from router advertisements: name the gateway.',
  ],
  body: ['want_forwarding ipv6 net/ipv6/conf/all/forwarding'],
};

function masquerade(family: Family): ShellStep {
  const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
  return {
    name: 'masquerade',
    why: [
      'The real servers see the director as the client, and answer it whatever their gateway is. That is the work of',
      'connection tracking, which IPVS else keeps its connections out of.',
    ],
    body: ['want_ip_vs', 'want_sysctl net/ipv4/vs/conntrack 1', `want_masquerade ${tool} ${tool}-legacy`],
  };
}

/** The masquerade rule in the words of each tool: `nat_rule TOOL add|check|delete`. */
function natRule({ description }: HostScriptSubject): ShellWant[] {
  if (!('inside' in description) || !description.inside.masquerade) return [];
  const { network } = description.inside;
  const vips = description.vips.map(({ address }) => address);
  const text = `${network.address}/${network.prefix}`;
  const rule = { mark: masqueradeMark(text, vips), network: text, vips };
  const nft = masqueradeCommands('nft', rule);
  const { add } = masqueradeCommands('iptables', rule);
  const words = add.slice(add.indexOf('-A') + 1).map(quoteForShell);
  const nftWords = (command: readonly string[]) => command.map(quoteForShell).join(' ');
  const family = familyOf(text) === 'ipv4' ? 'ip' : 'ip6';
  return [
    {
      name: 'want_masquerade',
      functions: `
# "nat_rule TOOL add|check|delete": the rule in the words of each tool. nft takes no rule back by its words, so there it has a
# table of its own.
nat_rule() {
  case $1-$2 in
    nft-add) ${nftWords(nft.add)} ;;
    nft-check) nft list table ${family} ${rule.mark} >/dev/null 2>&1 ;;
    nft-delete) ${nftWords(nft.delete)} ;;
    *-add) iptables_rule "$1" -A ;;
    *-check) iptables_rule "$1" -C 2>/dev/null ;;
    *-delete) iptables_rule "$1" -D ;;
  esac
}

iptables_rule() {
  "$1" -w -t nat "$2" ${words.join(' ')}
}`,
    },
  ];
}
