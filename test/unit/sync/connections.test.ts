/** Connections ended, moved, saved and put back, on the simulated kernel. */
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Ipvs, type Kernel, type ServiceKeyText, UnavailableError } from '../../../src/index.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const VIPS = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const;
const SERVERS = { ipv4: ['198.51.100.1', '198.51.100.2'], ipv6: ['2001:db8:1::1', '2001:db8:1::2'] } as const;
type Family = keyof typeof VIPS;

async function director(family: Family, protocol: 'tcp' | 'udp', options: { persistent?: boolean } = {}) {
  const kernel = new SimulatedKernel();
  const ipvs = await Ipvs.open({ kernel });
  const vip = VIPS[family];
  const service: ServiceKeyText = `${protocol}://${family === 'ipv6' ? `[${vip}]` : vip}:80`;
  const persistence = options.persistent ? { persistence: { timeout: 300 } } : {};
  await ipvs.addService({ protocol, address: vip, port: 80, scheduler: 'rr', ...persistence });
  for (const address of SERVERS[family]) await ipvs.addDestination(service, { address, forward: 'dr' });
  const client = (port: number) => ({ address: family === 'ipv6' ? '2001:db8:2::7' : '203.0.113.7', port });
  const call = (port: number) => {
    const opened = kernel.connect({ protocol, client: client(port), virtual: { address: vip, port: 80 } });
    if (protocol === 'tcp') opened.connection?.send('ACK');
    return opened;
  };
  return { kernel, ipvs, service, call };
}

const CASES: [protocol: 'tcp' | 'udp', family: Family][] = [
  ['tcp', 'ipv4'],
  ['udp', 'ipv4'],
  ['tcp', 'ipv6'],
  ['udp', 'ipv6'],
];

describe.each(CASES)('%s over %s', (protocol, family) => {
  const [first, second] = SERVERS[family];

  test('connections of one server end', async () => {
    const { kernel, ipvs, call } = await director(family, protocol);
    for (const port of [1, 2, 3, 4]) call(port);
    const seen: number[] = [];
    const ending = ipvs.endConnections({ server: first }, { onProgress: ({ done }) => seen.push(done) });
    if (protocol === 'udp' && family === 'ipv6') setTimeout(() => kernel.advance(2000), 20);
    expect(await ending).toEqual({ matched: 2, changed: 2, left: [] });
    expect(seen.at(-1)).toBe(2);
    const rows = await ipvs.listConnections();
    expect(rows.filter(({ destination }) => destination.address === first)).toEqual([]);
    expect(rows.filter(({ destination }) => destination.address === second)).toHaveLength(2);
    expect(await ipvs.daemons()).toEqual([]);
    await ipvs.close();
  });

  test('connections move to another server', async () => {
    const { ipvs, call } = await director(family, protocol);
    for (const port of [1, 2, 3, 4]) call(port);
    expect(await ipvs.moveConnections({ server: first }, second)).toEqual({ matched: 2, changed: 2, left: [] });
    const rows = await ipvs.listConnections();
    expect(rows.map(({ destination }) => destination.address)).toEqual(Array(4).fill(second));
    const [{ activeConnections, inactiveConnections } = {}] = await ipvs.listDestinations(
      rows[0] ? serviceOf(family, protocol) : 'tcp://0.0.0.0:1',
    );
    expect((activeConnections ?? 0) + (inactiveConnections ?? 0)).toBe(4);
    await ipvs.close();
  });

  test('a table comes back after it was lost', async () => {
    const { ipvs, call } = await director(family, protocol);
    for (const port of [1, 2, 3, 4]) call(port);
    const before = await ipvs.listConnections();
    const file: Uint8Array[] = [];
    for await (const piece of ipvs.saveConnections()) file.push(piece);
    const other = await director(family, protocol);
    const result = await other.ipvs.restoreConnections(Readable.from(file));
    expect(result).toEqual({ saved: 4, restored: 4, expired: 0, present: 0, missing: 0 });
    const names = (rows: typeof before) =>
      rows.map(({ client, destination, state }) => [client.port, destination.address, state]).sort();
    expect(names(await other.ipvs.listConnections())).toEqual(names(before));
    const again = await other.ipvs.restoreConnections(Readable.from(file));
    expect(again).toEqual({ saved: 4, restored: 0, expired: 0, present: 4, missing: 0 });
    await ipvs.close();
    await other.ipvs.close();
  });
});

