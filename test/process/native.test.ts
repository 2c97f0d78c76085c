import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants as fileConstants, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  AF_NETLINK,
  AF_UNIX,
  loadNative,
  type NativeSocket,
  NETLINK_CAP_ACK,
  NETLINK_GENERIC,
  NETLINK_ROUTE,
  SO_RCVBUF,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from '../../src/linux/native.js';
import { dumpLinks, getFamily, messages, netlinkAddress, uint32 } from './native-fixtures/netlink.mjs';

const native = loadNative();
const { EAGAIN, EBADF, ECONNREFUSED, EINVAL, ENOBUFS, ENOPROTOOPT } = constants.errno;
const { O_CREAT, O_RDONLY, O_WRONLY } = fileConstants;
const NLMSG_DONE = 3;
const RTM_NEWLINK = 16;

const opened: NativeSocket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

function open(protocol: number, netnsPath?: string): NativeSocket {
  const socket = new native.Socket(AF_NETLINK, SOCK_RAW, protocol, netnsPath);
  opened.push(socket);
  return socket;
}

/** Everything that is queued. The kernel has answered by the time send() returns, so nothing needs waiting for. */
function receiveAll(socket: NativeSocket) {
  const buffer = new Uint8Array(65536);
  const received = [];
  for (;;) {
    const length = socket.receive(buffer);
    if (length === -EAGAIN) return received;
    if (length < 0) throw new Error(`receive: ${length}`);
    received.push(...messages(buffer.slice(0, length)));
  }
}

