import { describe, expect, it } from 'vitest';
import { BY_LONG, BY_SHORT, COMMANDS, OPTION_NAMES, OPTIONS, type OptionSpec } from '../../../src/ipvsadm/options.js';

const ALL: readonly (OptionSpec & { name?: string })[] = [...COMMANDS, ...OPTIONS];

describe('the table of options', () => {
  it('has every long name and every letter once', () => {
    expect(BY_LONG.size).toBe(ALL.length);
    expect(BY_SHORT.size).toBe(ALL.flatMap(({ short }) => short).length);
  });

  it('has every letter of ipvsadm 1.31', () => {
    expect([...BY_SHORT.keys()].sort().join('')).toBe('6ACDELMRSXZabcdefghilmnoprstuvwxy');
  });

  it('uses every name that messages have', () => {
    const used = new Set(
      OPTIONS.map((option) => ('name' in option ? option.name : undefined)).filter((name) => name !== undefined),
    );
    expect([...used].sort()).toEqual([...OPTION_NAMES].sort());
  });

  it.each(ALL.map((option) => [option.long, option] as const))('tells about --%s', (_, option) => {
    expect(option.help).toMatch(/^\S.{3,99}$/);
    if (option.value !== 'none') expect(option.placeholder).toBeDefined();
    expect(option.fallback !== undefined).toBe(option.value === 'optional');
  });
});
