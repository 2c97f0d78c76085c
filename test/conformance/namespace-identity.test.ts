import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { namespaceOfThisBoot } from '../../src/linux/namespace-identity.js';

const ip = (...words: string[]) => execFileSync('ip', words);

test('a namespace has one identity, and one that comes after it has another', () => {
  ip('netns', 'add', 'first');
  const netns = '/run/netns/first';
  const first = namespaceOfThisBoot({ netns });
  expect(first).toMatch(/^net-\d+-[0-9a-f]{32}$/);
  expect(namespaceOfThisBoot({ netns: 'first' })).toBe(first);
  expect(namespaceOfThisBoot()).not.toBe(first);
  expect(namespaceOfThisBoot()).toBe(namespaceOfThisBoot({ netns: '/proc/self/ns/net' }));

  const identities = [first];
  for (let round = 0; round < 5; round++) {
    ip('netns', 'delete', 'first');
    ip('netns', 'add', 'first');
    identities.push(namespaceOfThisBoot({ netns }));
  }
  ip('netns', 'delete', 'first');
  expect(new Set(identities).size).toBe(identities.length);
});

test('a namespace that is not there has none', () => {
  expect(() => namespaceOfThisBoot({ netns: 'nowhere' })).toThrow(
    'the network namespace /run/netns/nowhere cannot be entered',
  );
});