describe('a socket', () => {
  test('is answered by generic netlink, in the order and with the sequence number of the requests', () => {
    const socket = open(NETLINK_GENERIC);
    const request = getFamily(4711);
    expect(socket.send(request)).toBe(request.length);
    expect(socket.send(getFamily(4712))).toBe(request.length);
    const replies = receiveAll(socket);
    expect(replies.map(({ sequence }) => sequence)).toEqual([4711, 4712]);
    expect(Buffer.from(replies[0]?.payload ?? []).includes('nlctrl')).toBe(true);
  });

  test('carries a dump of the links, lo among them', () => {
    const socket = open(NETLINK_ROUTE);
    socket.send(dumpLinks(5));
    const replies = receiveAll(socket);
    expect(linkNames(replies)).toContain('lo');
    expect(replies.at(-1)).toMatchObject({ type: NLMSG_DONE, sequence: 5 });
  });

  test('says EAGAIN when there is nothing to receive', () => {
    expect(open(NETLINK_GENERIC).receive(new Uint8Array(64))).toBe(-EAGAIN);
  });

  test('tells the whole length of a datagram that was cut off', () => {
    const socket = open(NETLINK_GENERIC);
    socket.send(getFamily(1));
    const whole = socket.receive(new Uint8Array(65536));
    socket.send(getFamily(2));
    const short = new Uint8Array(20);
    expect(whole).toBeGreaterThan(short.length);
    expect(socket.receive(short)).toBe(whole);
    expect(messages(short)[0]?.sequence).toBe(2);
    expect(socket.receive(short)).toBe(-EAGAIN);
  });

  test('receives many datagrams at once, each with its length', () => {
    const socket = open(NETLINK_GENERIC);
    for (const sequence of [1, 2, 3]) socket.send(getFamily(sequence));
    const into = new Uint8Array(4 * 4096 + 3).fill(0xee);
    const lengths = new Int32Array(4).fill(-7);
    expect(socket.receiveMany(into, lengths)).toBe(3);
    expect(lengths[3]).toBe(-7);
    for (const index of [0, 1, 2]) {
      const datagram = into.subarray(index * 4096, index * 4096 + (lengths[index] ?? 0));
      expect(messages(datagram).map(({ sequence }) => sequence)).toEqual([index + 1]);
    }
    expect(into.subarray(3 * 4096).every((byte) => byte === 0xee)).toBe(true);
    expect(socket.receiveMany(into, lengths)).toBe(-EAGAIN);
  });

  test('receives no more than there are places, at most 16 at once, and tells what was cut off', () => {
    const socket = open(NETLINK_GENERIC);
    for (let sequence = 1; sequence <= 20; sequence++) socket.send(getFamily(sequence));
    const into = new Uint8Array(20 * 20);
    const lengths = new Int32Array(20);
    expect(socket.receiveMany(into, lengths.subarray(0, 2))).toBe(2);
    expect(socket.receiveMany(into, lengths)).toBe(16);
    expect(lengths[15]).toBeGreaterThan(20);
    expect(socket.receiveMany(into, lengths)).toBe(2);
    socket.send(getFamily(21));
    // Nowhere to put it: it is left where it is.
    expect(socket.receiveMany(into, new Int32Array())).toBe(0);
    expect(socket.receiveMany(new Uint8Array(), lengths)).toBe(1);
    expect(socket.receiveMany(into, lengths)).toBe(-EAGAIN);
  });

  test('sends and receives views into larger buffers, and nothing beside them', () => {
    const socket = open(NETLINK_GENERIC);
    const request = getFamily(9);
    const around = new Uint8Array(request.length + 7).fill(0xff);
    around.set(request, 3);
    expect(socket.send(around.subarray(3, 3 + request.length))).toBe(request.length);
    const into = new Uint8Array(40).fill(0xee);
    expect(socket.receive(into.subarray(8, 32))).toBeGreaterThan(24);
    expect(messages(into.subarray(8, 32))[0]?.sequence).toBe(9);
    expect([...into.subarray(0, 8), ...into.subarray(32)]).toEqual(new Array(16).fill(0xee));
  });

  test('has the address it was bound to, once', () => {
    const socket = open(NETLINK_GENERIC);
    const address = netlinkAddress(0x7ffe0000 + (process.pid & 0xffff));
    expect(socket.bind(address)).toBe(0);
    expect([...socket.localAddress()]).toEqual([...address]);
    expect(socket.bind(netlinkAddress(1))).toBe(-EINVAL);
    expect([...socket.localAddress()]).toEqual([...address]);
  });

  test('sets options, and answers with the errno of one that is unknown', () => {
    const socket = open(NETLINK_GENERIC);
    expect(socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, uint32(1))).toBe(0);
    expect(socket.setOption(SOL_SOCKET, SO_RCVBUF, uint32(1 << 16))).toBe(0);
    expect(socket.setOption(SOL_NETLINK, 9999, uint32(1))).toBe(-ENOPROTOOPT);
    const value = new Uint8Array(16);
    expect(socket.getOption(SOL_SOCKET, SO_RCVBUF, value)).toBe(4);
    // The kernel doubles it.
    expect(value.subarray(0, 4)).toEqual(uint32(1 << 17));
    expect(socket.getOption(SOL_NETLINK, 9999, value)).toBe(-ENOPROTOOPT);
    expect(socket.setOption(SOL_SOCKET, SO_RCVBUF, new Uint8Array(1))).toBe(-EINVAL);
  });

  test('sends to whom it is connected, and answers with the errno when nobody is there', () => {
    // struct sockaddr_un with a name in the abstract namespace, which is gone with its socket.
    const address = new Uint8Array([
      ...new Uint8Array(Uint16Array.of(AF_UNIX).buffer),
      0,
      ...Buffer.from(`ipvs-ts-${process.pid}`),
    ]);
    const sender = new native.Socket(AF_UNIX, SOCK_DGRAM, 0);
    const receiver = new native.Socket(AF_UNIX, SOCK_DGRAM, 0);
    opened.push(sender, receiver);
    expect(sender.connect(address)).toBe(-ECONNREFUSED);
    expect(receiver.bind(address)).toBe(0);
    expect(sender.connect(address)).toBe(0);
    expect(sender.send(Uint8Array.of(1, 2, 3))).toBe(3);
    const into = new Uint8Array(8);
    expect(receiver.receive(into)).toBe(3);
    expect([...into.subarray(0, 3)]).toEqual([1, 2, 3]);
    expect(sender.connect(new Uint8Array(1))).toBe(-EINVAL);
    receiver.close();
    expect(sender.send(Uint8Array.of(1))).toBe(-ECONNREFUSED);
  });

  test('queues only what its filter takes', () => {
    const socket = open(NETLINK_GENERIC);
    /** BPF_RET: the number of bytes to take. */
    const take = (bytes: number) => new Uint8Array(Uint32Array.of(0x06, bytes).buffer);
    expect(socket.setFilter(take(0))).toBe(0);
    socket.send(getFamily(1));
    expect(receiveAll(socket)).toEqual([]);
    // Not aligned: as a program may lie in a larger buffer.
    expect(socket.setFilter(Uint8Array.of(0, ...take(0xffff)).subarray(1))).toBe(0);
    socket.send(getFamily(2));
    expect(receiveAll(socket).map(({ sequence }) => sequence)).toEqual([2]);
    expect(socket.setFilter(new Uint8Array())).toBe(-EINVAL);
    expect(socket.setFilter(new Uint8Array(8 * 4097))).toBe(-EINVAL);
    expect(socket.setFilter(new Uint8Array(8).fill(0xff))).toBe(-EINVAL);
  });

  test('that can not be made is an error with code, errno and syscall', () => {
    expect(() => new native.Socket(9999, SOCK_RAW, 0)).toThrow(
      expect.objectContaining({ code: 'EAFNOSUPPORT', errno: -constants.errno.EAFNOSUPPORT, syscall: 'socket' }),
    );
  });

  test('answers EBADF after close, and closing twice is no error', () => {
    const socket = open(NETLINK_GENERIC);
    socket.close();
    socket.close();
    socket.unwatch();
    expect(socket.send(getFamily(1))).toBe(-EBADF);
    expect(socket.receive(new Uint8Array(64))).toBe(-EBADF);
    expect(socket.receiveMany(new Uint8Array(64), new Int32Array(1))).toBe(-EBADF);
    expect(socket.bind(netlinkAddress(0))).toBe(-EBADF);
    expect(socket.connect(netlinkAddress(0))).toBe(-EBADF);
    expect(socket.setOption(SOL_NETLINK, NETLINK_CAP_ACK, uint32(1))).toBe(-EBADF);
    expect(socket.setFilter(new Uint8Array(8))).toBe(-EBADF);
    expect(socket.watch(() => {})).toBe(-EBADF);
    expect(() => socket.localAddress()).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'getsockname' }));
  });

  test('refuses arguments of another type', () => {
    const socket = open(NETLINK_GENERIC);
    // As JavaScript callers may: without the types.
    const untyped: Record<keyof NativeSocket, (...args: unknown[]) => unknown> = Object(socket);
    const Socket: new (...args: unknown[]) => unknown = Object(native.Socket);
    for (const wrong of [undefined, null, 'text', 5, [1, 2], {}, new Uint16Array(4), new ArrayBuffer(4)]) {
      expect(() => untyped.send(wrong)).toThrow(TypeError);
      expect(() => untyped.receive(wrong)).toThrow(TypeError);
      expect(() => untyped.receiveMany(wrong, new Int32Array(1))).toThrow(TypeError);
      expect(() => untyped.receiveMany(new Uint8Array(1), wrong)).toThrow(TypeError);
      expect(() => untyped.bind(wrong)).toThrow(TypeError);
      expect(() => untyped.connect(wrong)).toThrow('address must be a Uint8Array');
      expect(() => untyped.setOption(SOL_SOCKET, SO_RCVBUF, wrong)).toThrow('value must be a Uint8Array');
      expect(() => untyped.getOption(SOL_SOCKET, SO_RCVBUF, wrong)).toThrow('into must be a Uint8Array');
      expect(() => untyped.setFilter(wrong)).toThrow('program must be a Uint8Array');
      expect(() => untyped.watch(wrong)).toThrow(TypeError);
    }
    for (const wrong of [undefined, '16', 1.5, Number.NaN, 2 ** 31, 16n]) {
      expect(() => new Socket(wrong, wrong, wrong)).toThrow('domain must be a 32-bit integer');
      expect(() => new Socket(AF_NETLINK, SOCK_RAW, wrong)).toThrow(TypeError);
      expect(() => untyped.setOption(wrong, wrong, wrong)).toThrow('level must be a 32-bit integer');
      expect(() => Object(native).openFile('/proc/self/status', wrong)).toThrow('flags must be a 32-bit integer');
      expect(() => Object(native).flock(wrong, 2)).toThrow('descriptor must be a 32-bit integer');
      expect(() => Object(native).flock(0, wrong)).toThrow('operation must be a 32-bit integer');
      expect(() => Object(native).peerCredentials(0, wrong)).toThrow('into must be an Int32Array');
    }
    expect(() => new Socket(AF_NETLINK, SOCK_RAW, 0, 5)).toThrow('netnsPath must be a string');
    expect(() => new Socket(AF_NETLINK, SOCK_RAW, 0, '/proc/self/ns/net\0')).toThrow(TypeError);
    expect(() => untyped.send.call({}, getFamily(1))).toThrow(TypeError);
    expect(socket.send(getFamily(1))).toBeGreaterThan(0);
  });
});

