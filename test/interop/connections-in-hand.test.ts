import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Lan } from '../lab/network.js';

const PROGRAM = fileURLToPath(new URL('../lab/connections-in-hand.mjs', import.meta.url));

test('connections are ended at once, and go on after they were put back', async () => {
  await using lan = await Lan.create();
  const director = await lan.host('director', '10.0.0.2/24', '10.0.0.100/32');
  expect(JSON.parse(await director.run(process.execPath, PROGRAM))).toEqual({
    ended: { matched: 3, changed: 3, left: [] },
    gone: 0,
    daemons: [],
    restored: { saved: 3, restored: 3, expired: 0, present: 0, missing: 0 },
    answers: ['after', 'after', 'after'],
    resets: ['ECONNRESET', 'ECONNRESET', 'ECONNRESET'],
  });
});
