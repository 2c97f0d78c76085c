// A director that is its own client and real server: ends connections, puts them back, talks on them, and ends them again. Says what
// came of it as JSON. Run it in a namespace that has 10.0.0.2 and 10.0.0.100.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Readable } from 'node:stream';
import { Ipvs } from '../../dist/index.js';

const server = createServer((socket) => {
  socket.on('error', () => undefined).on('data', (data) => socket.write(data));
});
await once(server.listen(8080, '10.0.0.2'), 'listening');
const ipvs = await Ipvs.open();
await ipvs.addService({ protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'rr' });
await ipvs.addDestination('tcp://10.0.0.100:80', { address: '10.0.0.2', port: 8080, forward: 'nat' });

const clients = [];
for (let left = 3; left > 0; left--) {
  const client = connect(80, '10.0.0.100');
  await once(client, 'connect');
  client.write('before');
  await once(client, 'data');
  clients.push(client);
}
const file = [];
for await (const piece of ipvs.saveConnections()) file.push(piece);
const ended = await ipvs.endConnections({});
const gone = (await ipvs.listConnections()).length;
const daemons = await ipvs.daemons();
const restored = await ipvs.restoreConnections(Readable.from(file));
const answers = [];
for (const client of clients) {
  client.write('after');
  answers.push(String((await once(client, 'data'))[0]));
}
await ipvs.endConnections({});
const resets = [];
for (const client of clients) {
  client.write('end');
  resets.push(await once(client, 'data').then(String, (error) => error.code));
}
console.log(JSON.stringify({ ended, gone, daemons, restored, answers, resets }));

await ipvs.close();
// The real server is not told that its connections ended: it would wait.
process.exit(0);
