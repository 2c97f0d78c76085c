import { expect, it } from 'vitest';
import { KernelError } from '../../../src/errors.js';
import { explain } from '../../../src/kernel/diagnosis.js';
import type { Kernel } from '../../../src/kernel/kernel.js';
import type { NormalChange } from '../../../src/model/change.js';
import { parseDestination } from '../../../src/model/destination.js';
import { parseServiceKey } from '../../../src/model/service-key.js';

const key = parseServiceKey('tcp://192.0.2.1:80');
const change: NormalChange = {
  verb: 'add-destination',
  key,
  destination: parseDestination(key, { address: '10.0.0.1' }),
};
const refusal = new KernelError({ errno: -22, command: 'add destination' });

/** A kernel with these routes that counts how often it is asked for them. */
function kernelWith(routes: string): { kernel: Kernel; asked: () => number } {
  let asked = 0;
  const kernel: Kernel = {
    socket() {
      throw new Error('nobody needs a socket for this');
    },
    async *proc() {
      asked++;
      yield* routes.match(/.{1,10}/gs) ?? [];
    },
    ticksPerSecond: () => undefined,
  };
  return { kernel, asked: () => asked };
}

const look = (kernel: Kernel) =>
  // A destination of the service's own family: the source is not asked.
  explain(refusal, change, kernel, undefined as never);

it('refusals of one moment share one look at the routes, and later ones look again', async () => {
  const { kernel, asked } = kernelWith('');
  const errors = await Promise.all(Array.from({ length: 5000 }, () => look(kernel)));
  for (const error of errors) expect(error).toMatchObject({ hint: 'ip link set lo up' });
  expect(asked()).toBe(1);
  await look(kernel);
  expect(asked()).toBe(2);
});

it('nothing is blamed where the routes are in order', async () => {
  const { kernel } = kernelWith('Local:\n  +-- 127.0.0.0/8 2 0 2\n     |-- 10.0.0.255\n        /32 link BROADCAST\n');
  expect(await look(kernel)).toMatchObject({ code: 'EINVAL', reason: undefined, hint: undefined });
});
