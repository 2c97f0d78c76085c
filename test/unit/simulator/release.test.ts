import { describe, expect, it } from 'vitest';
import { Ipvs } from '../../../src/index.js';
import { type KernelRelease, SimulatedKernel } from '../../../src/simulator/index.js';
import { KERNEL_RELEASES } from '../../../src/simulator/release.js';
import { simulatedRelease } from '../../lab/running-kernel.js';

const CTRL_CMD_GETFAMILY = 3;
const GET_SERVICE = 4;
const GET_DEST = 8;
const GET_DAEMON = 11;

/** The flags that the controller tells of a command of IPVS. */
function flagsOf(release: KernelRelease | undefined, command: number): number | undefined {
  const socket = new SimulatedKernel(release && { release }).socket();
  const request = Buffer.alloc(32);
  request.writeUInt32LE(32, 0);
  request.writeUInt16LE(16, 4);
  request.writeUInt16LE(1, 6);
  request.writeUInt8(CTRL_CMD_GETFAMILY, 16);
  request.writeUInt16LE(9, 20);
  request.writeUInt16LE(2, 22);
  request.write('IPVS\0', 24);
  socket.send(request);
  const reply = Buffer.alloc(4096);
  socket.receiveMany(reply, new Int32Array(1));
  // CTRL_ATTR_OP_ID and behind it CTRL_ATTR_OP_FLAGS.
  const at = reply.indexOf(Buffer.from([8, 0, 1, 0, command, 0, 0, 0, 8, 0, 2, 0]));
  return at === -1 ? undefined : reply.readUInt32LE(at + 12);
}

describe.each<[KernelRelease | undefined, number]>([
  [undefined, 0x5],
  ['6.1.176', 0xd],
  ['6.1', 0xd],
  ['6.12', 0x5],
  ['7.1', 0x5],
])('Linux %s', (release, flags) => {
  it('tells the policy of commands that only dump, or not', () => {
    expect(flagsOf(release, GET_DEST)).toBe(flags);
    expect(flagsOf(release, GET_DAEMON)).toBe(flags);
    expect(flagsOf(release, GET_SERVICE)).toBe(0xf);
  });
});

it.each<[KernelRelease, number]>([
  ['6.1', 65535],
  ['6.12', 65535],
  ['7.1', 80],
])(
  '%s shows the virtual port of a template without a real server as %i, and finds it no more',
  async (release, port) => {
    const kernel = new SimulatedKernel({ release, now: () => 0 });
    await using ipvs = await Ipvs.open({ kernel });
    const key = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;
    await ipvs.addService({ ...key, scheduler: 'rr', persistence: { timeout: 300 } });
    const servers = ['198.51.100.1', '198.51.100.2'];
    for (const address of servers) await ipvs.addDestination(key, { address, port: 80, forward: 'nat' });
    const connect = (from: number) =>
      kernel.connect({ protocol: 'tcp', client: { address: '203.0.113.7', port: from }, virtual: key }).destination;
    const first = connect(1000);
    await ipvs.deleteDestination(key, { address: first?.address ?? '', port: 80 });
    const second = connect(1001);
    expect(second?.address).toBe(servers.find((address) => address !== first?.address));
    const templates = (await ipvs.listConnections()).filter(({ client }) => client.port === 0);
    const shown = templates.map(({ virtual, destination }) => [
      destination.address,
      'port' in virtual ? virtual.port : undefined,
      destination.port,
    ]);
    expect(shown).toHaveLength(2);
    expect(shown).toContainEqual([first?.address, port, 65535]);
    expect(shown).toContainEqual([second?.address, 80, 80]);
    // The server that is back has a template of its own no more.
    await ipvs.addDestination(key, { address: first?.address ?? '', port: 80, forward: 'nat' });
    expect(connect(1002)).toEqual(second);
    kernel.advance(1_000_000);
    expect(kernel.connectionCount).toBe(0);
  },
);

it('has no buckets before the first connection since 7.1', async () => {
  const sizes = KERNEL_RELEASES.map(async (release) => {
    await using ipvs = await Ipvs.open({ kernel: new SimulatedKernel({ release }) });
    return (await ipvs.info()).connectionTableSize;
  });
  expect(await Promise.all(sizes)).toEqual([4096, 4096, 4096, 0]);
});

it('is none but those that are named', () => {
  expect(() => new SimulatedKernel({ release: '5.10' as '6.1' })).toThrow('release: must be 6.1.176, 6.1, 6.12, 7.1');
});

it.each<[string, KernelRelease]>([
  ['5.10.0-30-amd64', '6.1.176'],
  ['6.1.176', '6.1.176'],
  ['6.1.191', '6.1.176'],
  ['6.1.192-1-amd64', '6.1'],
  ['6.6.20', '6.1.176'],
  ['6.12.117+deb12-amd64', '6.12'],
  ['6.18.1', '6.12'],
  ['7.0.9', '6.12'],
  ['7.1.0-rc3', '7.1'],
  ['7.3.1+deb13-amd64', '7.1'],
  ['10.0.1', '7.1'],
])('tests on Linux %s compare it with the simulated %s', (uname, release) => {
  expect(simulatedRelease(uname)).toBe(release);
});
