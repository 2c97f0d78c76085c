// Small programs that show how the addon behaves towards its process: node program.mjs NAME. What they print and their
// exit code is what native.test.ts looks at.
import { readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AF_NETLINK, dumpLinks, getFamily, loadAddon, NETLINK_GENERIC, NETLINK_ROUTE, SOCK_RAW } from './netlink.mjs';

const openFiles = () => readdirSync('/proc/self/fd').length;
const native = process.argv[2] === 'workerOnly' ? undefined : loadAddon();
const newSocket = (protocol = NETLINK_ROUTE) => {
  if (native === undefined) throw new Error('this program leaves the addon to its worker');
  return new native.Socket(AF_NETLINK, SOCK_RAW, protocol);
};

/** @type {Record<string, () => void | Promise<void>>} */
const programs = {
  idle() {
    keep(newSocket());
    console.log('end of program');
  },

  unwatched() {
    const socket = keep(newSocket());
    socket.watch(() => console.log('called back'));
    socket.unwatch();
    console.log('end of program');
  },

  /** Nothing but the watched socket holds this one open, until its test kills it. */
  watched() {
    newSocket().watch(() => console.log('called back'));
    console.log('end of program');
  },

  /** The same, once something is to be received: here the callback ends it. */
  watchedUntilCalledBack() {
    const socket = newSocket(NETLINK_GENERIC);
    socket.watch((overrun) => {
      console.log('called back', overrun);
      socket.unwatch();
    });
    setTimeout(() => socket.send(getFamily(1)), 100).unref();
    console.log('end of program');
  },

  unwatchedOnOverrun() {
    const socket = keep(newSocket(NETLINK_GENERIC));
    socket.setOption(1, 8, new Uint8Array(4)); // SO_RCVBUF: the least the kernel allows
    socket.watch((overrun) => {
      console.log('called back', overrun);
      socket.unwatch();
    });
    for (let sequence = 0; sequence < 100; sequence++) socket.send(getFamily(sequence));
  },

  exitWhileWatching() {
    for (let count = 0; count < 10; count++) {
      const socket = newSocket();
      socket.watch(() => process.exit(7));
      socket.send(dumpLinks(1));
    }
  },

  /** Half of them have been watched, so that libuv knew them. */
  async garbage() {
    const before = openFiles();
    const most = makeGarbage(500) - before;
    await collectGarbage();
    console.log(JSON.stringify({ most, left: openFiles() - before }));
  },

  /** A watched socket that the program has no reference to must live and be heard. */
  async watchedGarbage() {
    watchAndForget();
    await collectGarbage();
  },

  uncaught() {
    let calls = 0;
    process.on('uncaughtException', (error) => {
      console.log('uncaught:', error.message);
    });
    const socket = newSocket(NETLINK_GENERIC);
    const buffer = new Uint8Array(65536);
    socket.watch(() => {
      while (socket.receive(buffer) > 0);
      if (++calls === 3) socket.close();
      else socket.send(getFamily(calls));
      throw new Error(`callback ${calls}`);
    });
    socket.send(getFamily(0));
  },

  uncaughtAndFatal() {
    const socket = newSocket(NETLINK_GENERIC);
    socket.watch(() => {
      throw new TypeError('nobody catches this');
    });
    socket.send(getFamily(1));
  },

  /** Five busy workers at a time, terminated wherever they are; this thread uses the addon as well. */
  async workers() {
    const socket = keep(newSocket(NETLINK_GENERIC));
    await terminateWorkers();
    console.log('still working:', socket.send(getFamily(1)) > 0);
  },

  /** Node unloads the addon with the last worker that has loaded it. */
  async workerOnly() {
    await terminateWorkers();
    console.log('still working: true');
  },

  /** Workers that leave by themselves, sockets watched. */
  async workerExits() {
    const codes = [];
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(new URL('worker.mjs', import.meta.url), { argv: ['exit'] });
      codes.push(await new Promise((resolve) => worker.once('exit', resolve)));
    }
    console.log('exit codes', ...codes);
  },
};

async function terminateWorkers() {
  let before = 0;
  for (let round = 0; round < 5; round++) {
    // The process's first worker leaves a descriptor of Node's own.
    if (round === 1) before = openFiles();
    const workers = Array.from({ length: 5 }, () => new Worker(new URL('worker.mjs', import.meta.url)));
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  console.log('descriptors left:', openFiles() - before);
}

// In functions of their own: a local variable would keep what is to become garbage.
/** @param {number} count */
function makeGarbage(count) {
  for (let made = 0; made < count; made++) {
    const socket = newSocket();
    if (made % 2 === 0) continue;
    socket.watch(() => {});
    socket.unwatch();
  }
  return openFiles();
}

function watchAndForget() {
  const socket = newSocket(NETLINK_GENERIC);
  socket.watch(() => {
    console.log('called back');
    process.exit();
  });
  setTimeout(() => socket.send(getFamily(1)), 100).unref();
}

async function collectGarbage() {
  for (let turn = 0; turn < 10; turn++) {
    globalThis.gc?.();
    await nextTurn();
  }
}

/** @template Value @param {Value} value */
function keep(value) {
  Object.assign(globalThis, { kept: value });
  return value;
}

const program = programs[process.argv[2] ?? ''];
if (program === undefined) throw new Error(`no program ${process.argv[2]}`);
await program();
