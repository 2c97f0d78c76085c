// Puts a running daemon under load, on a simulated kernel in a process of its own, and writes what was measured: answers and their times,
// events that were lost, how late the daemon's event loop was, its memory. Exits with 1 if an event was lost without a word.
//
//   npm run build:ts && node scripts/load.mjs [--seconds 20] [--clients 200] [--readers 50] [--changes 100] [--services 10] [--servers 10]
//
// For a large table alone: --services 10000 --clients 0 --readers 0 --changes 0 --unchecked.

import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Milliseconds between an answer and the next question of a client. */
const PAUSE = 1000;

const DIST = new URL('../dist/', import.meta.url);
if (process.argv[2] === 'daemon') await daemon(process.argv[3] ?? '');
else await main();

// The daemon

/** @param {string} root */
async function daemon(root) {
  const from = (/** @type {string} */ path) => import(new URL(path, DIST).href);
  const [{ serve }, { Ipvs }, { SimulatedKernel }] = [
    await from('daemon/serve.js'),
    await from('ipvs.js'),
    await from('simulator/index.js'),
  ];
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const ending = new AbortController();
  let [used, since] = [process.cpuUsage(), performance.now()];
  process.on('message', (what) => {
    if (what === 'end') return void ending.abort();
    const late = [lag.percentile(50), lag.percentile(99), lag.max].map((nanoseconds) => nanoseconds / 1e6);
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage(used);
    const processor = (user + system) / 1000 / (performance.now() - since);
    process.send?.({ lag: late, rss, heapUsed, processor });
    [used, since] = [process.cpuUsage(), performance.now()];
    // The collection is not the daemon's work.
    setTimeout(() => lag.reset(), 50);
  });
  const ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  await serve(ipvs, {
    ...{ file: join(root, 'state.yaml'), directory: join(root, 'run'), historyRoot: join(root, 'state') },
    ...{
      socket: join(root, 'api.sock'),
      version: 'load',
      program: 'load',
      interval: 5000,
      maxRemoval: 50,
      prune: false,
    },
    ...{ scope: undefined, env: {}, accept: () => {}, examine: async () => [], signal: ending.signal },
    onTrouble: (/** @type {string} */ what, /** @type {Error} */ error) => console.error(what, error.message),
    run: async () => ({ result: 'passed', reason: 'made up' }),
  });
  await ipvs.close();
  process.disconnect();
}

// Its clients

async function main() {
  const options = Object.fromEntries(
    Object.entries({ seconds: '20', clients: '200', readers: '50', changes: '100', services: '10', servers: '10' }).map(
      ([name, value]) => [name, { type: /** @type {const} */ ('string'), default: value }],
    ),
  );
  const parsed = parseArgs({ options: { ...options, unchecked: { type: 'boolean' } } });
  const values = /** @type {Record<string, string | boolean | undefined>} */ (parsed.values);
  const [seconds, clients, readers, changes] = ['seconds', 'clients', 'readers', 'changes'].map((name) =>
    Number(values[name]),
  );
  const root = mkdtempSync(join(tmpdir(), 'ipvs-ts-load-'));
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const place = { socketPath: join(root, 'api.sock'), agent };
  writeFileSync(
    join(root, 'state.yaml'),
    stateFile(Number(values['services']), Number(values['servers']), values['unchecked'] === true),
  );
  const begun = performance.now();
  const child = fork(fileURLToPath(import.meta.url), ['daemon', root], {
    execArgv: ['--expose-gc', ...(process.env['LOAD_NODE_OPTIONS']?.split(' ') ?? [])],
  });
  const measure = () =>
    new Promise((resolve) => {
      child.once('message', resolve);
      child.send('measure');
    });
  try {
    while ((await ask(place, 'GET', '/readyz').catch(() => ({ status: 0 }))).status !== 200) await sleep(20);
    say('ready after', `${Math.round(performance.now() - begun)} ms`);
    said('since the start', await measure());
    for (const path of ['/metrics', '/v1/table', '/v1/state', '/v1/health']) {
      const asked = performance.now();
      const { size } = await ask(place, 'GET', path);
      say(path, `${Math.round(performance.now() - asked)} ms, ${Math.round(size / 1024)} kB`);
    }
    said('meanwhile', await measure());
    await sleep(6000);
    said('a look', await measure());
    await underLoad({ seconds, clients, readers, changes, place, measure });
  } finally {
    child.send('end');
    await new Promise((resolve) => child.once('exit', resolve));
    agent.destroy();
    rmSync(root, { recursive: true });
  }
}

