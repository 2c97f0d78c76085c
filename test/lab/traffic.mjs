/**
 * A host that talks, told what to do: every line that comes in is a JSON object with a `do`, every line that goes out is its result.
 * Started by a test (traffic.ts) inside the host's namespace; one process has all the host's connections, thousands of them.
 *
 * A real server answers each line `TEXT` with `NAME TEXT`, and the line `download` with bytes without end. A client opens groups of
 * connections, and asks all of a group at once.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @typedef {object} Talk a connection, or a socket of datagrams that is connected
 * @property {(text: string) => void} send
 * @property {(said: string) => void} heard what to do with what comes: a line, or the code of an error
 * @property {string | undefined} server who answered last
 * @property {number} received bytes
 */

/** Milliseconds that an answer may take: packets of TCP are sent again meanwhile. */
const PATIENCE = 5000;
/** Connections that are made, or asked, at a time: what is more than a queue of the lab's takes is lost, and sent again later. */
const AT_ONCE = 200;
const PIECE = Buffer.alloc(16_384, 'x');

/** @type {Map<string, Talk[]>} */
const groups = new Map();

/** @type {Record<string, (order: Record<string, any>) => Promise<unknown> | unknown>} */
const orders = {
  async listen({ name, tcp, udp }) {
    for (const port of tcp) {
      const server = createServer({ noDelay: true }, (socket) => answer(socket, name));
      await once(server.listen({ port, backlog: 4096 }), 'listening');
    }
    for (const { address, port } of udp) {
      const socket = socketFor(address);
      socket.on('message', (data, { address: to, port: toPort }) => socket.send(`${name} ${data}`, toPort, to));
      // Of an address, so that answers come from it.
      await once(socket.bind({ address, port, exclusive: true }), 'listening');
    }
  },
  async open({ group, protocol, to, port, from, count = 1, text = 'hello' }) {
    const talks = [];
    for (let left = count; left > 0; left -= AT_ONCE) {
      const dialled = Array.from({ length: Math.min(left, AT_ONCE) }, () => dial(protocol, to, port, from));
      talks.push(...(await Promise.all(dialled)));
    }
    groups.set(group, talks);
    return exchange(talks, text);
  },
  ask: ({ group, text }) => exchange(groups.get(group) ?? [], text),
  download({ group }) {
    for (const talk of groups.get(group) ?? []) talk.send('download\n');
  },
  /** How many bytes the connections of a group receive in a while. */
  async receives({ group, milliseconds }) {
    const talks = groups.get(group) ?? [];
    const sum = () => talks.reduce((bytes, { received }) => bytes + received, 0);
    const before = sum();
    await sleep(milliseconds);
    return sum() - before;
  },
  /** Resets that this host's TCP has sent. */
  resets() {
    const [names = '', values = ''] = readFileSync('/proc/self/net/snmp', 'utf8').match(/^Tcp: .*$/gm) ?? [];
    return Number(values.split(' ')[names.split(' ').indexOf('OutRsts')]);
  },
};

/**
 * @param {import('node:net').Socket} socket
 * @param {string} name
 */
function answer(socket, name) {
  const lines = createInterface(socket);
  // A client that comes back by the same port resets what a real server has left of its earlier connection.
  for (const one of [socket, lines]) one.on('error', () => undefined);
  lines.on('line', (line) => {
    if (line === 'download') pour(socket);
    else socket.write(`${name} ${line}\n`);
  });
}

/** @param {import('node:net').Socket} socket */
function pour(socket) {
  while (!socket.destroyed && socket.write(PIECE));
  if (!socket.destroyed) socket.once('drain', () => pour(socket));
}

/**
 * @param {'tcp' | 'udp'} protocol
 * @param {string} to
 * @param {number} port
 * @param {string | undefined} from
 * @returns {Promise<Talk>}
 */
function dial(protocol, to, port, from) {
  return protocol === 'tcp' ? dialTcp(to, port, from) : dialUdp(to, port, from);
}

/** @type {(to: string, port: number, from: string | undefined) => Promise<Talk>} */
async function dialTcp(to, port, from) {
  const socket = createConnection({ host: to, port, noDelay: true, ...(from !== undefined && { localAddress: from }) });
  let gone = 'closed';
  /** @type {Talk} */
  const talk = {
    send: (text) => void (socket.destroyed ? talk.heard(gone) : socket.write(text)),
    heard: () => undefined,
    server: undefined,
    received: 0,
  };
  socket.on('error', (error) => {
    gone = 'code' in error ? String(error.code) : error.message;
    talk.heard(gone);
  });
  socket.on('end', () => talk.heard(gone));
  await once(socket, 'connect').catch(() => undefined);
  socket.on('data', (data) => {
    talk.received += data.length;
    if (data.length < 1000) talk.heard(data.toString().trimEnd());
  });
  return talk;
}

/** @type {(to: string, port: number, from: string | undefined) => Promise<Talk>} */
async function dialUdp(to, port, from) {
  const socket = socketFor(to);
  socket.bind(from === undefined ? {} : { address: from });
  await once(socket, 'listening');
  socket.connect(port, to);
  await once(socket, 'connect');
  /** @type {Talk} */
  const talk = { send: (text) => socket.send(text), heard: () => undefined, server: undefined, received: 0 };
  socket.on('message', (data) => talk.heard(data.toString().trimEnd()));
  socket.on('error', (error) => talk.heard('code' in error ? String(error.code) : error.message));
  return talk;
}

/** @param {string} address */
function socketFor(address) {
  return createSocket(address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
}

/**
 * Says a text on each, some at a time, and counts who answered.
 *
 * @param {Talk[]} talks
 * @param {string} text
 */
async function exchange(talks, text) {
  /** @type {Record<string, number>} */
  const counts = {};
  const add = (/** @type {string} */ name) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  for (let first = 0; first < talks.length; first += AT_ONCE) {
    await Promise.all(talks.slice(first, first + AT_ONCE).map((talk) => say(talk, text, add)));
  }
  return counts;
}

/** @type {(talk: Talk, text: string, add: (name: string) => void) => Promise<void>} */
async function say(talk, text, add) {
  const heard = await new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE, 'nothing');
    talk.heard = (line) => {
      clearTimeout(timer);
      resolve(line);
    };
    talk.send(`${text}\n`);
  });
  talk.heard = () => undefined;
  const [name, ...rest] = heard.split(' ');
  if (rest.length === 0) return add(name);
  if (rest.join(' ') !== text.trimEnd()) return add(`wrong: ${heard}`);
  add(name);
  if (talk.server !== undefined && talk.server !== name) add('elsewhere');
  talk.server = name;
}

for await (const line of createInterface(process.stdin)) {
  const order = JSON.parse(line);
  const result = await orders[order.do]?.(order);
  console.log(JSON.stringify(result ?? null));
}
process.exit();
