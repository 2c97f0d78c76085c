// Answers each piece of data with the server's name, by TCP and UDP, IPv4 and IPv6: node talk-server.mjs NAME PORT
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const [, , name = '', port = '80'] = process.argv;

const tcp = createServer((socket) => {
  socket.on('error', () => undefined).on('data', () => socket.write(name));
});
const udp = createSocket({ type: 'udp6', ipv6Only: false });
udp.on('message', (_, { address, port: from }) => udp.send(name, from, address));
await Promise.all([once(tcp.listen(Number(port)), 'listening'), once(udp.bind(Number(port)), 'listening')]);
console.log('ready');
