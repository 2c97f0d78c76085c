/**
 * The verbs that ipvs-ts has beside the commands of ipvsadm, as data: the parser, the help, the shell completion and the
 * manual all read this one table, as they read `ipvsadm/options.ts`.
 * @module
 */

/** What can be offered for a value that is no fixed choice: names of files, network namespaces, network devices. */
export type Source = 'file' | 'netns' | 'interface';

/** A word of a verb that is no option. All of them may be left out, but one without a `fallback`. */
export interface OperandSpec {
  readonly placeholder: string;
  /** What it is when it is left out, for people. */
  readonly fallback?: string;
  /** Nothing else is taken. */
  readonly choices?: readonly string[];
  readonly source?: Source;
  /** One line for people. */
  readonly help: string;
}

/** An option of a verb. One without a placeholder takes no value. */
export interface VerbOptionSpec {
  /** Without the dashes. */
  readonly long: string;
  readonly short?: string;
  /** What stands for the value in the help. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  /** `choices` are only what is usual: any other value is taken as well. */
  readonly open?: true;
  readonly source?: Source;
  /** The value when it is not given. */
  readonly default?: string;
  /** It may be given several times, and all its values count. */
  readonly many?: true;
  /** One line for people. */
  readonly help: string;
}

/** One row of {@link VERBS}. */
export interface VerbSpec {
  readonly name: string;
  readonly operand?: OperandSpec;
  readonly options: readonly VerbOptionSpec[];
  /** One line for people. */
  readonly help: string;
  /** What else is to be known about it: whole sentences. */
  readonly details?: string;
}

/** The shells that completion can be written for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number];

/** What `connections` can be sorted by. */
export const CONNECTION_SORTS = ['client', 'service', 'server', 'state', 'expires'] as const;
/** One of {@link CONNECTION_SORTS}. */
export type ConnectionSort = (typeof CONNECTION_SORTS)[number];

/** What the real servers of `top` can be sorted by; all but the name begin with the largest. */
export const TOP_SORTS = ['name', 'weight', 'active', 'inactive', 'cps', 'inpps', 'outpps', 'inbps', 'outbps'] as const;
/** One of {@link TOP_SORTS}. */
export type TopSort = (typeof TOP_SORTS)[number];

/** The kernel's words for states of TCP, UDP and SCTP connections (ip_vs_proto_*.c, Linux 6.12). */
const CONNECTION_STATES = [
  ...['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK'],
  ...['LISTEN', 'SYNACK', 'ASSURED', 'UDP', 'INIT1', 'INIT', 'C-SENT', 'C-REPLIED', 'C-WAIT', 'COOKIE', 'C-ECHOED'],
  ...['S-SENT', 'S-RECEIVED', 'S-ACK-SENT', 'REJECTED', 'CLOSED'],
];

const NETNS = {
  long: 'netns',
  placeholder: 'NAME',
  source: 'netns',
  help: 'work in this network namespace: a name of "ip netns", or a path',
} as const satisfies VerbOptionSpec;

const JSON_OUTPUT = { long: 'json', help: 'write JSON' } as const satisfies VerbOptionSpec;

const DESIRED_FILE = {
  placeholder: 'FILE',
  source: 'file',
  help: 'how the table should be, in YAML or JSON; "-" is standard input',
} as const satisfies OperandSpec;

/** The files of other programs. */
const FORMATS = ['keepalived', 'lvs.cf', 'ldirectord', 'ipvsctl', 'rules'] as const;

const SCOPE = {
  long: 'scope',
  placeholder: 'WHAT',
  many: true,
  help: 'only these services: 192.0.2.0/24, fwmark:100-199, tcp://192.0.2.1:80',
} as const satisfies VerbOptionSpec;

const PRUNE = { long: 'prune', help: 'delete services that are not in the file' } as const satisfies VerbOptionSpec;

const DRAIN = {
  long: 'drain',
  placeholder: 'SECONDS',
  help: 'let the connections of servers that go end, for so long',
} as const satisfies VerbOptionSpec;