describe('a watched socket', () => {
  /** The first callback's argument; whatever is to be done inside the callback is `act`. */
  function heard(socket: NativeSocket, act: () => void): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const error = socket.watch((overrun) => {
        act();
        resolve(overrun);
      });
      if (error < 0) reject(new Error(`watch: ${error}`));
    });
  }

  test('calls back when there is something to receive, not before', async () => {
    const socket = open(NETLINK_GENERIC);
    let calls = 0;
    const first = heard(socket, () => {
      calls++;
      receiveAll(socket);
    });
    await sleep(20);
    expect(calls).toBe(0);
    socket.send(getFamily(1));
    expect(await first).toBe(false);
    await sleep(20);
    expect(calls).toBe(1);
  });

  test('may be closed in the callback, and is not heard again', async () => {
    const socket = open(NETLINK_GENERIC);
    let calls = 0;
    const first = heard(socket, () => {
      calls++;
      socket.close();
    });
    socket.send(getFamily(1));
    await first;
    await sleep(20);
    expect(calls).toBe(1);
    expect(socket.receive(new Uint8Array(64))).toBe(-EBADF);
    expect(socket.receiveMany(new Uint8Array(64), new Int32Array(1))).toBe(-EBADF);
  });

  test('rests after unwatch in the callback, keeps what is queued, and can be watched again', async () => {
    const socket = open(NETLINK_GENERIC);
    let calls = 0;
    const first = heard(socket, () => {
      calls++;
      socket.unwatch();
    });
    socket.send(getFamily(1));
    await first;
    await sleep(20);
    expect(calls).toBe(1);
    await heard(socket, () => expect(receiveAll(socket).map(({ sequence }) => sequence)).toEqual([1]));
  });

  test('calls the callback of the last watch, also when that was made in a callback', async () => {
    const socket = open(NETLINK_GENERIC);
    const calls: string[] = [];
    const second = new Promise<void>((resolve) => {
      socket.watch(() => calls.push('replaced'));
      socket.watch(() => {
        calls.push('first');
        socket.watch(() => {
          calls.push('second');
          socket.close();
          resolve();
        });
      });
    });
    socket.send(getFamily(1));
    await second;
    expect(calls).toEqual(['first', 'second']);
  });

  test('leaves nothing of a closed descriptor to a new socket with the same number', async () => {
    for (let round = 0; round < 50; round++) {
      const old = open(NETLINK_GENERIC);
      old.watch(() => expect.unreachable('the old socket is closed'));
      old.send(getFamily(1));
      old.close();
      const next = open(NETLINK_GENERIC);
      const first = heard(next, () => receiveAll(next));
      next.send(getFamily(2));
      expect(await first).toBe(false);
      next.close();
    }
  });

  test('is told of an overrun, says ENOBUFS once, and works on', async () => {
    const socket = open(NETLINK_GENERIC);
    socket.setOption(SOL_SOCKET, SO_RCVBUF, uint32(4096));
    const results: number[] = [];
    const first = heard(socket, () => {
      const buffer = new Uint8Array(65536);
      do results.push(socket.receive(buffer));
      while (results.at(-1) !== -EAGAIN);
    });
    for (let sequence = 0; sequence < 100; sequence++) socket.send(getFamily(sequence));
    expect(await first).toBe(true);
    expect(results.filter((result) => result === -ENOBUFS)).toHaveLength(1);
    const answers = results.filter((result) => result > 0).length;
    expect(answers).toBeGreaterThan(0);
    expect(answers).toBeLessThan(100);

    // The poll was armed again, without another watch().
    results.length = 0;
    socket.send(getFamily(1));
    await sleep(20);
    expect(results).toEqual([expect.any(Number), -EAGAIN]);
    expect(results[0]).toBeGreaterThan(0);
  });

  test('may be unwatched or closed when told of an overrun', async () => {
    for (const end of ['unwatch', 'close'] as const) {
      const socket = open(NETLINK_GENERIC);
      socket.setOption(SOL_SOCKET, SO_RCVBUF, uint32(4096));
      let calls = 0;
      const first = heard(socket, () => {
        calls++;
        socket[end]();
      });
      for (let sequence = 0; sequence < 100; sequence++) socket.send(getFamily(sequence));
      expect(await first).toBe(true);
      await sleep(20);
      expect(calls).toBe(1);
    }
  });
});

