/**
 * FreeBSD and OpenBSD real servers. Neither answers ARP or neighbour discovery on one interface for an address of another
 * (FreeBSD: sys/netinet/if_ether.c, in_arpinput), so a VIP on lo0 keeps still.
 * @module
 */
import { familyOf } from '../address/ip.js';
import { type HostScriptSubject, header, scriptUse, stateName, subjectName, vipsOf } from './header.js';
import { assignment, comment, type ShellStep, type ShellWant, shellScript } from './shell.js';

const NOT_RUN = (os: string, how: string) => [`${how}; not run on ${os}`];

/** The rc.d script of FreeBSD. */
export function freebsdRcScript(subject: HostScriptSubject): string {
  const name = `ipvs_ts_${subjectName(subject).replaceAll('-', '_')}`;
  const path = `/usr/local/etc/rc.d/${name}`;
  return shellScript({
    header: header(subject, name, NOT_RUN('FreeBSD', 'its syntax, by sh -n and shellcheck'), [
      `install -m 755 FILE ${path}`,
      `sysrc ${name}_enable=YES`,
      `service ${name} start     sets up what is missing, and writes down what was there before`,
      `service ${name} stop      puts that back`,
      `service ${name} status    changes nothing, and names what is not in place`,
    ]),
    keywords: [`PROVIDE: ${name}`, 'REQUIRE: NETWORKING', 'KEYWORD: shutdown'],
    stateName: stateName(subject),
    variables: variables(subject),
    steps: steps(subject, ['want_quiet_loopback lo0']),
    wants: [FREEBSD_ADDRESS, QUIET_LOOPBACK, DEFAULT_ROUTE],
    ending: `# rc.subr is not written for "set -eu": it calls this file again to have the work done.
case $ACTION in
  work_start)
    start
    exit
    ;;
  work_stop)
    stop
    exit
    ;;
  work_status)
    status
    exit
    ;;
esac

set +eu
# shellcheck source=/dev/null
. /etc/rc.subr
# shellcheck disable=SC2034 # rc.subr reads them.
name=${name} rcvar=${name}_enable \\
  start_cmd="/bin/sh ${path} work_start" \\
  stop_cmd="/bin/sh ${path} work_stop" \\
  status_cmd="/bin/sh ${path} work_status"
load_rc_config "$name"
run_rc_command "$1"`,
  });
}

/** What to type on FreeBSD, for the moment. */
export function freebsdCommands(subject: HostScriptSubject): string {
  const { gateway } = subject.description;
  const lines = vipsOf(subject).map(({ address }) =>
    familyOf(address) === 'ipv4'
      ? `ifconfig lo0 ${address} netmask 255.255.255.255 alias -arp up`
      : `ifconfig lo0 inet6 ${address} prefixlen 128 alias`,
  );
  if (gateway !== undefined) {
    const family = familyOf(gateway) === 'ipv6' ? ' -inet6' : '';
    lines.push(`route${family} change default ${gateway} || route${family} add default ${gateway}`);
  }
  const use = [
    'as root; it lasts until the next boot, and nothing is written down',
    'take back: ifconfig lo0 VIP -alias',
  ];
  const file = `ipvs-ts-${subjectName(subject)}.sh`;
  return `#!/bin/sh\n${comment(header(subject, file, NOT_RUN('FreeBSD', 'its syntax, by sh -n'), use))}\nset -eu\n\n${lines.join('\n')}\n`;
}

/** Lines for FreeBSD's /etc/rc.conf. */
export function freebsdRcConf(subject: HostScriptSubject): string {
  const { gateway } = subject.description;
  const lines = vipsOf(subject).map(({ address }, index) =>
    familyOf(address) === 'ipv4'
      ? `ifconfig_lo0_alias${index}="inet ${address} netmask 255.255.255.255"`
      : `ifconfig_lo0_alias${index}="inet6 ${address} prefixlen 128"`,
  );
  if (gateway !== undefined) {
    lines.push(`${familyOf(gateway) === 'ipv6' ? 'ipv6_defaultrouter' : 'defaultrouter'}="${gateway}"`);
  }
  const use = [
    'put these lines into /etc/rc.conf, then: service netif restart lo0 && service routing restart',
    'aliases are numbered from 0 without a gap: go on from the last one that is there',
  ];
  return `${comment(header(subject, 'rc.conf', NOT_RUN('FreeBSD', 'as shell variables, by sh -n'), use))}\n${lines.join('\n')}\n`;
}

