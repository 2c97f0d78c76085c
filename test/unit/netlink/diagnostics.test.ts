import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, expect, test } from 'vitest';
import { Ipvs } from '../../../src/index.js';
import type { NetlinkDatagram } from '../../../src/netlink/diagnostics.js';
import { observed } from '../../../src/netlink/diagnostics.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const CHANNELS = ['ipvs-ts:netlink:send', 'ipvs-ts:netlink:receive'] as const;
const seen: [channel: string, datagram: NetlinkDatagram][] = [];
const onMessage = (datagram: unknown, name: string | symbol) => {
  seen.push([String(name), datagram as NetlinkDatagram]);
};

afterEach(() => {
  for (const name of CHANNELS) unsubscribe(name, onMessage);
  seen.length = 0;
});

test('each datagram is published while somebody subscribes, and none before', async () => {
  await using ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80 });
  expect(seen).toEqual([]);
  for (const name of CHANNELS) subscribe(name, onMessage);
  await ipvs.deleteService('tcp://192.0.2.1:80');
  const [sent, received] = CHANNELS.map((name) => seen.filter(([channel]) => channel === name));
  expect(sent?.length).toBeGreaterThan(0);
  expect(received?.length).toBeGreaterThan(0);
  for (const [, { protocol, bytes, error }] of seen) {
    expect([protocol, error]).toEqual(['generic', undefined]);
    expect(bytes?.length).toBeGreaterThanOrEqual(16);
  }
  const count = seen.length;
  for (const name of CHANNELS) unsubscribe(name, onMessage);
  await ipvs.listServices();
  expect(seen.length).toBe(count);
});

test('what the socket refuses is published by its errno, but for having nothing', () => {
  for (const name of CHANNELS) subscribe(name, onMessage);
  const results = [-11, -105];
  const transport = observed(
    { send: () => -105, receiveMany: () => results.shift() ?? 0, watch() {}, unwatch() {}, close() {} },
    'route',
  );
  expect(transport.send(new Uint8Array(16))).toBe(-105);
  expect(transport.receiveMany(new Uint8Array(64), new Int32Array(2))).toBe(-11);
  expect(transport.receiveMany(new Uint8Array(64), new Int32Array(2))).toBe(-105);
  expect(seen).toEqual([
    ['ipvs-ts:netlink:send', { protocol: 'route', error: 'ENOBUFS' }],
    ['ipvs-ts:netlink:receive', { protocol: 'route', error: 'ENOBUFS' }],
  ]);
});