/** What modules of tunnels, once something has loaded them, give to every new namespace. */
const TUNNELS = ['tunl0', 'ip6tnl0', 'sit0', 'gre0', 'gretap0', 'erspan0', 'ip6gre0', 'ip6_vti0', 'ip_vti0'];

describe('network namespaces', () => {
  const name = `ipvs-ts-test-${process.pid}`;
  const netns = `/run/netns/${name}`;
  beforeAll(() => {
    execFileSync('ip', ['netns', 'add', name]);
  });
  afterAll(() => {
    execFileSync('ip', ['netns', 'delete', name]);
  });

  test('a socket made in one sees its links alone; this process stays where it was', () => {
    const before = readlinkSync('/proc/self/ns/net');
    const inside = open(NETLINK_ROUTE, netns);
    inside.send(dumpLinks(1));
    expect(linkNames(receiveAll(inside)).filter((name) => !TUNNELS.includes(name))).toEqual(['lo']);

    expect(readlinkSync('/proc/self/ns/net')).toBe(before);
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before);

    // Where the host has no interface but lo either, the names would be the same on both sides.
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'alias', 'only-inside']);
    expect(linksText(inside)).toContain('only-inside');
    expect(linksText(open(NETLINK_ROUTE))).not.toContain('only-inside');
  });

  test('a file opened in one is its own, and stays so', () => {
    const fd = native.openFile('/proc/thread-self/net/dev', O_RDONLY, netns);
    expect(fd).toBeGreaterThanOrEqual(0);
    try {
      expect(interfacesOf(readFileSync(fd, 'utf8')).filter((name) => !TUNNELS.includes(name))).toEqual(['lo']);
    } finally {
      closeSync(fd);
    }
  });

  test('a file of one knows what is in it, and that of this process does not', () => {
    const portId = 0x7ffd0000 + (process.pid & 0xffff);
    open(NETLINK_ROUTE, netns).bind(netlinkAddress(portId));
    const fd = native.openFile('/proc/thread-self/net/netlink', O_RDONLY, netns);
    try {
      expect(readFileSync(fd, 'utf8')).toContain(` ${portId} `);
      expect(readFileSync('/proc/net/netlink', 'utf8')).not.toContain(` ${portId} `);
    } finally {
      closeSync(fd);
    }
  });

  test('a sysctl opened for writing in one is its own, and stays so', () => {
    const path = '/proc/sys/net/ipv4/conf/all/arp_ignore';
    const before = readFileSync(path, 'utf8');
    const fd = native.openFile(path, O_WRONLY, netns);
    expect(fd).toBeGreaterThanOrEqual(0);
    try {
      expect(writeSync(fd, '8')).toBe(1);
    } finally {
      closeSync(fd);
    }
    expect(execFileSync('ip', ['netns', 'exec', name, 'cat', path], { encoding: 'utf8' })).toBe('8\n');
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('openFile without one opens here', () => {
    const fd = native.openFile('/proc/self/net/dev', O_RDONLY);
    try {
      expect(interfacesOf(readFileSync(fd, 'utf8'))).toEqual(interfacesOf(readFileSync('/proc/net/dev', 'utf8')));
    } finally {
      closeSync(fd);
    }
  });

  test('what can not be opened or entered answers or throws the errno and says where', () => {
    const missing = '/run/netns/ipvs-ts-no-such-namespace';
    const { ENOENT } = constants.errno;
    expect(() => open(NETLINK_ROUTE, missing)).toThrow(
      expect.objectContaining({
        message: `ENOENT: no such file or directory, open '${missing}'`,
        code: 'ENOENT',
        errno: -ENOENT,
        syscall: 'open',
        path: missing,
      }),
    );
    expect(() => open(NETLINK_ROUTE, '/proc/self/status')).toThrow(
      expect.objectContaining({ code: 'EINVAL', errno: -EINVAL, syscall: 'setns', path: '/proc/self/status' }),
    );
    const failed = { code: 'EPROTONOSUPPORT', syscall: 'socket' };
    expect(() => open(9999, netns)).toThrow(expect.objectContaining(failed));
    expect(() => open(9999, netns)).not.toThrow(expect.objectContaining({ path: expect.anything() }));
    expect(() => native.openFile('/proc/thread-self/net/dev', O_RDONLY, missing)).toThrow(
      expect.objectContaining({ code: 'ENOENT', errno: -ENOENT, syscall: 'open', path: missing }),
    );
    expect(() => native.openFile('/proc/thread-self/net/dev', O_RDONLY, '/proc/self/status')).toThrow(
      expect.objectContaining({ code: 'EINVAL', syscall: 'setns', path: '/proc/self/status' }),
    );
    expect(native.openFile('/no/such/file', O_RDONLY, netns)).toBe(-ENOENT);
    expect(native.openFile('/no/such/file', O_RDONLY)).toBe(-ENOENT);
    expect(native.openFile('/tmp/ipvs-ts-no-such-file', O_WRONLY | O_CREAT)).toBe(-ENOENT);
  });
});

