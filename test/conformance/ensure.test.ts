/** Adding or updating, and deleting what may not be there. */
import { expect, it } from 'vitest';
import { useIpvs } from './fixture.js';

const context = useIpvs();
const SERVICE = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' } as const;
const KEY = 'tcp://192.0.2.1:80';
const SERVER = { address: '10.0.0.11', forward: 'dr', weight: 3 } as const;

it('a service is added, and then updated with its real servers in place', async () => {
  const { ipvs } = context;
  expect(await ipvs.ensureService(SERVICE)).toBe('added');
  await ipvs.addDestination(KEY, SERVER);
  expect(await ipvs.ensureService({ ...SERVICE, scheduler: 'wlc', persistence: { timeout: 60 } })).toBe('updated');
  expect(await ipvs.save()).toBe('-A -t 192.0.2.1:80 -s wlc -p 60\n-a -t 192.0.2.1:80 -r 10.0.0.11:80 -g -w 3\n');
});

it('a real server is added, and then updated', async () => {
  const { ipvs } = context;
  await ipvs.addService(SERVICE);
  expect(await ipvs.ensureDestination(KEY, SERVER)).toBe('added');
  expect(await ipvs.ensureDestination(KEY, { ...SERVER, forward: 'nat', weight: 0 })).toBe('updated');
  expect(await ipvs.save()).toBe('-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.11:80 -m -w 0\n');
});

it('what is wrong is wrong: nothing is added in place of it', async () => {
  const { ipvs } = context;
  await expect(ipvs.ensureDestination(KEY, SERVER)).rejects.toMatchObject({ code: 'ESRCH' });
  await expect(ipvs.ensureService({ ...SERVICE, scheduler: 'nosuch' })).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(ipvs.ensureService({ ...SERVICE, port: 65536 })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringContaining('port'),
  });
  expect(await ipvs.save()).toBe('');
});

it('many at once end with one service, whoever came first', async () => {
  const { ipvs } = context;
  const results = await Promise.all(Array.from({ length: 50 }, () => ipvs.ensureService(SERVICE)));
  expect(results.filter((result) => result === 'added')).toHaveLength(1);
  expect(await ipvs.listServices()).toHaveLength(1);
});

it('what is gone is removed, and what was never there is not', async () => {
  const { ipvs } = context;
  await ipvs.restore('-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.11:80 -g\n');
  expect(await ipvs.removeDestination(KEY, SERVER)).toBe(true);
  expect(await ipvs.removeDestination(KEY, SERVER)).toBe(false);
  expect(await ipvs.removeDestination('tcp://192.0.2.9:80', SERVER)).toBe(false);
  expect(await ipvs.removeService(KEY)).toBe(true);
  expect(await ipvs.removeService(KEY)).toBe(false);
  await expect(ipvs.removeService('tcp://nowhere:80')).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
});
