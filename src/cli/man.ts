/**
 * The manual page ipvs-ts(8) as roff, made from the table of ipvsadm's options and the table of our verbs.
 * @module
 */
import { optionsOf, type Rule } from '../ipvsadm/combinations.js';
import { COMMANDS, type Verb as Command, type OptionSpec, type PlainOption } from '../ipvsadm/options.js';
import { type ExitCode, IPVSADM_EXIT_CODES, VERB_EXIT_CODES } from './exit-codes.js';
import { explain, type UsageWord, usageOf } from './help.js';
import { explainOption, optionGroups } from './ipvsadm/ipvsadm-help.js';
import { PROGRAMS } from './ipvsadm/programs.js';
import type { Verb, OptionSpec as VerbOptionSpec } from './verb.js';
import { VERBS } from './verbs.js';

/** Something that ipvs-ts does otherwise than ipvsadm 1.31, on purpose; docs/known-differences.md has the reasons. */
export interface Difference {
  readonly title: string;
  readonly text: string;
}

/** Every deliberate difference. */
export const DIFFERENCES: readonly Difference[] = [
  {
    title: 'Crashes',
    text: 'Flags of commas alone (-b ,), an unknown tunnel checksum in the table and a very long word in rules do not end the program.',
  },
  {
    title: 'Counters of real servers',
    text: '--stats and --rate show all 64 bits of them; ipvsadm begins again at 4294967296.',
  },
  {
    title: 'Firewall marks',
    text: 'Marks from 2147483648 on are shown and saved as they are, not as negative numbers, so that saved rules can be read again.',
  },
  {
    title: 'Order',
    text: 'Services and real servers are sorted as unsigned numbers; ipvsadm loses its order where two are 2147483648 or more apart.',
  },
  { title: 'Long lines of connections', text: '-c reads them whole; ipvsadm cuts what is longer than 255 characters.' },
  { title: 'Help and version', text: '-h and -v need neither rights nor the kernel module.' },
  { title: 'Text of the help', text: 'It is its own, and tells the defaults that are in force.' },
  { title: 'User namespaces', text: 'Root of a user namespace reaches IPv4, by socket options.' },
  {
    title: 'Octal and short addresses',
    text: 'Commands read 010.0.0.1 and 10.1 as ipvsadm does. Only restore() of the TypeScript library refuses them.',
  },
];

interface Example {
  readonly text: string;
  readonly lines: readonly string[];
}

const EXAMPLES: readonly Example[] = [
  {
    text: 'A web service with two real servers, the second of which gets twice as much:',
    lines: [
      'ipvs-ts -A -t 192.0.2.1:80 -s wrr',
      'ipvs-ts -a -t 192.0.2.1:80 -r 198.51.100.1 -m',
      'ipvs-ts -a -t 192.0.2.1:80 -r 198.51.100.2 -m -w 2',
    ],
  },
  {
    text: 'No new connections for one of them; those that it has go on:',
    lines: ['ipvs-ts -e -t 192.0.2.1:80 -r 198.51.100.1 -m -w 0'],
  },
  {
    text: 'Save everything, look whether the rules can be read, load them:',
    lines: ['ipvs-ts save --full > rules', 'ipvs-ts restore --check rules', 'ipvs-ts restore --replace rules'],
  },
  {
    text: 'Set up a director, and take it back:',
    lines: ['ipvs-ts director up --mode dr --device eth0 --vip 192.0.2.1', 'ipvs-ts director down'],
  },
  {
    text: 'Count the connections of a network to one service:',
    lines: ['ipvs-ts connections --service tcp://192.0.2.1:80 --client 203.0.113.0/24 --count'],
  },
];

const FILES: readonly (readonly [path: string, help: string])[] = [
  ['/etc/ipvsadm.rules', 'Rules that are loaded when the machine starts, on Debian and its relatives.'],
  ['/etc/sysconfig/ipvsadm', 'The same on Fedora and its relatives.'],
  ['/proc/net/ip_vs_conn', 'Where the connections are read.'],
  ['/run/ipvs-ts', 'What was there before a host was set up, so that it can be put back.'],
  ['/run/netns', 'Where names of network namespaces are looked up.'],
];

const ENVIRONMENT: readonly (readonly [name: string, help: string])[] = [
  ['NO_COLOR', 'If it is set and not empty, nothing is coloured. Without a terminal nothing is in any case.'],
  ['IPVS_DEBUG', 'If it is 1, every netlink message is written to standard error, in words.'],
];

