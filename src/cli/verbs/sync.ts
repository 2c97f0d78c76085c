/** @module */
import { formatEndpoint } from '../../address/endpoint.js';
import { CONNECTION_STATES, TEMPLATE_STATES } from '../../model/connection-state.js';
import { type Protocol, protocolOfNumber } from '../../model/service-key.js';
import type { SyncConnection, WatchedSync } from '../../sync/index.js';
import { JSON_OUTPUT, NETNS, portOf } from '../common-options.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts sync` */
export const sync = defineVerb({
  name: 'sync',
  group: 'Table',
  operands: { action: { placeholder: 'watch', choices: ['watch'], help: 'show what comes' } },
  options: {
    interface: { placeholder: 'DEVICE', source: 'interface', help: 'the device that the messages come in on' },
    group: { placeholder: 'ADDR', default: '224.0.0.81', help: 'their multicast group' },
    port: { placeholder: 'PORT', default: '8848', read: portOf, help: 'their UDP port' },
    json: JSON_OUTPUT,
    netns: NETNS,
  },
  help: 'show what a master sync daemon sends',
  details: 'A line for each connection of each message, until Ctrl-C. With --json, an object a line for each message.',

  async run({ values }, { streams: { stdout } }) {
    const { interface: device, group, port, json, netns } = values;
    if (device === undefined) throw new UsageError('needs --interface');
    const { watchSync } = await import('../../sync/index.js');
    const ended = new AbortController();
    const end = () => ended.abort();
    process.once('SIGINT', end).once('SIGTERM', end);
    try {
      for await (const watched of watchSync({ device, group, port, netns, signal: ended.signal })) {
        stdout.write(json ? `${JSON.stringify(jsonOf(watched))}\n` : linesOf(watched));
      }
    } finally {
      process.off('SIGINT', end).off('SIGTERM', end);
    }
    return 0;
  },
});

/** Bytes as text: JSON has none. */
function jsonOf(watched: WatchedSync): object {
  if ('error' in watched) return { at: watched.at, error: watched.error.message };
  const connections = watched.message.connections.map(({ engine, ...rest }) => ({
    ...rest,
    ...(engine && { engine: { ...engine, data: Buffer.from(engine.data).toString('latin1') } }),
  }));
  return { at: watched.at, ...watched.message, connections };
}

function linesOf(watched: WatchedSync): string {
  const time = watched.at.toISOString().slice(11, 23);
  if ('error' in watched) return `${time} dropped: ${watched.error.message}\n`;
  const { version, syncId, connections } = watched.message;
  const head = `${time} id ${syncId} version ${version}`;
  if (connections.length === 0) return `${head} no connections\n`;
  return connections.map((connection) => `${head} ${connectionText(connection)}\n`).join('');
}

function connectionText(connection: SyncConnection): string {
  const { protocol, client, virtual, destination, mark, timeout } = connection;
  const name = protocol === 0 ? 'ip' : protocolOfNumber(protocol);
  const endpoints = [client, virtual, destination].map(({ address, port }) => formatEndpoint(address, port)).join(' ');
  return `${name} ${endpoints} ${stateOf(name, connection)} ${timeout} s${mark === 0 ? '' : ` mark ${mark}`}`;
}

function stateOf(protocol: string, { client, state }: SyncConnection): string {
  const states = client.port === 0 ? TEMPLATE_STATES : CONNECTION_STATES[protocol as Protocol];
  return states?.[state] ?? `state ${state}`;
}