const SETUP_ACTION = {
  placeholder: 'ACTION',
  choices: ['up', 'down', 'plan', 'check'],
  help: 'set up, take back, show what would be done, or tell what holds',
} as const satisfies OperandSpec;

const STATE_FILE = {
  long: 'file',
  short: 'f',
  placeholder: 'FILE',
  source: 'file',
  help: 'the file of the desired state, in place of options that describe the host',
} as const satisfies VerbOptionSpec;

const MODE = {
  long: 'mode',
  placeholder: 'MODE',
  choices: ['nat', 'dr', 'tun'],
  help: 'how packets get to the real servers',
} as const satisfies VerbOptionSpec;

const VIP = {
  long: 'vip',
  placeholder: 'VIP',
  many: true,
  help: 'virtual IP: 10.0.0.100, 10.0.0.100/24, 10.0.0.100-10.0.0.120',
} as const satisfies VerbOptionSpec;

const GATEWAY = {
  long: 'gateway',
  placeholder: 'ADDR',
  help: 'default route by this router',
} as const satisfies VerbOptionSpec;

/** What describes a director. */
const DIRECTOR_OPTIONS = [
  MODE,
  VIP,
  { long: 'device', placeholder: 'DEVICE', source: 'interface', help: 'the device that bears the virtual IPs' },
  GATEWAY,
  { long: 'network', placeholder: 'ADDR/PREFIX', help: "nat: the real servers' network" },
  { long: 'inside-device', placeholder: 'DEVICE', source: 'interface', help: 'nat: the device towards them' },
  { long: 'inside-address', placeholder: 'ADDR/PREFIX', help: "nat: the director's address there, their gateway" },
  { long: 'masquerade', help: 'nat: real servers see the director in the place of the client' },
] as const satisfies readonly VerbOptionSpec[];

const TUNNEL = {
  long: 'tunnel',
  placeholder: 'TYPE',
  choices: ['ipip', 'gre'],
  help: 'tun: how the director wraps packets',
} as const satisfies VerbOptionSpec;

/** What describes a real server. */
const REAL_SERVER_OPTIONS = [MODE, VIP, GATEWAY, TUNNEL] as const satisfies readonly VerbOptionSpec[];

const RECORD = {
  long: 'record',
  placeholder: 'FILE',
  source: 'file',
  help: 'where it is written down what to take back; default below /run/ipvs-ts',
} as const satisfies VerbOptionSpec;

/** Every verb has it. */
const HELP_OPTION = { long: 'help', short: 'h', help: 'explain the verb' } as const satisfies VerbOptionSpec;

const VERB_NAMES = [
  'save',
  'restore',
  'list',
  'connections',
  'settings',
  'top',
  'export',
  'diff',
  'apply',
  'drain',
  'keep',
  'import',
  'simulate',
  'director',
  'realserver',
  'script',
  'doctor',
  'completion',
  'help',
  'version',
] as const;
/** The name of a verb. */
export type VerbName = (typeof VERB_NAMES)[number];

