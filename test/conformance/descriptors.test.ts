import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Ipvs } from '../../src/index.js';

it('closing leaves no descriptor behind, 200 times', async () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  const clients = await Promise.all(Array.from({ length: 100 }, () => Ipvs.open()));
  expect(descriptors()).toBeGreaterThanOrEqual(before + 100);
  await Promise.all(clients.map((client) => client.close()));
  for (let n = 0; n < 100; n++) {
    await using client = await Ipvs.open();
    await client.info();
    await client.totals();
  }
  expect(descriptors()).toBe(before);
});