test('clockTick is the length of a jiffy: between CONFIG_HZ 1000 and 100', () => {
  const tick = native.clockTick();
  expect(tick).toBeGreaterThanOrEqual(999_000);
  expect(tick).toBeLessThanOrEqual(10_000_000);
});

describe('a process', () => {
  const program = fileURLToPath(new URL('native-fixtures/program.mjs', import.meta.url));

  /** Runs one of the programs to its end; a program that is held open is killed and has the signal for a status. */
  function run(name: string) {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', program, name], {
      encoding: 'utf8',
      timeout: 90_000,
    });
    return { status: status ?? signal, stdout: stdout.trimEnd().split('\n'), stderr };
  }

  test('is not held open by an idle socket', () => {
    expect(run('idle')).toMatchObject({ status: 0, stdout: ['end of program'] });
  });

  test('is not held open by a socket that is no longer watched', () => {
    expect(run('unwatched')).toMatchObject({ status: 0, stdout: ['end of program'] });
  });

  test('is held open by a watched socket', async () => {
    const child = spawn(process.execPath, [program, 'watched'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(await Promise.race([ended, sleep(500, 'held open')])).toBe('held open');
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
  });

  test('is held open until the callback unwatches', () => {
    const stdout = ['end of program', 'called back false'];
    expect(run('watchedUntilCalledBack')).toMatchObject({ status: 0, stdout });
  });

  test('is not held open by a socket that was unwatched when told of an overrun', () => {
    expect(run('unwatchedOnOverrun')).toMatchObject({ status: 0, stdout: ['called back true'] });
  });

  test('may exit in a callback while sockets are watched', () => {
    expect(run('exitWhileWatching')).toMatchObject({ status: 7, stderr: '' });
  });

  test('gets the descriptors of 500 forgotten sockets back', () => {
    const { status, stdout } = run('garbage');
    expect(status).toBe(0);
    const { most, left } = JSON.parse(stdout.join(''));
    // The first watching opens descriptors of libuv's own, so that exact numbers would say nothing.
    expect(most).toBeGreaterThan(400);
    expect(left).toBeLessThanOrEqual(2);
  });

  test('hears a watched socket that it has no reference to', () => {
    expect(run('watchedGarbage')).toMatchObject({ status: 0, stdout: ['called back'] });
  });

  test("gets a callback's exception as uncaughtException, and the socket works on", () => {
    const stdout = ['uncaught: callback 1', 'uncaught: callback 2', 'uncaught: callback 3'];
    expect(run('uncaught')).toMatchObject({ status: 0, stdout, stderr: '' });
  });

  test("ends as by any uncaught exception when nobody catches a callback's", () => {
    const { status, stderr } = run('uncaughtAndFatal');
    expect(status).toBe(1);
    expect(stderr).toContain('TypeError: nobody catches this');
  });

  test('lives on when workers with watched sockets are terminated', () => {
    const stdout = ['descriptors left: 0', 'still working: true'];
    expect(run('workers')).toMatchObject({ status: 0, stdout, stderr: '' });
  });

  test('lives on when they were the only ones that had loaded the addon', () => {
    const stdout = ['descriptors left: 0', 'still working: true'];
    expect(run('workerOnly')).toMatchObject({ status: 0, stdout, stderr: '' });
  });

  test('lives on when workers exit in a callback', () => {
    expect(run('workerExits')).toMatchObject({ status: 0, stdout: ['exit codes 0 0 0 0 0'], stderr: '' });
  });
});

