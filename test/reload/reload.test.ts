/** What a client sees of a module that is taken out and put in again: the family is gone, and comes back under another number. */
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { keep } from '../../src/reconcile/index.js';
import { succeed } from '../lab/process.js';

const SERVICE = { protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'rr' } as const;

/** The schedulers that hold ip_vs go first. */
async function unload(): Promise<void> {
  const loaded = readFileSync('/proc/modules', 'utf8').match(/^ip_vs_\w+(?= )/gm) ?? [];
  await succeed('modprobe', ['-r', ...loaded, 'ip_vs']);
}

let ipvs: Ipvs;

beforeAll(async () => {
  ipvs = await Ipvs.open({ source: 'netlink' });
  await ipvs.flush();
});
afterAll(async () => {
  await succeed('modprobe', ['ip_vs']);
  await ipvs.flush();
  await ipvs.close();
});

test('a client goes on with the module that was loaded anew', async () => {
  await ipvs.addService(SERVICE);
  await ipvs.flush();
  await unload();
  await succeed('modprobe', ['ip_vs']);
  expect(await ipvs.listServices()).toEqual([]);
  await ipvs.addService(SERVICE);
  expect(await ipvs.listServices()).toHaveLength(1);
  await ipvs.flush();
});

test('without the module a client says so, and blames no scheduler', async () => {
  await unload();
  // The kernel loads a family that is asked for, where modprobe lets it.
  await succeed('sh', [
    '-c',
    'mkdir -p /run/modprobe.d && echo install ip_vs /bin/false >/run/modprobe.d/no-ip-vs.conf',
  ]);
  const missing = { code: 'ERR_UNAVAILABLE', message: expect.stringContaining('the ip_vs module is not loaded') };
  await expect(ipvs.addService(SERVICE)).rejects.toMatchObject(missing);
  await expect(ipvs.listServices()).rejects.toMatchObject(missing);
  await expect(ipvs.restore('-A -t 192.0.2.10:80 -s rr\n')).rejects.toMatchObject(missing);
  await succeed('rm', ['/run/modprobe.d/no-ip-vs.conf']);
  await succeed('modprobe', ['ip_vs']);
  expect(await ipvs.listServices()).toEqual([]);
});

test('keep puts the table back when the module was loaded anew', async () => {
  const wanted = { services: [{ service: SERVICE, destinations: [{ address: '10.0.0.1', forward: 'dr' }] }] } as const;
  const looks = new EventEmitter();
  const end = new AbortController();
  const kept = keep(
    ipvs,
    { read: () => wanted },
    { interval: 10_000, signal: end.signal, onLook: () => looks.emit('look') },
  );
  await once(looks, 'look');
  expect(await ipvs.listServices()).toHaveLength(1);
  // Until the next look of keep nothing holds the module.
  await ipvs.flush();
  await unload();
  await succeed('modprobe', ['ip_vs']);
  await expect.poll(() => ipvs.listServices().catch(() => []), { timeout: 30_000 }).toHaveLength(1);
  end.abort();
  await kept.catch(() => undefined);
  await ipvs.flush();
});
