// Keeps connections open and talks on them when told to: node talk-client.mjs PROTOCOL ADDRESS PORT COUNT
//
// A line `talk` on standard input exchanges a piece of data on each, `chatter` goes on doing so; a line of JSON comes back: how
// many answers each server gave, and how many connections failed with which code. `silent`: no answer within two seconds.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [, , protocol = 'tcp', address = '', port = '80', count = '1'] = process.argv;
const PATIENCE = 2000;

/** @typedef {{ talk(): Promise<string> }} Peer */

/** @returns {Promise<Peer>} */
async function tcpPeer() {
  const socket = connect(Number(port), address);
  let failure = '';
  socket.on('error', (error) => {
    failure = /** @type {NodeJS.ErrnoException} */ (error).code ?? error.message;
  });
  socket.on('close', () => {
    failure ||= 'closed';
  });
  await once(socket, 'connect');
  return {
    talk: () =>
      new Promise((resolve) => {
        if (failure !== '') return resolve(failure);
        const timer = setTimeout(() => end('silent'), PATIENCE);
        const onData = (/** @type {Buffer} */ data) => end(data.toString());
        const onClose = () => end(failure);
        /** @param {string} answer */
        function end(answer) {
          clearTimeout(timer);
          socket.off('data', onData).off('close', onClose);
          resolve(answer);
        }
        socket.once('data', onData).once('close', onClose);
        socket.write('?');
      }),
  };
}

/** @returns {Promise<Peer>} */
async function udpPeer() {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => undefined);
  socket.connect(Number(port), address);
  await once(socket, 'connect');
  return {
    talk: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => end('silent'), PATIENCE);
        const onMessage = (/** @type {Buffer} */ data) => end(data.toString());
        /** @param {string} answer */
        function end(answer) {
          clearTimeout(timer);
          socket.off('message', onMessage);
          resolve(answer);
        }
        socket.once('message', onMessage);
        socket.send('?');
      }),
  };
}

/** @type {Peer[]} */
const peers = [];
for (let left = Number(count); left > 0; left--) peers.push(await (protocol === 'tcp' ? tcpPeer() : udpPeer()));

async function talk() {
  /** @type {Record<string, number>} */
  const answers = {};
  for (const answer of await Promise.all(peers.map((peer) => peer.talk())))
    answers[answer] = (answers[answer] ?? 0) + 1;
  return answers;
}

let chatters = false;
async function chatter() {
  while (chatters) {
    const answers = await talk();
    if (Object.keys(answers).every((answer) => /^[A-Z]/.test(answer))) return;
  }
}

console.log(JSON.stringify(await talk()));
for await (const line of createInterface(process.stdin)) {
  if (line === 'talk') {
    console.log(JSON.stringify(await talk()));
  } else {
    chatters = !chatters;
    if (chatters) void chatter();
    console.log('{}');
  }
}