/** The verbs. The first word of a command line is one of these; otherwise it begins with a dash, or there is none. */
export const VERBS = [
  {
    name: 'save',
    options: [
      { long: 'full', help: 'tell thresholds, timeouts and sync daemons too, in lines that ipvsadm accepts' },
      NETNS,
      HELP_OPTION,
    ],
    help: 'write the table as rules to standard output',
    details: 'Without options the text is that of "ipvsadm -Sn".',
  },
  {
    name: 'restore',
    operand: {
      placeholder: 'FILE',
      fallback: 'standard input',
      source: 'file',
      help: 'the rules; "-" is standard input',
    },
    options: [
      { long: 'check', help: 'only read the rules, change nothing' },
      { long: 'replace', help: 'empty the table first' },
      NETNS,
      HELP_OPTION,
    ],
    help: 'carry out the rules of a file',
    details:
      'All rules are read before the first is carried out, so that a mistake in them changes nothing. What the kernel ' +
      'refuses is told by the number of the line, and the exit code is then 1.',
  },
  {
    name: 'list',
    options: [JSON_OUTPUT, NETNS, HELP_OPTION],
    help: 'show services and real servers',
  },
  {
    name: 'connections',
    options: [
      { long: 'service', placeholder: 'KEY', help: 'only of this service: tcp://192.0.2.1:80, fwmark://5' },
      { long: 'server', placeholder: 'ADDR[:PORT]', help: 'only to this real server' },
      { long: 'client', placeholder: 'ADDR[/PREFIX]', help: 'only of this client, or of clients in this network' },
      {
        long: 'state',
        placeholder: 'STATE',
        choices: CONNECTION_STATES,
        open: true,
        help: 'only in this state, in the word of the kernel: ESTABLISHED',
      },
      {
        long: 'sort',
        placeholder: 'FIELD',
        choices: CONNECTION_SORTS,
        help: "sort by this, not in the kernel's order",
      },
      { long: 'count', help: 'write only how many there are' },
      JSON_OUTPUT,
      NETNS,
      HELP_OPTION,
    ],
    help: 'show connections: all, or some',
    details: 'Of several options that choose connections, all must be met.',
  },
  {
    name: 'settings',
    options: [JSON_OUTPUT, NETNS, HELP_OPTION],
    help: 'show timeouts and sync daemons',
    details: 'Without options the text is that of "ipvsadm -L --timeout" and "ipvsadm -L --daemon".',
  },
  {
    name: 'top',
    options: [
      { long: 'interval', placeholder: 'SECONDS', default: '2', help: 'read again after so long' },
      { long: 'once', help: 'write one reading and end' },
      { long: 'sort', placeholder: 'FIELD', choices: TOP_SORTS, default: 'cps', help: 'sort real servers by this' },
      NETNS,
      HELP_OPTION,
    ],
    help: 'watch rates, connections and weights of real servers',
    details:
      'The kernel brings its rates up to date every two seconds. Where standard output is no terminal, plain lines are ' +
      'written.',
  },
  {
    name: 'export',
    options: [
      {
        long: 'format',
        placeholder: 'FORMAT',
        choices: ['state', ...FORMATS],
        default: 'state',
        help: 'of which program',
      },
      NETNS,
      HELP_OPTION,
    ],
    help: 'write the table as a file that says how it should be',
    details:
      'A state file is for "diff", "apply" and "keep"; docs/state-file.md tells its format. What the file of another ' +
      'program has no words for is told on standard error; docs/import.md.',
  },
  {
    name: 'diff',
    operand: DESIRED_FILE,
    options: [SCOPE, PRUNE, JSON_OUTPUT, NETNS, HELP_OPTION],
    help: 'show what would make the table what a file says',
    details: 'Exit code: 0 no difference, 2 a difference, 1 anything that went wrong.',
  },
  {
    name: 'apply',
    operand: DESIRED_FILE,
    options: [
      SCOPE,
      PRUNE,
      DRAIN,
      { long: 'dry-run', help: 'only show what would be done' },
      {
        long: 'on-refusal',
        placeholder: 'WAY',
        choices: ['rollback', 'stop', 'continue'],
        default: 'rollback',
        help: 'when the kernel refuses a step, take back what was done, stop there, or go on',
      },
      JSON_OUTPUT,
      NETNS,
      HELP_OPTION,
    ],
    help: 'make the table what a file says, without dropping a connection',
    details: 'What can be changed in place is; servers that stay go on serving throughout.',
  },
  {
    name: 'drain',
    options: [
      { long: 'service', placeholder: 'KEY', help: 'the service: tcp://192.0.2.1:80, fwmark://5' },
      { long: 'server', placeholder: 'ADDR[:PORT]', help: 'its real server' },
      { long: 'deadline', placeholder: 'SECONDS', help: 'remove it after so long in any case' },
      {
        long: 'until',
        placeholder: 'WHAT',
        choices: ['active', 'all'],
        default: 'active',
        help: 'which connections must be gone: established ones, or all',
      },
      { long: 'poll', placeholder: 'SECONDS', default: '1', help: 'look so often' },
      { long: 'keep', help: 'leave it in the end, with weight 0' },
      { long: 'resume', help: 'go on with the drains that an ended program left' },
      JSON_OUTPUT,
      NETNS,
      HELP_OPTION,
    ],
    help: 'take a real server out when its connections have ended',
    details: 'Ctrl-C gives the server its weight back. Exit code: 1 if it was not drained.',
  },
  {
    name: 'keep',
    operand: { ...DESIRED_FILE, help: 'how the table should be, in YAML or JSON' },
    options: [
      { long: 'interval', placeholder: 'SECONDS', default: '30', help: 'look for differences so often' },
      SCOPE,
      PRUNE,
      DRAIN,
      { long: 'withdraw', help: 'delete the services in the end' },
      { long: 'json', help: 'write what happens as lines of JSON' },
      NETNS,
      HELP_OPTION,
    ],
    help: 'keep the table as a file says: watch the file, mend what others change',
    details: 'SIGHUP reads the file anew, SIGTERM ends it. A file with a mistake changes nothing.',
  },
  {
    name: 'import',
    operand: {
      placeholder: 'FILE',
      fallback: 'standard input',
      source: 'file',
      help: 'the file of the other program; "-" is standard input',
    },
    options: [
      {
        long: 'format',
        placeholder: 'FORMAT',
        choices: FORMATS,
        help: 'what wrote it; otherwise that is guessed from its name and its lines',
      },
      JSON_OUTPUT,
      HELP_OPTION,
    ],
    help: 'write what another program has as a file that says how the table should be',
    details: 'Whatever is not taken, such as health checks, is told on standard error with its line; docs/import.md.',
  },
  {
    name: 'simulate',
    operand: {
      placeholder: 'FILE',
      fallback: 'with --live, the table in the kernel',
      source: 'file',
      help: 'rules, or a file that says how the table should be; "-" is standard input',
    },
    options: [
      { long: 'live', help: 'take the table in the kernel' },
      { long: 'service', placeholder: 'KEY', help: 'the service that is called, where there are several' },
      { long: 'schedulers', placeholder: 'LIST', help: 'schedulers to compare: rr,wlc,sh; else that of the service' },
      { long: 'clients', placeholder: 'N', help: 'how many clients, or their network: 198.51.100.0/24' },
      { long: 'rate', placeholder: 'N', default: '1000', help: 'new connections a second' },
      {
        long: 'arrival',
        placeholder: 'KIND',
        choices: ['poisson', 'constant'],
        help: 'how they come: at random, or evenly',
      },
      { long: 'seconds', placeholder: 'N', default: '60', help: 'how long' },
      {
        long: 'duration',
        placeholder: 'MEAN',
        help: 'seconds a connection lasts: 10, fixed:10, exponential:10, pareto:10:1.5',
      },
      { long: 'seed', placeholder: 'N', help: 'the same seed gives the same traffic' },
      { long: 'add', placeholder: 'SERVER', many: true, help: 'add a real server in the middle: ADDR[:PORT][=WEIGHT]' },
      { long: 'remove', placeholder: 'SERVER', many: true, help: 'remove one in the middle' },
      { long: 'weight', placeholder: 'SERVER', many: true, help: 'give one another weight in the middle: ADDR=WEIGHT' },
      { long: 'at', placeholder: 'SECONDS', help: 'when the middle is' },
      {
        long: 'chart',
        placeholder: 'FILE',
        source: 'file',
        help: 'draw it as an SVG, which takes the package echarts',
      },
      JSON_OUTPUT,
      NETNS,
      HELP_OPTION,
    ],
    help: 'tell how traffic would spread over the real servers, and who would move',
    details: 'No packet is sent: connections are scheduled by the algorithms of the kernel, in memory.',
  },
  {
    name: 'director',
    operand: SETUP_ACTION,
    options: [STATE_FILE, ...DIRECTOR_OPTIONS, RECORD, JSON_OUTPUT, NETNS, HELP_OPTION],
    help: 'set up what a director needs around the table: virtual IPs, forwarding, masquerading',
    details:
      '"up" writes down what was there before each step, and "down" puts it back, also after a crash. "check" ends with ' +
      '1 where a step does not hold.',
  },
  {
    name: 'realserver',
    operand: SETUP_ACTION,
    options: [STATE_FILE, ...REAL_SERVER_OPTIONS, RECORD, JSON_OUTPUT, NETNS, HELP_OPTION],
    help: 'set up what a real server needs: virtual IPs that do not answer ARP, tunnels, the gateway',
    details:
      '"up" writes down what was there before each step, and "down" puts it back, also after a crash. "check" ends with ' +
      '1 where a step does not hold.',
  },
  {
    name: 'script',
    operand: { placeholder: 'ROLE', choices: ['director', 'realserver'], help: 'what the host is to be' },
    options: [
      {
        long: 'os',
        placeholder: 'OS',
        choices: ['linux', 'freebsd', 'openbsd', 'windows'],
        default: 'linux',
        help: 'the operating system of that host',
      },
      { long: 'form', placeholder: 'FORM', help: 'linux: iproute2, ifconfig or systemd; freebsd: rc.d or commands' },
      STATE_FILE,
      ...DIRECTOR_OPTIONS,
      TUNNEL,
      HELP_OPTION,
    ],
    help: 'write a script that sets up a host without Node',
    details: 'The script takes start, stop and status.',
  },
  {
    name: 'doctor',
    operand: {
      placeholder: 'ROLE',
      fallback: 'what the host seems to be',
      choices: ['director', 'realserver'],
      help: 'what the host is to be',
    },
    options: [
      STATE_FILE,
      ...DIRECTOR_OPTIONS,
      TUNNEL,
      { long: 'scheduler', placeholder: 'NAME', many: true, help: 'a scheduler that must be there' },
      {
        long: 'peer',
        placeholder: 'FILE',
        source: 'file',
        help: 'what "settings --json" wrote on the other director, to compare sync daemons',
      },
      { long: 'fix', help: 'show the steps that mend what can be mended, and take them' },
      { long: 'no-probe', help: 'do not ask the network who has the virtual IPs' },
      JSON_OUTPUT,
      NETNS,
      HELP_OPTION,
    ],
    help: 'say what is wrong with a director or a real server, why it matters, and what mends it',
    details:
      'Exit code: 0 nothing to mend, 3 warnings, 4 errors; 1 if the host cannot be examined. Every finding has a page in ' +
      'docs/doctor.',
  },
  {
    name: 'completion',
    operand: { placeholder: 'SHELL', choices: SHELLS, help: 'the shell to write it for' },
    options: [HELP_OPTION],
    help: 'write a completion script for a shell',
  },
  {
    name: 'help',
    operand: { placeholder: 'VERB', fallback: 'all of them', choices: VERB_NAMES, help: 'the verb to explain' },
    options: [HELP_OPTION],
    help: 'explain a verb, or all of this',
  },
  { name: 'version', options: [HELP_OPTION], help: 'show the version' },
] as const satisfies readonly (VerbSpec & { readonly name: VerbName })[];

