/**
 * What operators want of single real servers: weights and drains.
 * @module
 */

import { drainWishSchema, endedSchema, overrideSchema, overridesSchema, weightWishSchema } from '../../json/api.js';
import { parseServer } from '../../model/connection-filter.js';
import { parseDestinationKey } from '../../model/destination.js';
import type { ServiceKey } from '../../model/service-key.js';
import { type DrainResult, drain } from '../../reconcile/drain.js';
import { keepersOf } from '../../reconcile/keepers.js';
import { isUnderWay, type Override, serverName } from '../../reconcile/override.js';
import { Overrides, readOverrides } from '../../reconcile/overrides.js';
import { giveBack, overrideWeight } from '../../reconcile/weight.js';
import type { Director } from '../director.js';
import { Problem, reading } from '../problem.js';
import {
  type Answer,
  BODY_LIMIT,
  type Call,
  etagOf,
  jsonBody,
  type Route,
  refuseMismatch,
  serviceIn,
} from '../route.js';
import { reasonOf } from './desired.js';

const NO_SERVER = { help: 'there is no such real server' };
const NO_OVERRIDE = { help: 'there is no such override' };

export const OVERRIDE_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/overrides',
    id: 'overrides',
    role: 'reader',
    help: 'Weights and drains, and who keeps the table, as "ipvs-ts overrides --json" writes them',
    answers: { 200: { help: 'the overrides', schema: overridesSchema } },
    handle({ options: { directory } }) {
      return { json: { keepers: keepersOf(directory), overrides: readOverrides(directory) } };
    },
  },
  ...(['weight', 'drain'] as const).flatMap(routesOf),
];

function routesOf(kind: Override['kind']): Route[] {
  const path = `/v1/overrides/{service}/{server}/${kind}`;
  const Name = kind === 'weight' ? 'Weight' : 'Drain';
  return [
    {
      method: 'GET',
      path,
      id: `get${Name}`,
      role: 'reader',
      help: `The ${kind} of a real server that an operator set`,
      answers: { 200: { help: 'the override, with its ETag', schema: overrideSchema }, 404: NO_OVERRIDE },
      handle: (director, call) => answer(found(director, subjectOf(call), kind)),
    },
    {
      method: 'PUT',
      path,
      id: `put${Name}`,
      role: 'operator',
      help:
        kind === 'weight'
          ? 'Overrides the weight of a real server'
          : 'Takes a real server out: weight 0, and removed once its connections have ended',
      body: { schema: kind === 'weight' ? weightWishSchema : drainWishSchema, limit: BODY_LIMIT },
      match: true,
      answers: { 200: { help: 'the override', schema: overrideSchema }, 404: NO_SERVER },
      handle: (director, call) => director.write(() => (kind === 'weight' ? setWeight : setDrain)(director, call)),
    },
    {
      method: 'DELETE',
      path,
      id: `delete${Name}`,
      role: 'operator',
      help: `Ends the ${kind}, and gives the real server its weight back`,
      match: true,
      answers: { 200: { help: 'ended', schema: endedSchema }, 404: NO_OVERRIDE },
      handle: (director, call) => director.write(() => end(director, call, kind)),
    },
  ];
}

interface Subject {
  readonly service: ServiceKey;
  readonly destination: { readonly address: string; readonly port: number };
}

/** The real server that the path names. @throws {Problem} 400 */
function subjectOf(call: Call): Subject {
  const service = serviceIn(call);
  const destination = reading(() => parseDestinationKey(service, parseServer(call.params['server'])));
  return { service, destination };
}

function readOverride({ options: { directory } }: Director, { service, destination }: Subject, kind: Override['kind']) {
  const override: Override | undefined = new Overrides(directory).read(kind, service, destination);
  const isOver = override?.expires !== undefined && override.expires <= Date.now();
  return isOver ? undefined : override;
}

/** @throws {Problem} 404 */
function found(director: Director, subject: Subject, kind: Override['kind']): Override {
  const override = readOverride(director, subject, kind);
  if (override === undefined) throw new Problem(404, `${nameOf(subject)} has no such override`);
  return override;
}

function refuse(director: Director, call: Call, subject: Subject, kind: Override['kind']): void {
  const override = readOverride(director, subject, kind);
  refuseMismatch(call.headers, override && etagOf(override));
}

function answer(override: Override): Answer {
  return { headers: { ETag: etagOf(override) }, json: override };
}

function nameOf({ service, destination }: Subject): string {
  return serverName(service, destination).split(' ').reverse().join(' of ');
}

async function setWeight(director: Director, call: Call): Promise<Answer> {
  const subject = subjectOf(call);
  const { reason = reasonOf(call), owner = call.visitor.name, ...wish } = jsonBody(call, weightWishSchema);
  refuse(director, call, subject, 'weight');
  const { table, options } = director;
  const { outcome } = await overrideWeight(table, subject.service, subject.destination, {
    ...{ ...wish, reason, owner },
    directory: options.directory,
  });
  if (outcome === 'absent') throw new Problem(404, `${nameOf(subject)}: there is no such real server`);
  return answer(found(director, subject, 'weight'));
}

async function setDrain(director: Director, call: Call): Promise<Answer> {
  const subject = subjectOf(call);
  const { reason = reasonOf(call), owner = call.visitor.name, ...wish } = jsonBody(call, drainWishSchema);
  refuse(director, call, subject, 'drain');
  const earlier = readOverride(director, subject, 'drain');
  if (earlier !== undefined && isUnderWay(earlier)) throw new Problem(409, `${nameOf(subject)} is being drained`);
  const { table, options } = director;
  // Once it has looked at the server, the drain is written down, and the weight is 0.
  const result = await new Promise<DrainResult | undefined>((resolve, reject) => {
    const { finished } = drain(table, subject.service, subject.destination, {
      ...{ ...wish, reason, owner },
      directory: options.directory,
      signal: options.signal,
      onProgress: () => resolve(undefined),
    });
    finished.then(resolve, reject);
  });
  if (result?.outcome === 'absent') throw new Problem(404, `${nameOf(subject)}: there is no such real server`);
  const override = readOverride(director, subject, 'drain');
  if (override !== undefined) return answer(override);
  throw new Problem(409, `${nameOf(subject)}: the drain ended at once: ${result?.outcome ?? 'it was taken back'}`);
}

async function end(director: Director, call: Call, kind: Override['kind']): Promise<Answer> {
  const subject = subjectOf(call);
  found(director, subject, kind);
  refuse(director, call, subject, kind);
  const name = `${serverName(subject.service, subject.destination)}`;
  const which = (override: Override) =>
    override.kind === kind && serverName(override.service, override.destination) === name;
  const [ended] = await giveBack(director.table, { directory: director.options.directory, which });
  if (ended === undefined) throw new Problem(404, `${nameOf(subject)} has no such override`);
  return { json: ended };
}
