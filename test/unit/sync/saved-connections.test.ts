import { expect, test } from 'vitest';
import type { Connection } from '../../../src/model/connection.js';
import { readConnectionsFile, writeConnectionsFile } from '../../../src/sync/saved-connections.js';

/** A template of a client with the longest name that a persistence engine may give it. */
function template(number: number): Connection {
  return {
    protocol: 'udp',
    client: { address: `2001:db8::${number.toString(16)}`, port: 0 },
    virtual: { address: '2001:db8::1:1', port: 5060 },
    destination: { address: '2001:db8::2:1', port: 5060 },
    state: 'NONE',
    expires: 300,
    engine: { name: 'sip', data: 'x'.repeat(255) },
  };
}

test('long names of persistence engines are saved, however many there are', async () => {
  const templates = Array.from({ length: 300 }, (_, index) => template(index + 1));
  const rows = (async function* () {
    yield* templates;
  })();
  const file: Uint8Array[] = [];
  for await (const piece of writeConnectionsFile(rows, [], 0)) file.push(piece);
  const saved = await readConnectionsFile(
    (async function* () {
      yield* file;
    })(),
  );
  expect(saved.count).toBe(300);
  const found = [...saved.messages()].flat();
  expect(found.map(({ client }) => client.address)).toEqual(templates.map(({ client }) => client.address));
  expect(Buffer.from(found[299]?.engine?.data ?? []).toString()).toBe('x'.repeat(255));
});