/** The programs of this package beside `ipvs-ts`: they stand for the scripts of ipvsadm that are called alike. */
export const PROGRAMS = [
  {
    name: 'ipvs-ts-save',
    options: [{ short: 'n', help: 'write numbers, look up no names' }],
    help: 'in place of ipvsadm-save: write the table as rules to standard output',
  },
  {
    name: 'ipvs-ts-restore',
    options: [],
    help: 'in place of ipvsadm-restore: empty the table, then carry out the rules from standard input',
  },
] as const satisfies readonly ProgramSpec[];

/** One row of {@link PROGRAMS}. */
export interface ProgramSpec {
  readonly name: string;
  readonly options: readonly { readonly short: string; readonly help: string }[];
  /** One line for people. */
  readonly help: string;
}

type SpecOf<Name extends VerbName> = Extract<(typeof VERBS)[number], { readonly name: Name }>;
type OptionOf<Name extends VerbName> = SpecOf<Name>['options'][number];

/** What `parseArgs` of node:util wants to know about one option. */
type ParseOption<Option> = (Option extends { readonly placeholder: string }
  ? { readonly type: 'string' }
  : { readonly type: 'boolean'; readonly default: false }) &
  (Option extends { readonly short: infer Letter extends string } ? { readonly short: Letter } : unknown) &
  (Option extends { readonly default: infer Value extends string } ? { readonly default: Value } : unknown) &
  (Option extends { readonly many: true } ? { readonly multiple: true } : unknown);

