// Keeps its event loop busy with watched sockets, each answered as soon as it is heard. With the argument 'exit' it ends
// by itself in the middle of that, else it waits to be terminated.
import { parentPort } from 'node:worker_threads';
import { AF_NETLINK, dumpFamilies, loadAddon, NETLINK_GENERIC, SOCK_RAW } from './netlink.mjs';

const native = loadAddon();
const buffer = new Uint8Array(65536);
let calls = 0;

for (let count = 0; count < 4; count++) {
  const socket = new native.Socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
  socket.watch(() => {
    while (socket.receive(buffer) > 0);
    socket.send(dumpFamilies(1));
    if (++calls < 100) return;
    if (process.argv[2] === 'exit') process.exit(calls % 100);
    parentPort?.postMessage('busy');
    // Then the end comes inside a callback in some workers, between two in others.
    if (count % 2 === 0) for (let spin = 0; spin < 1e6; spin++);
  });
  socket.send(dumpFamilies(1));
}
// One that is only open and one whose polling rests: they must go with the worker too.
new native.Socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
const resting = new native.Socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
resting.watch(() => {});
resting.unwatch();