/** The start, stop and status script of OpenBSD. */
export function openbsdScript(subject: HostScriptSubject): string {
  const name = `ipvs-ts-${subjectName(subject)}`;
  const path = `/usr/local/sbin/${name}`;
  return shellScript({
    header: header(subject, name, NOT_RUN('OpenBSD', 'its syntax, by sh -n and shellcheck'), [
      ...scriptUse(path),
      `at boot: ${path} start, in /etc/rc.local`,
    ]),
    stateName: stateName(subject),
    variables: variables(subject),
    steps: [...steps(subject, []), ...openbsdForwarding(subject)],
    wants: [OPENBSD_ADDRESS, BSD_SYSCTL, DEFAULT_ROUTE],
  });
}

/** Lines for OpenBSD's /etc/hostname.lo0, and what belongs into other files. */
export function openbsdHostname(subject: HostScriptSubject): string {
  const { gateway } = subject.description;
  const vips = vipsOf(subject);
  const lines = vips.map(({ address }) =>
    familyOf(address) === 'ipv4' ? `inet alias ${address} 255.255.255.255` : `inet6 alias ${address} 128`,
  );
  const forwarding = families(subject).map((family) => `echo ${FORWARDING[family]}=1 >>/etc/sysctl.conf`);
  const use = [
    ...(lines.length === 0 ? [] : ['put these lines into /etc/hostname.lo0, then: sh /etc/netstart lo0']),
    ...(forwarding.length === 0 ? [] : [...forwarding, ...WHY_FORWARDING.map((line) => `  ${line}`)]),
    ...(gateway === undefined ? [] : [`echo ${gateway} >/etc/mygate, in the place of the router that is there`]),
  ];
  return `${comment(header(subject, 'hostname.lo0', NOT_RUN('OpenBSD', 'by comparison with a golden file alone'), use))}\n${lines.join('\n')}\n`;
}

const FORWARDING = { ipv4: 'net.inet.ip.forwarding', ipv6: 'net.inet6.ip6.forwarding' } as const;

/** From sys/netinet/ip_input.c, in_ouraddr (since 6.7). */
const WHY_FORWARDING = [
  'OpenBSD takes a packet for an address of another interface only if it forwards: else one for a VIP on lo0 that came in',
  'by the network is dropped (netstat -s: packets that were received on the wrong interface). Mind your pf rules: the host',
  'is a router then.',
];

function families(subject: HostScriptSubject): ('ipv4' | 'ipv6')[] {
  return [...new Set(vipsOf(subject).map(({ address }) => familyOf(address)))];
}

function openbsdForwarding(subject: HostScriptSubject): ShellStep[] {
  const body = families(subject).map((family) => `want_sysctl ${FORWARDING[family]} 1`);
  return body.length === 0 ? [] : [{ name: 'accept_on_any_interface', why: WHY_FORWARDING, body }];
}

function variables(subject: HostScriptSubject): string[] {
  const vips = vipsOf(subject).map(({ address }) => address);
  const { gateway } = subject.description;
  return [
    ...(vips.length === 0 ? [] : [assignment('VIPS', vips)]),
    ...(gateway === undefined ? [] : [assignment('GATEWAY', gateway)]),
  ];
}

/** `before` comes before the VIPs. */
function steps(subject: HostScriptSubject, before: readonly string[]): ShellStep[] {
  const { mode, gateway } = subject.description;
  const accept: ShellStep = {
    name: 'accept_vips',
    why: [
      'The director sends packets on as they are: this host takes them only if it has the VIP. On lo0, of which neither ARP',
      'nor neighbour discovery tells; with the mask of the address alone, or all of its network would be this host.',
    ],
    body: [...before, 'for vip in $VIPS; do', '  want_address "$vip"', 'done'],
  };
  const why =
    mode === 'nat'
      ? ['Every answer goes back through the director, which puts the VIP in the place of this host as the sender.']
      : ['Answers go to the client by this router, not by the director.'];
  return [
    ...(mode === 'nat' ? [] : [accept]),
    ...(gateway === undefined ? [] : [{ name: 'route_answers', why, body: ['want_default_route "$GATEWAY"'] }]),
  ];
}