/** What `parseArgs` of node:util wants to know about a verb. */
export interface ParseConfig<Name extends VerbName> {
  readonly options: { readonly [Option in OptionOf<Name> as Option['long']]: ParseOption<Option> };
  /** Also for verbs that take none: `parseArgs` would call it a mistake in words of its own. */
  readonly allowPositionals: true;
  readonly strict: true;
}

const BY_NAME: ReadonlyMap<string, VerbSpec & { readonly name: VerbName }> = new Map(
  VERBS.map((verb) => [verb.name, verb]),
);

/** The verb of a name; undefined where there is none. */
export function findVerb(name: string): (VerbSpec & { readonly name: VerbName }) | undefined {
  return BY_NAME.get(name);
}

/**
 * How `parseArgs` of node:util is to read the words after a verb: `parseArgs({ ...parseConfig('save'), args })`. Choices
 * and the number of operands it does not check; {@link choiceProblem} and {@link operandProblem} do.
 */
export function parseConfig<Name extends VerbName>(name: Name): ParseConfig<Name> {
  const options = (BY_NAME.get(name)?.options ?? []).map((option) => [option.long, parseOption(option)]);
  // That the rows have these types is what ParseConfig says; Object.fromEntries forgets it.
  return { options: Object.fromEntries(options), allowPositionals: true, strict: true } as ParseConfig<Name>;
}

