import { spawnSync } from 'node:child_process';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkoutRoot } from '../lab/checkout.js';
import { useIpvs } from './fixture.js';

const context = useIpvs();

beforeEach(() =>
  context.ipvs.addService({
    protocol: 'tcp',
    address: '192.0.2.1',
    port: 80,
    persistence: { timeout: 77, netmask: 24 },
  }),
);

/** A program, as JavaScript, run by a node of its own: by the user nobody, or with other files than the package has. */
function node(program: string, { nobody = false, env = {} } = {}): unknown {
  const words = [process.execPath, '--input-type=module', '--eval', program];
  const [command = '', ...args] = nobody
    ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...words]
    : words;
  const { stdout, stderr } = spawnSync(command, args, {
    cwd: checkoutRoot,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

const LOOK = `
  import { Ipvs } from 'ipvs-ts';
  const ipvs = await Ipvs.open();
  const refusal = await ipvs.flush().catch((error) => error);
  const { services } = await ipvs.snapshot();
  const { code, message } = refusal;
  const { persistence } = services.map(({ service }) => service).find(({ port }) => port === 80);
  console.log(JSON.stringify({ source: ipvs.source, reason: ipvs.fallbackReason?.code, code, message, persistence }));
`;

describe('the fallback', () => {
  it('happens without CAP_NET_ADMIN', async () => {
    expect(node(LOOK, { nobody: true })).toMatchObject({
      source: 'proc',
      reason: 'EPERM',
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining('CAP_NET_ADMIN'),
      persistence: { timeout: 77, netmask: 24 },
    });
  });

  it('happens without the addon, and then leaves out what needs it', async () => {
    expect(node(LOOK, { env: { IPVS_TS_PREBUILD: '/nonexistent' } })).toMatchObject({
      source: 'proc',
      reason: 'ERR_UNAVAILABLE',
      code: 'ERR_UNAVAILABLE',
      message: expect.stringContaining('addon'),
      persistence: { netmask: 24 },
    });
  });

  it('is not wanted by those who ask for netlink', () => {
    const program = `
      import { Ipvs } from 'ipvs-ts';
      const error = await Ipvs.open({ source: 'netlink' }).catch((error) => error);
      console.log(JSON.stringify({ name: error.name, code: error.code, hint: error.hint }));
    `;
    expect(node(program, { nobody: true })).toEqual({
      name: 'KernelError',
      code: 'EPERM',
      hint: expect.stringContaining('root'),
    });
  });
});
