/**
 * Which options go with which command, and with which kind of tunnel (ipvsadm.c 1.31, `generic_opt_check` and
 * `tunnel_opt_check`). What a table does not name is illegal.
 * @module
 */
import type { Tunnel } from '../model/destination.js';
import { CommandError } from './command-error.js';
import { COMMANDS, OPTION_NAMES, OPTIONS, type OptionName, type PlainOption, type Verb } from './options.js';

/** What a command says to an option. Of the `exclusive` ones at most one may be given. */
export type Rule = 'required' | 'allowed' | 'exclusive';
type Rules = Readonly<Partial<Record<OptionName, Rule>>>;

const each = (rule: Rule, ...names: OptionName[]): Rules => Object.fromEntries(names.map((name) => [name, rule]));

const SERVICE = each('required', 'service-address');
const SERVER = each('required', 'service-address', 'real-server');
const SERVICE_SETTINGS = each('allowed', 'scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags');
const TUNNEL_OPTIONS = ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'] as const satisfies OptionName[];
const SERVER_SETTINGS = {
  ...each('allowed', 'forwarding-method', 'weight', 'u-threshold', 'l-threshold'),
  ...each('allowed', 'tun-type', ...TUNNEL_OPTIONS),
};

const COMMAND_RULES: Readonly<Record<Verb, Rules>> = {
  'add-service': { ...SERVICE, ...SERVICE_SETTINGS },
  'edit-service': { ...SERVICE, ...SERVICE_SETTINGS },
  'delete-service': SERVICE,
  'add-server': { ...SERVER, ...SERVER_SETTINGS },
  'edit-server': { ...SERVER, ...SERVER_SETTINGS },
  'delete-server': SERVER,
  list: {
    ...each('exclusive', 'connection', 'service-address', 'timeout', 'daemon'),
    ...each('allowed', 'numeric', 'stats', 'rate', 'thresholds', 'persistent-conn', 'nosort', 'exact', 'tun-info'),
    // Of no use, but ipvsadm lets it pass.
    ...each('allowed', 'syncid'),
  },
  zero: each('allowed', 'service-address'),
  save: each('allowed', 'numeric'),
  'start-daemon': {
    ...each('allowed', 'mcast-interface', 'syncid', 'sync-maxlen'),
    ...each('allowed', 'mcast-group', 'mcast-port', 'mcast-ttl'),
  },
  'stop-daemon': each('allowed', 'syncid'),
  clear: {},
  restore: {},
  set: {},
  help: {},
  version: {},
};

const TUNNEL_RULES: Readonly<Record<Tunnel['type'], Rules>> = {
  ipip: {},
  gue: { ...each('required', 'tun-port'), ...each('exclusive', 'tun-nocsum', 'tun-csum', 'tun-remcsum') },
  gre: each('exclusive', 'tun-nocsum', 'tun-csum'),
};

/**
 * The options without a name, which no check sees (any command takes `--sort`, and `-6` wherever -f stands): where they
 * are of use is where these are.
 */
const COMPANIONS: Readonly<Partial<Record<PlainOption['long'], OptionName>>> = {
  ipv6: 'service-address',
  sort: 'nosort',
};

/** The options that go with a command, in the order of the table. What may follow a command says this one function. */
export function optionsOf(verb: Verb): readonly { readonly option: PlainOption; readonly rule: Rule }[] {
  const plain = OPTIONS.map((spec): PlainOption => ({ ...spec, kind: 'option' }));
  return plain.flatMap((option) => {
    const rule = ruleOf(verb, option);
    return rule === undefined ? [] : [{ option, rule }];
  });
}

function ruleOf(verb: Verb, { long, name }: PlainOption): Rule | undefined {
  if (name !== undefined) return COMMAND_RULES[verb][name];
  const companion = COMPANIONS[long];
  return companion !== undefined && COMMAND_RULES[verb][companion] !== undefined ? 'allowed' : undefined;
}

/** A subject's rules, and the names in the order in which they are checked. */
interface Checklist {
  readonly subject: string;
  readonly order: readonly OptionName[];
  readonly rules: Rules;
  readonly requiredCount: number;
}

function checklist(subject: string, order: readonly OptionName[], rules: Rules): Checklist {
  const requiredCount = order.filter((name) => rules[name] === 'required').length;
  return { subject, order, rules, requiredCount };
}

const COMMAND_CHECKLISTS = Object.fromEntries(
  COMMANDS.map(({ long, name }) => [long, checklist(`'${name}' command`, OPTION_NAMES, COMMAND_RULES[long])]),
) as Record<Verb, Checklist>;

const TUNNEL_CHECKLISTS = Object.fromEntries(
  Object.entries(TUNNEL_RULES).map(([type, rules]) => [
    type,
    checklist(`'${type}' tunnel type`, TUNNEL_OPTIONS, rules),
  ]),
) as Record<Tunnel['type'], Checklist>;

/** Throws {@link CommandError} for an option that does not go with the command, or lacks. Each name is given once. */
export function checkCommandOptions(verb: Verb, given: readonly OptionName[]): void {
  const list = COMMAND_CHECKLISTS[verb];
  if (!areAllowed(given, list)) findMistake(list, given);
}

/** Throws {@link CommandError} for a tunnel option that does not go with the tunnel's type, or lacks. */
export function checkTunnelOptions(type: Tunnel['type'], given: readonly OptionName[]): void {
  findMistake(TUNNEL_CHECKLISTS[type], given);
}

/** Whether the few options of a line are beyond doubt: a restore asks this thousands of times. */
function areAllowed(given: readonly OptionName[], { rules, requiredCount }: Checklist): boolean {
  let required = 0;
  // By index: until V8 has optimised this, an iterator costs more than the question.
  for (let index = 0; index < given.length; index++) {
    const name = given[index];
    const rule = name && rules[name];
    if (rule === 'required') required++;
    else if (rule !== 'allowed') return false;
  }
  return required === requiredCount;
}

/** The first mistake in the order of the list counts, if there is any. */
function findMistake({ subject, order, rules }: Checklist, given: readonly OptionName[]): void {
  let exclusive: OptionName | undefined;
  for (const name of order) {
    const rule = rules[name];
    if (!given.includes(name)) {
      if (rule === 'required') throw new CommandError(`You need to supply the '${name}' option for the ${subject}`);
    } else if (rule === undefined) {
      throw new CommandError(`Illegal '${name}' option with the ${subject}`);
    } else if (rule === 'exclusive') {
      if (exclusive !== undefined) {
        throw new CommandError(`The option '${name}' conflicts with the '${exclusive}' option in the ${subject}`);
      }
      exclusive = name;
    }
  }
}