function serviceOf(family: Family, protocol: 'tcp' | 'udp'): ServiceKeyText {
  return `${protocol}://${family === 'ipv6' ? `[${VIPS.ipv6}]` : VIPS.ipv4}:80`;
}

test('templates follow their connections', async () => {
  const { kernel, ipvs, call } = await director('ipv4', 'tcp', { persistent: true });
  for (const port of [1, 2, 3]) call(port);
  expect(await ipvs.listConnections()).toHaveLength(4);
  const ending = ipvs.endConnections({});
  setTimeout(() => kernel.advance(1500), 100);
  expect(await ending).toEqual({ matched: 4, changed: 4, left: [] });
  expect(await ipvs.listConnections()).toEqual([]);
  await ipvs.close();
});

test('the backup daemon that runs is used, and goes on running', async () => {
  const kernel = new SimulatedKernel({ interfaces: [{ name: 'eth0' }] });
  await using ipvs = await Ipvs.open({ kernel });
  await ipvs.startDaemon({ role: 'backup', interface: 'eth0', syncId: 7 });
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' });
  await ipvs.addDestination('tcp://192.0.2.1:80', { address: '198.51.100.1', forward: 'dr' });
  const client = { address: '203.0.113.7', port: 1 };
  kernel.connect({ protocol: 'tcp', client, virtual: { address: '192.0.2.1', port: 80 } });
  expect(await ipvs.endConnections({})).toEqual({ matched: 1, changed: 1, left: [] });
  expect(await ipvs.daemons()).toMatchObject([{ role: 'backup', interface: 'eth0', syncId: 7 }]);
});

test('a kernel without a way for messages is told apart', async () => {
  const simulated = new SimulatedKernel();
  const kernel: Kernel = {
    socket: () => simulated.socket(),
    proc: (name) => simulated.proc(name),
    ticksPerSecond: () => simulated.ticksPerSecond(),
  };
  await using ipvs = await Ipvs.open({ kernel });
  await expect(ipvs.endConnections({})).rejects.toThrow(UnavailableError);
});

test('a move to a server that the service does not have changes nothing, and says so', async () => {
  const { ipvs, call } = await director('ipv4', 'tcp');
  call(1);
  const before = await ipvs.listConnections();
  const result = await ipvs.moveConnections({}, '198.51.100.9');
  expect(result).toMatchObject({
    matched: 1,
    changed: 0,
    left: [{ why: expect.stringContaining('no such real server') }],
  });
  expect((await ipvs.listConnections()).map(({ destination }) => destination)).toEqual(
    before.map(({ destination }) => destination),
  );
  await ipvs.close();
});

test.each([
  ['nothing', (): Uint8Array => new Uint8Array(), 'too short'],
  ['a changed byte', (file: Uint8Array) => file.with(40, (file[40] ?? 0) ^ 1), 'digest'],
  ['a missing piece', (file: Uint8Array) => file.slice(0, -10), 'digest'],
  ['another file', (file: Uint8Array) => file.with(0, 0), 'IPVSCONN'],
  ['a newer version', (file: Uint8Array) => file.with(9, 2), 'version 2'],
])('%s is no file of connections', async (_, change, message) => {
  const { ipvs, call } = await director('ipv4', 'tcp');
  call(1);
  const pieces: Uint8Array[] = [];
  for await (const piece of ipvs.saveConnections()) pieces.push(piece);
  const changed = change(Buffer.concat(pieces));
  await expect(ipvs.restoreConnections(Readable.from([changed]))).rejects.toMatchObject({
    code: 'ERR_CONNECTIONS_FILE',
    message: expect.stringContaining(message),
  });
  await ipvs.close();
});
