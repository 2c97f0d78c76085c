/**
 * Clients that send HTTP requests at a steady rate, each by a connection of its own, until SIGTERM. Started by a test inside the
 * client's namespace as `node steady-client.mjs PAUSE PATIENCE URL...`: one request to each URL every PAUSE milliseconds, whatever
 * became of those before. One that is not answered within PATIENCE milliseconds has failed. Nobody tries again: what failed has failed.
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
 * @property {Record<string, number>} reasons how many failed, by the code of the error
 */

const [pause, patience, ...urls] = process.argv.slice(2);
const agent = new Agent({ keepAlive: false });
/** @type {Record<string, Counts>} */
const counts = Object.fromEntries(urls.map((url) => [url, { answered: 0, failed: 0, reasons: {} }]));
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
  const { [url]: own } = counts;
  if (own === undefined) return;
  try {
    const [answer] = await once(get(url, { agent, signal: AbortSignal.timeout(Number(patience)) }), 'response');
    for await (const _ of answer);
    own.answered += 1;
  } catch (error) {
    own.failed += 1;
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    own.reasons[reason] = (own.reasons[reason] ?? 0) + 1;
  }
}