/** @param {any} load */
async function underLoad({ seconds, clients, readers, changes, place, measure }) {
  const heard = await Promise.all(Array.from({ length: readers }, () => listen(place)));
  const end = performance.now() + seconds * 1000;
  /** @type {number[]} */
  const times = [];
  /** @type {Record<number, number>} */
  const statuses = {};
  let made = 0;
  const paths = ['/v1/services', '/v1/state', '/livez', '/v1/totals', '/v1/overrides', '/metrics?top=5'];
  const client = async (/** @type {number} */ index) => {
    // Not all at the same moment.
    await sleep((PAUSE * index) / clients);
    for (let turn = index; performance.now() < end; turn++) {
      const asked = performance.now();
      const { status } = await ask(place, 'GET', paths[turn % paths.length] ?? '/livez');
      times.push(performance.now() - asked);
      statuses[status] = (statuses[status] ?? 0) + 1;
      await sleep(PAUSE);
    }
  };
  const change = async () => {
    const due = performance.now();
    for (let turn = 0; performance.now() < end; turn++) {
      await sleep(Math.max(0, due + (turn * 1000) / changes - performance.now()));
      const service = { protocol: 'udp', address: '198.51.100.1', port: 1000 + (turn >> 1) };
      const body = JSON.stringify({
        changes: [turn % 2 === 0 ? { verb: 'add-service', service } : { verb: 'delete-service', key: service }],
      });
      const { status } = await ask(place, 'POST', '/v1/changes', body);
      statuses[status] = (statuses[status] ?? 0) + 1;
      made++;
    }
  };
  const memory = async () => {
    for (let part = 1; performance.now() < end; part++) {
      await sleep((seconds * 1000) / 4);
      said(`quarter ${part}`, await measure());
    }
  };
  await Promise.all([
    ...Array.from({ length: clients }, (_, index) => client(index)),
    ...(changes > 0 ? [change()] : []),
    memory(),
  ]);
  await sleep(1000);
  times.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => `${Math.round(times[Math.floor((times.length - 1) * share)] ?? 0)} ms`;
  if (times.length > 0)
    say('answers', `${times.length}: ${at(0.5)} at the median, ${at(0.99)} at the 99th percentile, ${at(1)} at most`);
  say('by status', JSON.stringify(statuses));
  const lost = heard.map(({ lostSilently }) => lostSilently()).reduce((sum, each) => sum + each, 0);
  const counts = heard.map(({ changesHeard }) => changesHeard());
  if (readers > 0) {
    say('changes', `${made} made; each reader heard of ${Math.min(...counts)} to ${Math.max(...counts)}`);
    say('events', `${heard.reduce((sum, { heardAll }) => sum + heardAll(), 0)} read, ${lost} lost in silence`);
  }
  for (const { close } of heard) close();
  if (lost > 0 || counts.some((count) => count !== made)) process.exitCode = 1;
}

/** A reader of events. @param {any} place */
function listen(place) {
  return new Promise((resolve, reject) => {
    let [rest, last, lost, changed, all] = ['', 0, 0, 0, 0];
    const sent = request({ ...place, agent: false, path: '/v1/events' }, (response) => {
      response.setEncoding('utf8').on('data', (chunk) => {
        const frames = (rest + chunk).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) take(frame);
        resolve(reader);
      });
      response.on('error', () => {});
    });
    const take = (/** @type {string} */ frame) => {
      const number = Number(/^id: \w+-(\d+)$/m.exec(frame)?.[1] ?? Number.NaN);
      if (Number.isNaN(number)) {
        // What a gap tells is not lost in silence.
        if (/^event: gap$/m.test(frame)) last = 0;
        return;
      }
      all++;
      if (last !== 0) lost += number - last - 1;
      last = number;
      if (/^event: request$/m.test(frame) && frame.includes('"path":"/v1/changes"')) changed++;
    };
    const reader = {
      lostSilently: () => lost,
      changesHeard: () => changed,
      heardAll: () => all,
      close: () => sent.destroy(),
    };
    sent.on('error', reject).end();
  });
}

/**
 * @param {any} place
 * @param {string} method
 * @param {string} path
 * @param {string} [body]
 * @returns {Promise<{ status: number, size: number }>}
 */
function ask(place, method, path, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ ...place, method, path }, (response) => {
      let size = 0;
      response.on('data', (chunk) => {
        size += chunk.length;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, size })).on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

/**
 * @param {number} services
 * @param {number} servers
 * @param {boolean} isUnchecked
 */
function stateFile(services, servers, isUnchecked) {
  const checks = isUnchecked ? '' : 'checks: [{ type: tcp }], ';
  const lines = Array.from({ length: services }, (_, service) => {
    const address = `10.${100 + (service >> 16)}.${(service >> 8) & 255}.${service & 255}`;
    const list = Array.from(
      { length: servers },
      (_, server) => `10.${server}.${(service >> 8) & 255}.${service & 255}`,
    );
    return `  - { service: 'tcp://${address}:80', scheduler: wlc, ${checks}destinations: [${list.join(', ')}] }\n`;
  });
  return `services:\n${lines.join('')}`;
}

/**
 * @param {string} what
 * @param {any} figures
 */
function said(what, { lag, rss, heapUsed, processor }) {
  const [median, late, most] = lag.map((/** @type {number} */ ms) => ms.toFixed(1));
  const mebibytes = (/** @type {number} */ bytes) => Math.round(bytes / 1024 / 1024);
  say(
    what,
    `loop late by ${median} ms (median), ${late} ms (99 %), ${most} ms (most); ${Math.round(100 * processor)} % of a processor; ${mebibytes(heapUsed)} MiB of heap, ${mebibytes(rss)} MiB in all`,
  );
}

/**
 * @param {string} what
 * @param {string} figures
 */
function say(what, figures) {
  console.log(`${what.padEnd(16)} ${figures}`);
}