function parseOption(option: VerbOptionSpec) {
  return {
    ...(option.placeholder === undefined
      ? { type: 'boolean', default: false }
      : { type: 'string', ...(option.default !== undefined && { default: option.default }) }),
    ...(option.short !== undefined && { short: option.short }),
    ...(option.many === true && { multiple: true }),
  };
}

/** What is wrong with values of a verb's options, in words for people; undefined if nothing is. */
export function choiceProblem(name: VerbName, values: Readonly<Record<string, unknown>>): string | undefined {
  for (const option of BY_NAME.get(name)?.options ?? []) {
    const value = values[option.long];
    if (typeof value !== 'string' || option.open === true) continue;
    const problem = notAmong(`--${option.long}`, option.choices, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What is wrong with the words of a verb that are no options, in words for people; undefined if nothing is. */
export function operandProblem(name: VerbName, operands: readonly string[]): string | undefined {
  const operand = BY_NAME.get(name)?.operand;
  const [value, ...more] = operands;
  const surplus = operand === undefined ? value : more[0];
  if (surplus !== undefined) return `unexpected word "${surplus}"`;
  if (operand === undefined) return undefined;
  if (value !== undefined) return notAmong(operand.placeholder, operand.choices, value);
  if (operand.fallback !== undefined) return undefined;
  return `${operand.placeholder} is missing: ${operand.choices === undefined ? operand.help : list(operand.choices)}`;
}

function notAmong(what: string, choices: readonly string[] | undefined, value: string): string | undefined {
  if (choices === undefined || choices.includes(value)) return undefined;
  return `${what} must be ${list(choices)}, not "${value}"`;
}

/** `a, b or c` */
function list(choices: readonly string[] = []): string {
  return choices.length < 2 ? choices.join() : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

/** A verb and what may follow it, each in brackets where it may be left out: `restore [FILE] [--check]`. */
export function usageOf(verb: VerbSpec): string[] {
  const { name, operand, options } = verb;
  const operands =
    operand === undefined ? [] : [operand.fallback === undefined ? operand.placeholder : `[${operand.placeholder}]`];
  const own = options.filter((option) => option !== HELP_OPTION);
  return [name, ...operands, ...own.map((option) => `[${optionUsage(option)}]${option.many === true ? '...' : ''}`)];
}

/** `--sort FIELD` */
export function optionUsage({ long, placeholder }: VerbOptionSpec): string {
  return placeholder === undefined ? `--${long}` : `--${long} ${placeholder}`;
}