/** The page. It ends with a newline. */
export function manPage(): string {
  return [
    '.\\" Written by scripts/man.mjs; change the tables in src instead.',
    '.TH IPVS\\-TS 8 "" "ipvs\\-ts" "System Administration"',
    // A word that looks like an option must be copied with the hyphen it was written with.
    '.nh',
    '.ad l',
    ...section('NAME', [text('ipvs-ts, ipvs-ts-save, ipvs-ts-restore').concat(' \\- ', text(PURPOSE))]),
    ...section('SYNOPSIS', synopsis()),
    ...section('DESCRIPTION', description()),
    ...section('COMMANDS', [
      ...subsection('Commands of ipvsadm', COMMANDS.flatMap(commandEntry)),
      ...subsection('Verbs', VERBS.flatMap(verbEntry)),
    ]),
    ...section('OPTIONS', options()),
    ...section('EXIT STATUS', [
      ...subsection('Command lines of ipvsadm', IPVSADM_EXIT_CODES.flatMap(exitEntry)),
      ...subsection('Verbs', VERB_EXIT_CODES.flatMap(exitEntry)),
    ]),
    ...section(
      'FILES',
      FILES.flatMap(([path, help]) => entry(italic(path), help)),
    ),
    ...section(
      'ENVIRONMENT',
      ENVIRONMENT.flatMap(([name, help]) => entry(bold(name), help)),
    ),
    ...section('DIFFERENCES FROM IPVSADM', differences()),
    ...section('EXAMPLES', EXAMPLES.flatMap(example)),
    ...section(
      'SEE ALSO',
      SEE_ALSO.map(([name, number], index) => reference(name, number, index)),
    ),
    '',
  ].join('\n');
}

const PURPOSE = 'run the load balancer in the Linux kernel (IPVS)';

const SEE_ALSO: readonly (readonly [name: string, section: number])[] = [
  ['ipvsadm', 8],
  ['ipvsadm-restore', 8],
  ['ipvsadm-save', 8],
  ['ip-netns', 8],
  ['iptables', 8],
  ['systemd.service', 5],
];

