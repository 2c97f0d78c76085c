/**
 * What a set-up needs is said once, by the plans (director-plan.ts, real-server-plan.ts): a step that does not hold is a
 * finding, with the step's own reason.
 * @module
 */
import type { HostPlan, Obstacle } from '../host/plan.js';
import type { HostStep, HostStepId } from '../host/step.js';
import { formatFouPort } from '../netlink/fou.js';
import { commandLine, stepCommand } from './command-line.js';
import { type Finding, type FindingId, finding, type Severity } from './finding.js';
import { type Picture, plansOf } from './picture.js';

/** Findings of the steps that do not hold, but for virtual IPs (vips.ts), and of what keeps plans from being carried out. */
export function stepFindings(picture: Picture): Finding[] {
  return plansOf(picture).flatMap((plan) => [
    ...plan.obstacles.map((obstacle) => obstacleFinding(obstacle, picture)),
    ...openSteps(plan, picture)
      .filter(({ id }) => id !== 'vip')
      .map((step) => stepFinding(step, picture)),
  ]);
}

/** The steps of a plan that do not hold. Of a device that is not there, its absence is all that there is to say. */
export function openSteps({ steps }: HostPlan, { host }: Picture): HostStep[] {
  const open = steps.filter(({ done }) => !done);
  return open.filter((step) => {
    const device = deviceOf(step);
    return device === undefined || host.links.some(({ name }) => name === device);
  });
}

function deviceOf(step: HostStep): string | undefined {
  if (step.kind === 'address' || step.kind === 'link-up') return step.device;
  const device = step.kind === 'sysctl' ? /^net\.ipv4\.conf\.(.+)\.\w+$/.exec(step.name)?.[1] : undefined;
  return device === 'all' ? undefined : device?.replaceAll('/', '.');
}

function stepFinding(step: HostStep, { netns, host }: Picture): Finding {
  const [id, severity] = FINDINGS[step.id];
  return finding(id, severity, {
    subject: subjectOf(step),
    what: found(step, host.sysctls),
    why: step.why,
    fix: { command: commandLine([stepCommand(step)], netns), step: step.id },
  });
}

/** What the lack of a step is called. */
const FINDINGS: Readonly<Record<HostStepId, readonly [FindingId, Severity]>> = {
  'lo-up': ['lo-down', 'warning'],
  'arp-ignore': ['arp-ignore', 'error'],
  'arp-announce': ['arp-announce', 'error'],
  vip: ['vip-missing', 'error'],
  'tunnel-up': ['tunnel-down', 'error'],
  'rp-filter': ['rp-filter', 'error'],
  gateway: ['gateway', 'error'],
  'ip-forward': ['ip-forward', 'error'],
  'inside-address': ['inside-address', 'error'],
  'send-redirects': ['send-redirects', 'warning'],
  conntrack: ['conntrack', 'error'],
  masquerade: ['masquerade', 'error'],
};

function subjectOf(step: HostStep): string {
  switch (step.kind) {
    case 'sysctl':
      return step.name;
    case 'address':
    case 'address-removal':
      return `${step.address} on ${step.device}`;
    case 'route':
      return step.destination;
    case 'link-up':
    case 'gre-device':
      return step.device;
    case 'fou-port':
      return `UDP port ${formatFouPort(step)}`;
    case 'masquerade':
      return step.network;
  }
}

function found(step: HostStep, sysctls: Picture['host']['sysctls']): string {
  switch (step.kind) {
    case 'sysctl':
      return `${step.name} is ${sysctls[step.name] ?? 'not there'}, and should be ${step.value}.`;
    case 'address':
      return `${step.device} does not have the address ${step.address}/${step.prefix}.`;
    case 'address-removal':
      return `${step.device} has the address ${step.address}/${step.prefix}.`;
    case 'route':
      return `${step.gateway} is not the default gateway.`;
    case 'link-up':
      return `${step.device} is down.`;
    case 'gre-device':
      return `There is no device ${step.device} that takes GRE packets to ${step.local} with checksums.`;
    case 'fou-port':
      return `The UDP port ${formatFouPort(step)} takes no GUE packets.`;
    case 'masquerade':
      return `Connections that IPVS sends to ${step.network} are not masqueraded.`;
  }
}

function obstacleFinding({ id, what, hint }: Obstacle, { netns }: Picture): Finding {
  return finding(id, 'error', {
    subject: what,
    what: `${what.charAt(0).toUpperCase()}${what.slice(1)}.`,
    why: 'The set-up does not work without it.',
    fix: { command: COMMAND.test(hint) ? commandLine([hint.split(' ')], netns) : (ADVICE[id] ?? 'ip link') },
  });
}

/** Hints of plans are commands or sentences. */
const COMMAND = /^(?:modprobe|ip|sysctl) /;
/** The command where the hint is a sentence. */
const ADVICE: Partial<Readonly<Record<Obstacle['id'], string>>> = {
  'no-ipv6': 'cat /proc/cmdline',
  'vip-unusable': 'ip -4 address',
  'no-local': 'ip address',
  'port-taken': 'ip fou show',
  'no-masquerade': 'apt-get install nftables && modprobe -a nft_chain_nat nft_masq',
};
