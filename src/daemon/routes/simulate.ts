/**
 * What would become of clients: traffic is sent through a copy of the table, in memory.
 * @module
 */
import { parseNetwork } from '../../address/network.js';
import { simulateSchema, whatIfSchema } from '../../json/api.js';
import { withoutUndefined } from '../../model/parse.js';
import { formatServiceKey, parseServiceKey, type ServiceKeyText } from '../../model/service-key.js';
import type { Table } from '../../model/table.js';
import type { Step } from '../../reconcile/plan.js';
import { type ServerChange, type Traffic, type WhatIfOptions, whatIf } from '../../simulator/index.js';
import type { Director } from '../director.js';
import { Problem } from '../problem.js';
import { type Answer, type Call, DOCUMENT_LIMIT, jsonBody, type Route } from '../route.js';

/** Connections of all schedulers together, and clients: what takes seconds, and megabytes. */
const MOST_CONNECTIONS = 1_000_000;
const MOST_CLIENTS = 1_000_000;

export const SIMULATE_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/simulate',
    id: 'simulate',
    role: 'operator',
    help:
      'What traffic would do to real servers, and a change to clients: the change is "changes", or what the document "desired" ' +
      'changes of the real servers of the service and of its scheduler. Nothing is sent, and nothing is changed',
    body: { schema: simulateSchema, limit: DOCUMENT_LIMIT },
    answers: { 200: { help: 'what happens under each scheduler', schema: whatIfSchema } },
    handle: (director, call) => director.simulating.do(() => simulate(director, call)),
  },
];

async function simulate(director: Director, call: Call): Promise<Answer> {
  const { desired, ...body } = jsonBody(call, simulateSchema);
  const traffic = withoutUndefined(body.traffic) as Traffic;
  refuseTooMuch(traffic, body.schedulers?.length ?? 1);
  if (desired !== undefined && body.changes !== undefined) throw wrong('desired', 'goes without changes');
  const table = await director.reads.snapshot();
  const given = withoutUndefined({ at: body.at, service: body.service, schedulers: body.schedulers }) as WhatIfOptions;
  const change =
    desired === undefined
      ? { changes: (body.changes ?? []) as unknown as ServerChange[] }
      : await changeBy(director, desired, serviceIn(table, body.service));
  return { json: await whatIf(table, traffic, { ...change, ...given, signal: call.signal }) };
}

/** @throws {Problem} 422 */
function refuseTooMuch({ rate, seconds, clients = 0 }: Traffic, schedulers: number): void {
  if (rate * seconds * schedulers > MOST_CONNECTIONS) {
    throw wrong('traffic.rate', `rate x seconds x schedulers must be at most ${MOST_CONNECTIONS} connections`);
  }
  const { bytes, prefix = 0 } = (typeof clients === 'string' ? parseNetwork(clients) : undefined) ?? {};
  const count = bytes === undefined ? Number(clients) : 2 ** (bytes.length * 8 - prefix);
  if (count > MOST_CLIENTS) throw wrong('traffic.clients', `must be at most ${MOST_CLIENTS}`);
}

/** The name of the service that is called; undefined where the table does not say which. */
function serviceIn({ services }: Table, given: string | undefined): ServiceKeyText | undefined {
  if (given !== undefined) return formatServiceKey(parseServiceKey(given as ServiceKeyText));
  const [only, ...others] = services;
  return only === undefined || others.length > 0 ? undefined : formatServiceKey(only.service);
}

/** What a document changes of one service. */
async function changeBy(
  director: Director,
  desired: string | object,
  service: ServiceKeyText | undefined,
): Promise<Pick<WhatIfOptions, 'changes' | 'schedulers'>> {
  const text = typeof desired === 'string' ? desired : JSON.stringify(desired);
  const { steps } = await director.plan(director.read(Buffer.from(text)));
  const changes: ServerChange[] = [];
  let schedulers: string[] | undefined;
  for (const { change } of steps) {
    if (change.verb === 'update-service' && formatServiceKey(change.service) === service) {
      schedulers = [change.service.scheduler];
    }
    const server = serverChange(change, service);
    if (server !== undefined) changes.push(server);
  }
  return { changes, ...(schedulers !== undefined && { schedulers }) };
}

/** Undefined for a change of anything else. */
function serverChange(change: Step['change'], service: ServiceKeyText | undefined): ServerChange | undefined {
  if (!('destination' in change) || formatServiceKey(change.key) !== service) return undefined;
  const { verb, destination } = change;
  switch (verb) {
    case 'add-destination':
      return { change: 'add', server: destination };
    case 'update-destination':
      return { change: 'weight', server: destination, weight: destination.weight };
    case 'delete-destination':
      return { change: 'remove', server: destination };
  }
}

function wrong(path: string, message: string): Problem {
  return new Problem(422, `${path} ${message}`, {
    type: 'urn:ipvs-ts:ERR_INVALID_ARGUMENT',
    errors: [{ path, message }],
  });
}
