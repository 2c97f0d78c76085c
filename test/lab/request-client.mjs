/**
 * Clients that send HTTP requests without pause, until SIGTERM. Started by a test inside the client's namespace as
 * `node request-client.mjs URL CALLERS`: so many callers of each kind, `new` ones with a connection for every request, `kept`
 * ones that go on with their connection for as long as the server does. Nobody tries again: what failed has failed.
 *
 * Every line that goes out is the counts so far, the last one those of the end. `Counts` says what they are.
 */
import { once } from 'node:events';
import { Agent, get } from 'node:http';

/**
 * @typedef {object} Counts
 * @property {number} answered
 * @property {number} reused how many of those went over a connection that an earlier one had made
 * @property {Record<string, number>} failures how many failed, by the reason: an error's code, or a status
 */

/** Milliseconds. More than TCP needs to send a packet again, less than a person waits. */
const PATIENCE = 2000;
/** Milliseconds between two reports. */
const REPORT = 50;

const [url = '', callers = '1'] = process.argv.slice(2);
const agents = {
  new: new Agent({ keepAlive: false }),
  kept: new Agent({ keepAlive: true, maxSockets: Number(callers) }),
};
/** @type {Record<'new' | 'kept', Counts>} */
const counts = {
  new: { answered: 0, reused: 0, failures: {} },
  kept: { answered: 0, reused: 0, failures: {} },
};
let ended = false;
process.once('SIGTERM', () => {
  ended = true;
});

const report = () => console.log(JSON.stringify(counts));
const reporting = setInterval(report, REPORT);
const calling = /** @type {const} */ (['new', 'kept']).flatMap((kind) =>
  Array.from({ length: Number(callers) }, () => call(kind)),
);
await Promise.all(calling);
clearInterval(reporting);
report();
agents.kept.destroy();

/** @param {'new' | 'kept'} kind */
async function call(kind) {
  const { failures } = counts[kind];
  while (!ended) {
    try {
      const reused = await request(agents[kind]);
      counts[kind].answered += 1;
      if (reused) counts[kind].reused += 1;
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      failures[reason] = (failures[reason] ?? 0) + 1;
    }
  }
}

/**
 * @param {Agent} agent
 * @returns {Promise<boolean>} whether it went over a connection that was there
 */
async function request(agent) {
  const asked = get(url, { agent, signal: AbortSignal.timeout(PATIENCE) });
  const [answer] = await once(asked, 'response');
  // An answer that breaks off is an error of the stream.
  for await (const _ of answer);
  if (answer.statusCode !== 200) throw `status ${answer.statusCode}`;
  return asked.reusedSocket;
}