function reference(name: string, number: number, index: number): string {
  return `.BR ${text(name)} (${number})${index === SEE_ALSO.length - 1 ? '' : ' ,'}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return [`.SH "${title}"`, ...lines];
}

function subsection(title: string, lines: readonly string[]): string[] {
  return [`.SS "${text(title)}"`, ...lines];
}

/** A line for every command, with the options that go with it. */
function synopsis(): string[] {
  const commands = COMMANDS.map((command) => usage('ipvs-ts', commandUsage(command)));
  const verbs = VERBS.map((verb) => usage('ipvs-ts', verbUsage(verb)));
  const programs = PROGRAMS.map(({ name, options }) =>
    usage(
      name,
      options.map(({ short }) => bold(`-${short}`)).map((option) => `[${option}]`),
    ),
  );
  return [...commands, ...verbs, ...programs].flat();
}

/** One line of the synopsis; where it must be broken, it goes on behind the program's name. */
function usage(program: string, words: readonly string[]): string[] {
  return ['.HP', [bold(program), ...words].join(' ')];
}

function verbUsage(verb: Verb): string[] {
  return [bold(verb.name), ...usageOf(verb).map(verbWord)];
}

/** `[--sort FIELD]` with its blank unbreakable, the placeholder in italics. */
function verbWord({ option, placeholder, required, many }: UsageWord): string {
  const parts = [
    ...(option === undefined ? [] : [bold(option)]),
    ...(placeholder === undefined ? [] : [italic(placeholder)]),
  ];
  const word = parts.join('\\ ');
  return required ? word : `[${word}]${many ? '...' : ''}`;
}

function commandUsage(command: (typeof COMMANDS)[number]): string[] {
  const spec: OptionSpec = command;
  const legal = optionsOf(command.long);
  const words = [optionWord(spec)];
  const services = legal.filter(({ option }) => isService(option));
  const [service] = services;
  if (service !== undefined) words.push(enclose(italic('service'), service.rule));
  for (const { option, rule } of legal) if (!isService(option)) words.push(enclose(optionWord(option), rule));
  return words;
}

/** The ways to name a service: one word of the synopsis stands for them all. */
function isService({ long, name }: PlainOption): boolean {
  return name === 'service-address' || long === 'ipv6';
}

function enclose(word: string, rule: Rule): string {
  return rule === 'required' ? word : `[${word}]`;
}

/** The shortest word for it, and its value. */
function optionWord({ short, long, value, placeholder }: OptionSpec): string {
  const word = bold(short[0] === undefined ? `--${long}` : `-${short[0]}`);
  if (placeholder === undefined) return word;
  const name = placeholder.split(' ').map(italic).join('\\ ');
  return `${word}\\ ${value === 'optional' ? `[${name}]` : name}`;
}

function description(): string[] {
  const programs = PROGRAMS.flatMap(({ name, help }) => entry(bold(name), `${capital(help)}.`));
  return paragraphs([
    'ipvs-ts changes and shows the tables of IPVS: virtual services, and the real servers that share the connections of each.',
    'It takes two kinds of command line. Where its first word begins with a dash, or there is none, it takes the place of ' +
      'ipvsadm(8): the same commands, options, output and exit codes. The command comes first. Where its first word is one of ' +
      'the verbs below, the verb says what to do.',
    'In the synopsis, service stands for one of -t, -u, --sctp-service and -f with its value, and for -6 behind -f.',
    'Changing a table takes the capability CAP_NET_ADMIN in the first user namespace, and a kernel with ip_vs.',
    'Two more programs:',
  ]).concat(programs);
}

function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((words, index) => [...(index === 0 ? [] : ['.PP']), text(words)]);
}

function commandEntry(command: (typeof COMMANDS)[number]): string[] {
  return entry(optionTag(command), `${capital(explainOption(command))}.`);
}

function verbEntry(verb: Verb): string[] {
  const { details, exitCodes, help } = verb;
  return [
    ...entry(verbUsage(verb).join(' '), `${capital(help)}.${details === undefined ? '' : ` ${details}`}`),
    '.RS',
    ...Object.values(verb.operands).flatMap((operand) =>
      entry(italic(operand.placeholder), `${capital(explain(operand))}.`),
    ),
    ...Object.entries(verb.options).flatMap(([long, option]) => verbOptionEntry(long, option)),
    ...(exitCodes === undefined
      ? []
      : entry(
          'Exit codes',
          exitCodes
            .map(({ code, help: what }) => `${code}: ${what}`)
            .join('; ')
            .concat('.'),
        )),
    '.RE',
  ];
}

function verbOptionEntry(long: string, option: VerbOptionSpec): string[] {
  const words = [...(option.short === undefined ? [] : [`-${option.short}`]), `--${long}`].map(bold).join(', ');
  const tag = option.placeholder === undefined ? words : `${words} ${italic(option.placeholder)}`;
  return entry(tag, `${capital(explain(option))}.`);
}

function options(): string[] {
  return optionGroups().flatMap(({ title, options: members }) =>
    subsection(
      title,
      members.flatMap((option) => entry(optionTag(option), `${capital(explainOption(option))}. ${takers(option)}`)),
    ),
  );
}

/** With which commands an option goes, in letters where they have one. */
function takers({ long }: PlainOption): string {
  const commands = COMMANDS.filter(({ long: verb }) => takes(verb, long));
  return `With ${commands.map((command) => optionName(command)).join(', ')}.`;
}

function takes(verb: Command, long: PlainOption['long']): boolean {
  return optionsOf(verb).some(({ option }) => option.long === long);
}

function optionName({ short, long }: OptionSpec): string {
  return short[0] === undefined ? `--${long}` : `-${short[0]}`;
}

function optionTag({ short, long, value, placeholder }: OptionSpec): string {
  const words = [...short.map((letter) => `-${letter}`), `--${long}`].map(bold).join(', ');
  if (placeholder === undefined) return words;
  const name = italic(placeholder);
  return `${words} ${value === 'optional' ? `[${name}]` : name}`;
}

function exitEntry({ code, help }: ExitCode): string[] {
  return entry(bold(String(code)), `${capital(help)}.`);
}

function differences(): string[] {
  return [
    text('Whatever is not named here and differs from ipvsadm 1.31 is a mistake in ipvs-ts.'),
    ...DIFFERENCES.flatMap(({ title, text: words }) => entry(bold(title), words)),
  ];
}

function example({ text: words, lines }: Example, index: number): string[] {
  return [...(index === 0 ? [] : ['.PP']), text(words), '.PP', '.RS 4', '.nf', ...lines.map(text), '.fi', '.RE'];
}

/** A term and what it means, indented below it. */
function entry(tag: string, words: string): string[] {
  return ['.TP', tag, text(words)];
}

function bold(words: string): string {
  return `\\fB${text(words)}\\fR`;
}

function italic(words: string): string {
  return `\\fI${text(words)}\\fR`;
}

/** Text as roff takes it literally: no escapes, no requests, and hyphens that can be copied as minus signs. */
function text(words: string): string {
  const escaped = words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq');
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
