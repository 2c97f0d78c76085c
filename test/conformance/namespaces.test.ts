import { readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatServiceKey, Ipvs } from '../../src/index.js';
import { Lan } from '../lab/network.js';
import { rejection, useIpvs } from './fixture.js';

const context = useIpvs();
const web = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;

it('each has a table of its own, by netlink and by /proc', async () => {
  await using lan = await Lan.create();
  const [blue, red] = [await lan.host('blue'), await lan.host('red')];
  const own = readlinkSync('/proc/self/ns/net');
  await using inBlue = await Ipvs.open({ netns: blue.namespacePath });
  await using inRed = await Ipvs.open({ netns: red.namespace });
  await inBlue.addService(web);
  await inBlue.addDestination(web, { address: '10.0.0.1' });
  expect(await inRed.listServices()).toEqual([]);
  expect(await context.ipvs.listServices()).toEqual([]);
  await using procOfBlue = await Ipvs.open({ netns: blue.namespacePath, source: 'proc' });
  expect((await procOfBlue.snapshot()).services).toMatchObject([{ service: web, destinations: [{}] }]);
  await using procOfRed = await Ipvs.open({ netns: red.namespacePath, source: 'proc' });
  expect((await procOfRed.snapshot()).services).toEqual([]);
  expect(await inBlue.save()).toBe(await blue.run('ipvsadm', '-Sn'));
  expect(readlinkSync('/proc/self/ns/net')).toBe(own);
});

it('has whole snapshots beside others whose services make /proc/net/ip_vs leave out some of its own', async () => {
  await using lan = await Lan.create();
  const hosts = [await lan.host('blue'), await lan.host('red')];
  const keys = Array.from({ length: 300 }, (_, index) => `tcp://192.0.2.${index >> 8}:${1000 + index}` as const);
  const rules = keys.map((key) => `-A -t ${key.slice('tcp://'.length)} -s rr\n`).join('');
  for (const { namespacePath } of hosts) {
    await using ipvs = await Ipvs.open({ netns: namespacePath });
    await ipvs.restore(rules);
  }
  for (const { namespacePath } of hosts) {
    await using ipvs = await Ipvs.open({ netns: namespacePath });
    const { services } = await ipvs.snapshot();
    expect(services.map(({ service }) => formatServiceKey(service)).sort()).toEqual([...keys].sort());
    expect((await ipvs.save()).split('\n').sort()).toEqual(rules.split('\n').sort());
  }
});

it('that is not there is an error that names it', async () => {
  expect(await rejection(Ipvs.open({ netns: 'nowhere' }))).toMatchObject({
    code: 'ERR_UNAVAILABLE',
    message: 'the network namespace /run/netns/nowhere cannot be entered: open: ENOENT',
  });
});

it('cannot be given together with a kernel', async () => {
  const { linuxKernel } = await import('../../src/index.js');
  expect(await rejection(Ipvs.open({ netns: 'blue', kernel: linuxKernel() }))).toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    issues: [{ path: 'netns' }],
  });
});
