/**
 * Clients that send HTTP requests at a steady rate, each by a connection of its own, until SIGTERM. Started by a test inside the
 * client's namespace as `node steady-client.mjs MILLISECONDS URL...`: one request to each URL every so many milliseconds, whatever
 * became of those before. Nobody tries again: what failed has failed.
 *
 * Every line that goes out is the counts so far (`Counts`, by URL), the last one those of the end.
 */
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @typedef {object} Counts
 * @property {number} answered
 * @property {number} failed
 */

/** Milliseconds. Less than TCP needs to send a packet again. */
const PATIENCE = 500;

const [pause = '20', ...urls] = process.argv.slice(2);
const agent = new Agent({ keepAlive: false });
/** @type {Record<string, Counts>} */
const counts = Object.fromEntries(urls.map((url) => [url, { answered: 0, failed: 0 }]));
const ended = new AbortController();
process.once('SIGTERM', () => ended.abort());

/** @type {Set<Promise<void>>} */
const underWay = new Set();
while (!ended.signal.aborted) {
  for (const url of urls) {
    const one = request(url).finally(() => underWay.delete(one));
    underWay.add(one);
  }
  console.log(JSON.stringify(counts));
  await sleep(Number(pause), undefined, { signal: ended.signal }).catch(() => undefined);
}
await Promise.all(underWay);
console.log(JSON.stringify(counts));

/** @param {string} url */
async function request(url) {
  try {
    const [answer] = await once(get(url, { agent, signal: AbortSignal.timeout(PATIENCE) }), 'response');
    for await (const _ of answer);
    if (counts[url]) counts[url].answered += 1;
  } catch {
    if (counts[url]) counts[url].failed += 1;
  }
}
