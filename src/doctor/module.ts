/**
 * The kernel's side: is there IPVS, may it be asked, has it the schedulers that are wanted.
 * @module
 */
import { formatServiceKey } from '../model/service-key.js';
import { commandLine, serviceCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { type Picture, servicesOf } from './picture.js';

/** A host without a table, without virtual IPs and without a description. */
export function roleUnknown({ role }: Picture): Finding[] {
  if (role !== undefined) return [];
  return [
    finding('role-unknown', 'note', {
      subject: 'this host',
      what: 'The table has no services, and no virtual IP is on lo or on a tunnel.',
      why: 'Nothing shows whether this host is to be a director or a real server.',
      fix: { command: 'ipvs-ts doctor realserver --mode dr --vip 10.0.0.100' },
    }),
  ];
}

/**
 * A module that is loaded has /proc/net/ip_vs. Asking for the netlink family would load it, so nobody asks. A real server needs
 * no ip_vs.
 */
export function noModule({ role, ipvs }: Picture): Finding[] {
  if (role === 'real-server' || ipvs !== undefined) return [];
  return [
    finding('no-module', 'error', {
      subject: 'ip_vs',
      what: 'The kernel module ip_vs is not loaded.',
      why: 'Without it the kernel has no table of services, and balances nothing.',
      fix: { command: 'modprobe ip_vs' },
    }),
  ];
}

/** A real server's plan has a step for it (steps.ts); a director's has none, for packets of clients pass all the same. */
export function loDown({ role, host, netns }: Picture): Finding[] {
  if (role !== 'director' || host.links.some(({ name, up }) => name === 'lo' && up)) return [];
  return [
    finding('lo-down', 'warning', {
      subject: 'lo',
      what: 'lo is down.',
      why:
        'This host does not reach its own addresses. In a namespace where no device with an address was ever up, IPVS ' +
        'refuses real servers with EINVAL.',
      fix: { command: commandLine([['ip', 'link', 'set', 'lo', 'up']], netns) },
    }),
  ];
}

/** Every command of the netlink family is GENL_ADMIN_PERM (ip_vs_ctl.c). */
export function noCapability({ ipvs }: Picture): Finding[] {
  if (ipvs?.problem === undefined) return [];
  return [
    finding('no-capability', 'warning', {
      subject: 'CAP_NET_ADMIN',
      what: `Only /proc could be read: ${ipvs.problem}.`,
      why: '/proc does not show thresholds, statistics, tunnels and sync daemons, and nothing can be changed.',
      fix: { command: 'sudo ipvs-ts doctor' },
    }),
  ];
}

/** Adding a service with it would be refused with ENOENT. */
export function schedulerMissing({ schedulers, wantedSchedulers }: Picture): Finding[] {
  if (schedulers === undefined) return [];
  return wantedSchedulers
    .filter((name) => name !== 'none' && !schedulers.includes(name))
    .map((name) =>
      finding('scheduler-missing', 'error', {
        subject: name,
        what: `The kernel has no scheduler ${name}, and no module of that name. It has ${schedulers.join(', ')}.`,
        why: 'A service with this scheduler is refused with ENOENT.',
        fix: { command: commandLine([['modprobe', `ip_vs_${name}`]]) },
      }),
    );
}

/** The kernel takes the name `none` for no scheduler, and then finds no server (ip_vs_schedule in ip_vs_core.c). */
export function noScheduler(picture: Picture): Finding[] {
  const services = servicesOf(picture).filter(({ service }) => service.scheduler === 'none');
  return services.map(({ service }) =>
    finding('no-scheduler', 'error', {
      subject: formatServiceKey(service),
      what: 'The service has no scheduler.',
      why: 'No real server is chosen for new connections: they are refused.',
      fix: { command: commandLine([serviceCommand({ ...service, scheduler: 'wlc' })], picture.netns) },
    }),
  );
}
