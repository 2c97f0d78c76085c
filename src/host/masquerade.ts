/**
 * Masquerading for NAT real servers that can't have the director as their gateway, by the host's own firewall program.
 *
 * iptables knows packets that IPVS handled (xt_ipvs). nftables does not, but connection tracking, which must be on anyhow
 * (net.ipv4.vs.conntrack), remembers that such a connection was opened to a VIP.
 * @module
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, readFileSync } from 'node:fs';
import { type Family, familyOf } from '../address/ip.js';
import { UnavailableError } from '../errors.js';
import { openFile } from '../linux/namespace.js';
import { type Outcome, runProgram } from '../linux/program.js';
import type { MasqueradeStep, MasqueradeTool } from './step.js';

/** The programs of a family, best first. */
export const MASQUERADE_TOOLS: Readonly<Record<Family, readonly MasqueradeTool[]>> = {
  ipv4: ['nft', 'iptables', 'iptables-legacy'],
  ipv6: ['nft', 'ip6tables', 'ip6tables-legacy'],
};

/** What a rule is about. */
export type MasqueradeRule = Pick<MasqueradeStep, 'mark' | 'network' | 'vips'>;

/** What there is for masquerading in a family. */
export interface MasqueradeState {
  /** The program that works here; absent if none does. */
  readonly tool?: MasqueradeTool;
  /** Why not, program by program, where none does. */
  readonly problem?: string;
  /** The marks of our rules that are in force. */
  readonly marks: readonly string[];
}

/** Commands as argument lists, without a shell's quotes. */
export interface MasqueradeCommands {
  /** Adds the rule, or does nothing of it. */
  readonly add: readonly string[];
  readonly delete: readonly string[];
  /** Lists what is there; the rule's mark is in it if the rule is. */
  readonly list: readonly string[];
}

/** By which a rule is known: it is the same for the same rule, and for no other. */
export function masqueradeMark(network: string, vips: readonly string[]): string {
  const digest = createHash('sha256')
    .update([network, ...vips].join(' '))
    .digest('hex');
  return `ipvs-ts-${digest.slice(0, 8)}`;
}

/** How a tool is told. nft's rule has a table of its own, whose name is the mark. */
export function masqueradeCommands(tool: MasqueradeTool, rule: MasqueradeRule): MasqueradeCommands {
  return tool === 'nft' ? nftCommands(rule) : iptablesCommands(tool, rule);
}

function nftCommands({ mark, network, vips }: MasqueradeRule): MasqueradeCommands {
  const family = nftFamily(network);
  const table = `${family} ${mark}`;
  // 100 is srcnat, by a number that old versions know too. One call is one transaction.
  const chain = `${table} postrouting { type nat hook postrouting priority 100 ; }`;
  const match = `${family} daddr ${network} ct original ${family} daddr { ${vips.join(', ')} }`;
  return {
    add: ['nft', `add table ${table}; add chain ${chain}; add rule ${table} postrouting ${match} masquerade`],
    delete: ['nft', `delete table ${table}`],
    list: ['nft', 'list', 'tables', family],
  };
}

function nftFamily(network: string): 'ip' | 'ip6' {
  return network.includes(':') ? 'ip6' : 'ip';
}

function iptablesCommands(tool: MasqueradeTool, { mark, network }: MasqueradeRule): MasqueradeCommands {
  const nat = [tool, '-w', '-t', 'nat'];
  const match = ['-d', network, '-m', 'ipvs', '--ipvs', '--vmethod', 'masq', '-m', 'comment', '--comment', mark];
  const rule = ['POSTROUTING', ...match, '-j', 'MASQUERADE'];
  return { add: [...nat, '-A', ...rule], delete: [...nat, '-D', ...rule], list: [...nat, '-S', 'POSTROUTING'] };
}

/** Finds the program that works on this host, and our rules that are in force. */
export async function readMasquerade(family: Family, netns?: string): Promise<MasqueradeState> {
  const problems: string[] = [];
  for (const tool of MASQUERADE_TOOLS[family]) {
    const outcome = await tryTool(tool, family);
    if (outcome.code === 0) return { tool, marks: await readMarks(tool, family, netns) };
    problems.push(`${tool}: ${firstLine(outcome)}`);
  }
  return { problem: problems.join('; '), marks: [] };
}

/**
 * Adds a rule where it harms nobody: in a new network namespace that ends with the program. Listing would not tell, for
 * iptables of nftables lists chains that the kernel then refuses to make (iptables 1.8.9).
 */
function tryTool(tool: MasqueradeTool, family: Family): Promise<Outcome> {
  return runProgram(['unshare', '--net', '--', ...masqueradeCommands(tool, SAMPLES[family]).add]);
}

const SAMPLES: Readonly<Record<Family, MasqueradeRule>> = {
  ipv4: { mark: 'ipvs-ts-sample', network: '192.0.2.0/24', vips: ['198.51.100.1'] },
  ipv6: { mark: 'ipvs-ts-sample', network: '2001:db8::/64', vips: ['2001:db8:1::1'] },
};

/** The marks of our rules that a tool lists. */
export async function readMarks(tool: MasqueradeTool, family: Family, netns?: string): Promise<string[]> {
  if (tool.endsWith('-legacy') && !hasLegacyTable('nat', family, netns)) return [];
  const { list } = masqueradeCommands(tool, SAMPLES[family]);
  const outcome = await runProgram(list, netns);
  if (outcome.code !== 0) throw refusal('list masquerade rules', tool, outcome);
  return [...new Set(outcome.stdout.match(/\bipvs-ts-[0-9a-f]{8}\b/g))];
}

/**
 * Whether a table of iptables-legacy is in use. Listing one that is not makes the kernel set it up, and for `nat` track all
 * connections of the namespace.
 */
export function hasLegacyTable(table: 'filter' | 'nat', family: Family, netns: string | undefined): boolean {
  const file = `/proc/thread-self/net/${family === 'ipv4' ? 'ip_tables_names' : 'ip6_tables_names'}`;
  const descriptor = openFile(file, constants.O_RDONLY, netns);
  if (descriptor < 0) return false;
  try {
    return readFileSync(descriptor, 'latin1').split('\n').includes(table);
  } finally {
    closeSync(descriptor);
  }
}

/** Adds the rule of a step, or takes it away. @throws {UnavailableError} with the program's own words. */
export async function changeMasquerade(
  verb: 'add' | 'delete',
  step: MasqueradeStep,
  netns: string | undefined,
): Promise<void> {
  const outcome = await runProgram(masqueradeCommands(step.tool, step)[verb], netns);
  if (outcome.code !== 0) throw refusal(`${verb} the masquerade rule`, step.tool, outcome);
}

/** Whether a rule of ours is in force. */
export async function hasMasquerade({ tool, network, mark }: MasqueradeStep, netns?: string): Promise<boolean> {
  return (await readMarks(tool, familyOf(network), netns)).includes(mark);
}

function refusal(what: string, tool: MasqueradeTool, outcome: Outcome): UnavailableError {
  return new UnavailableError(`${tool} could not ${what}: ${firstLine(outcome)}`);
}

function firstLine({ stderr, stdout, code }: Outcome): string {
  if (code === 127) return 'there is no such program';
  return (stderr || stdout).trim().split('\n')[0] || `exit code ${code}`;
}