const hasAddress = (mask: string) => `
has_address() {
  case $1 in
    *:*) ifconfig lo0 | grep -Fq "inet6 $1 prefixlen 128" ;;
    *) ifconfig lo0 | grep -Fq "inet $1 netmask ${mask}" ;;
  esac
}`;

const FREEBSD_ADDRESS: ShellWant = {
  name: 'want_address',
  functions: `${hasAddress('0xffffffff')}

# lo0 has the address, alone.
want_address() {
  if has_address "$1"; then return 0; fi
  lacking "$1 on lo0" || return 0
  remember address "$1"
  case $1 in
    *:*) ifconfig lo0 inet6 "$1" prefixlen 128 alias ;;
    *) ifconfig lo0 inet "$1" netmask 255.255.255.255 alias ;;
  esac
}`,
  undo: `address)
  if has_address "$2"; then
    case $2 in
      *:*) ifconfig lo0 inet6 "$2" -alias ;;
      *) ifconfig lo0 inet "$2" -alias ;;
    esac
  fi
  ;;`,
};

const OPENBSD_ADDRESS: ShellWant = {
  name: 'want_address',
  functions: `${hasAddress('0xffffffff')}

# lo0 has the address, alone.
want_address() {
  if has_address "$1"; then return 0; fi
  lacking "$1 on lo0" || return 0
  remember address "$1"
  case $1 in
    *:*) ifconfig lo0 inet6 alias "$1" prefixlen 128 ;;
    *) ifconfig lo0 inet alias "$1" netmask 255.255.255.255 ;;
  esac
}`,
  undo: `address)
  if has_address "$2"; then
    case $2 in
      *:*) ifconfig lo0 inet6 -alias "$2" ;;
      *) ifconfig lo0 inet -alias "$2" ;;
    esac
  fi
  ;;`,
};

/** `-arp` is what every guide says; FreeBSD has no ARP on lo0 anyway. */
const QUIET_LOOPBACK: ShellWant = {
  name: 'want_quiet_loopback',
  functions: `
# No ARP on the loopback interface.
want_quiet_loopback() {
  case $(ifconfig "$1") in *NOARP*) return 0 ;; esac
  lacking "ARP switched off on $1" || return 0
  remember arp "$1"
  ifconfig "$1" -arp up
}`,
  undo: 'arp) ifconfig "$2" arp ;;',
};

const BSD_SYSCTL: ShellWant = {
  name: 'want_sysctl',
  functions: `
want_sysctl() {
  value=$(sysctl -n "$1")
  if [ "$value" = "$2" ]; then return 0; fi
  lacking "$1 is $value, not $2" || return 0
  remember sysctl "$1" "$value"
  sysctl "$1=$2"
}`,
  undo: 'sysctl) sysctl "$2=$3" ;;',
};

const DEFAULT_ROUTE: ShellWant = {
  name: 'want_default_route',
  functions: `
gateway_now() {
  route -n get "$1" default 2>/dev/null | sed -n 's/^ *gateway: //p'
}

# The default route goes by this gateway.
want_default_route() {
  case $1 in *:*) family=-inet6 ;; *) family=-inet ;; esac
  old=$(gateway_now "$family")
  if [ "$old" = "$1" ]; then return 0; fi
  lacking "default route via $1" || return 0
  remember route "$family" "\${old:-none}"
  if [ -n "$old" ]; then
    route "$family" change default "$1"
  else
    route "$family" add default "$1"
  fi
}

back_to_route() {
  if [ "$2" != none ]; then
    route "$1" change default "$2"
  elif [ -n "$(gateway_now "$1")" ]; then
    route "$1" delete default
  fi
}`,
  undo: 'route) back_to_route "$2" "$3" ;;',
};
