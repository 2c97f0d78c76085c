/**
 * Reading the rules of the host's firewall, by its own programs. Nothing is read where the kernel has no rules, since asking
 * would load the module.
 * @module
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Family } from '../address/ip.js';
import { hasLegacyTable } from '../host/masquerade.js';
import { runProgram } from '../linux/program.js';
import { parseIptables, parseNftables, type Ruleset } from './firewall-rules.js';

/** The filters that packets pass; those that no program here can list are left out. */
export async function readFirewall(netns?: string): Promise<Ruleset[]> {
  return [
    ...(hasNftables() ? await readNftables(netns) : []),
    ...(hasLegacyTable('filter', 'ipv4', netns) ? await readIptables(SAVE_PROGRAMS.ipv4, 'ipv4', netns) : []),
    ...(hasLegacyTable('filter', 'ipv6', netns) ? await readIptables(SAVE_PROGRAMS.ipv6, 'ipv6', netns) : []),
  ];
}

const SAVE_PROGRAMS: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['iptables-legacy-save', 'iptables-save'],
  ipv6: ['ip6tables-legacy-save', 'ip6tables-save'],
};

function hasNftables(): boolean {
  const files = ['/proc/modules', `/lib/modules/${release()}/modules.builtin`];
  return files.some((file) => /(?:^|\/)nf_tables(?:\.ko)?\b/m.test(readText(file)));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

async function readNftables(netns: string | undefined): Promise<Ruleset[]> {
  const { code, stdout } = await runProgram(['nft', '-j', 'list', 'ruleset'], netns);
  if (code === 0) return parseNftables(stdout);
  return [
    ...(await readIptables(['iptables-nft-save'], 'ipv4', netns)),
    ...(await readIptables(['ip6tables-nft-save'], 'ipv6', netns)),
  ];
}

/** By the first of the programs that works. */
async function readIptables(
  programs: readonly string[],
  family: Family,
  netns: string | undefined,
): Promise<Ruleset[]> {
  for (const program of programs) {
    const { code, stdout } = await runProgram([program, '-t', 'filter'], netns);
    if (code === 0) return [parseIptables(stdout, family)];
  }
  return [];
}
