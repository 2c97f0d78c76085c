import { expect, test } from 'vitest';
import { masqueradeCommands, masqueradeMark } from '../../../src/host/masquerade.js';

const RULE = { mark: 'ipvs-ts-1f3a9c02', network: '10.1.0.0/24', vips: ['192.0.2.100', '192.0.2.101'] };

// The lab's kernel has no nft_chain_nat. Stock kernels take these (Linux 6.12, with packets).
test('nft has a table for each rule, in one transaction', () => {
  expect(masqueradeCommands('nft', RULE)).toEqual({
    add: [
      'nft',
      'add table ip ipvs-ts-1f3a9c02; ' +
        'add chain ip ipvs-ts-1f3a9c02 postrouting { type nat hook postrouting priority 100 ; }; ' +
        'add rule ip ipvs-ts-1f3a9c02 postrouting ip daddr 10.1.0.0/24 ' +
        'ct original ip daddr { 192.0.2.100, 192.0.2.101 } masquerade',
    ],
    delete: ['nft', 'delete table ip ipvs-ts-1f3a9c02'],
    list: ['nft', 'list', 'tables', 'ip'],
  });
  const { add, list } = masqueradeCommands('nft', { ...RULE, network: '2001:db8::/64', vips: ['2001:db8:1::1'] });
  expect(add.at(-1)).toContain(
    'postrouting ip6 daddr 2001:db8::/64 ct original ip6 daddr { 2001:db8:1::1 } masquerade',
  );
  expect(list).toEqual(['nft', 'list', 'tables', 'ip6']);
});

test.each(['iptables', 'iptables-legacy', 'ip6tables', 'ip6tables-legacy'] as const)(
  '%s has a rule with a comment',
  (tool) => {
    const match = '-d 10.1.0.0/24 -m ipvs --ipvs --vmethod masq -m comment --comment ipvs-ts-1f3a9c02 -j MASQUERADE';
    const { add, delete: remove, list } = masqueradeCommands(tool, RULE);
    expect(add.join(' ')).toBe(`${tool} -w -t nat -A POSTROUTING ${match}`);
    expect(remove.join(' ')).toBe(`${tool} -w -t nat -D POSTROUTING ${match}`);
    expect(list.join(' ')).toBe(`${tool} -w -t nat -S POSTROUTING`);
  },
);

test('a mark stands for one rule', () => {
  const marks = [
    masqueradeMark('10.1.0.0/24', ['192.0.2.1']),
    masqueradeMark('10.1.0.0/24', ['192.0.2.1', '192.0.2.2']),
    masqueradeMark('10.1.0.0/16', ['192.0.2.1']),
  ];
  expect(new Set(marks).size).toBe(3);
  expect(masqueradeMark('10.1.0.0/24', ['192.0.2.1'])).toBe(marks[0]);
  for (const mark of marks) expect(mark).toMatch(/^ipvs-ts-[0-9a-f]{8}$/);
});