describe('loadNative', () => {
  test('loads once', () => {
    expect(loadNative()).toBe(native);
  });

  test('says where it looked and how to build when there is no addon', async () => {
    vi.resetModules();
    vi.stubEnv('IPVS_TS_PREBUILD', '/no/addon/here');
    try {
      const fresh = await import('../../src/linux/native.js');
      expect(() => fresh.loadNative()).toThrow(
        expect.objectContaining({
          code: 'ERR_UNAVAILABLE',
          message: expect.stringMatching(/build\/Release .* in \/no\/addon\/here; .*npx ipvs-ts-build/),
          cause: expect.objectContaining({ message: expect.stringContaining('No native build was found') }),
        }),
      );
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

type Message = ReturnType<typeof messages>[number];

/** The names (IFLA_IFNAME, always the first attribute after struct ifinfomsg) in RTM_NEWLINK messages. */
function linkNames(replies: Message[]): string[] {
  return replies
    .filter(({ type }) => type === RTM_NEWLINK)
    .map(({ payload }) => Buffer.from(payload.subarray(20)).toString('latin1').split('\0')[0] ?? '');
}

/** All strings in a dump of the links, among other bytes. */
function linksText(socket: NativeSocket): string {
  socket.send(dumpLinks(1));
  return receiveAll(socket)
    .map(({ payload }) => Buffer.from(payload).toString('latin1'))
    .join();
}

function interfacesOf(procNetDev: string): string[] {
  return [...procNetDev.matchAll(/^\s*([^\s:|]+):/gm)].map(([, name]) => name ?? '');
}
