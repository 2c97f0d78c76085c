/**
 * The running kernel's network, as far as sync messages need it.
 * @module
 */
import { join } from 'node:path';
import { KernelError } from '../errors.js';
import { Lock } from '../linux/lock.js';
import { MulticastSocket } from '../linux/multicast-socket.js';
import { namespaceIdentity } from '../linux/namespace-identity.js';
import { runDirectory } from '../linux/state-directory.js';
import { RouteClient } from '../netlink/route/client.js';
import type { DatagramSender, KernelNetwork, TemporaryDevice } from './kernel.js';

/** Of a namespace, or of the process's own. */
export function linuxNetwork(netns: string | undefined): KernelNetwork {
  return {
    isolatedDevice: (name, mtu) => addDevice(name, mtu, netns),
    groupSender: (group) => openSender(group, netns),
  };
}

/** Milliseconds to wait for another program that has the device. */
const WAIT = 10_000;

/** Locked while it is there: one that a killed program left is taken over, one that another program uses is not. */
async function addDevice(name: string, mtu: number, netns: string | undefined): Promise<TemporaryDevice> {
  const lock = await Lock.take(join(runDirectory(), namespaceIdentity({ netns }), `${name}.lock`), {
    what: `the device ${name}`,
    wait: WAIT,
  });
  try {
    await using client = await RouteClient.open({ netns });
    await client.addDummy(name, mtu).catch((error: unknown) => {
      if (!(error instanceof KernelError) || error.code !== 'EEXIST') throw error;
    });
    await client.setLinkUp(name, true);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return {
    name,
    async [Symbol.asyncDispose]() {
      using _ = lock;
      await using client = await RouteClient.open({ netns });
      await client.deleteLink(name);
    },
  };
}

async function openSender(
  { address, port, device }: { readonly address: string; readonly port: number; readonly device: string },
  netns: string | undefined,
): Promise<DatagramSender> {
  await using client = await RouteClient.open({ netns });
  const link = (await client.links()).find(({ name }) => name === device);
  if (link === undefined) {
    throw new KernelError({ errno: ENODEV, command: 'open multicast socket', object: `${address} on ${device}` });
  }
  return MulticastSocket.toThisHost({ address, port, device: link, netns });
}

const ENODEV = -19;
