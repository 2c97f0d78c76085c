/**
 * Visitors of a web site: one who asks again as soon as there is an answer, and three who connect and then think for a
 * while before they ask. Every request has a connection of its own. Started by crowd.ts on the client as
 * `node visitors.mjs URL`; prints one line a request, `BEGAN ok NAME` or `BEGAN failed REASON` with the time it began, until
 * SIGTERM. Then they finish what they have begun.
 */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds after which a request without an answer has failed. */
const PATIENCE = 5000;
/** Milliseconds that each of them thinks. */
const THOUGHTS = [0, 600, 800, 1000];

const [url = ''] = process.argv.slice(2);
let open = true;
process.once('SIGTERM', () => {
  open = false;
});

/** @param {number} thought */
async function visit(thought) {
  while (open) {
    const began = Date.now();
    try {
      console.log(`${began} ok ${await ask(thought)}`);
    } catch (error) {
      console.log(`${began} failed ${error instanceof Error ? error.message : error}`);
    }
  }
}

/**
 * @param {number} thought
 * @returns {Promise<string>}
 */
async function ask(thought) {
  const question = request(url, { agent: false });
  question.setTimeout(thought + PATIENCE, () => question.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
  const answer = new Promise((resolve, reject) => {
    question.once('error', reject);
    question.once('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body: body.trim() }), reject);
    });
  });
  // The connection is made at once, the request sent only by end().
  if (thought > 0) await sleep(thought);
  question.end();
  const { status, body } = await answer;
  if (status !== 200) throw new Error(`status ${status}`);
  return body;
}

await Promise.all(THOUGHTS.map(visit));
