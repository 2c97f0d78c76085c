/**
 * A health report as rows, each with its labels: what the metrics of health checks are written of.
 * @module
 */
import type { z } from 'zod';
import { lazy, parse } from '../model/parse.js';
import { formatServiceKey } from '../model/service-key.js';
import { asList, type Gathered, milliseconds, refuse } from './check.js';
import type { MetricsInput } from './input.js';
import type { ServiceLabels } from './service-labels.js';
import type { ServiceRow } from './table-rows.js';
import { labelText } from './text.js';

/** A service of a health report. */
export interface PoolRow {
  readonly labels: string;
  readonly tier: string;
  readonly hasQuorum: boolean | undefined;
  /** The share of its servers that is up, of those that are measured. */
  readonly ratio: number | undefined;
}

/** A real server of a health report. */
export interface ServerRow {
  readonly labels: string;
  readonly status: 'unknown' | 'up' | 'down' | 'unchecked';
}

/** A check of a health report. Times are milliseconds, since 1970 where they are moments. */
export interface CheckRow {
  readonly labels: string;
  readonly status: 'unknown' | 'up' | 'down';
  readonly took: number | undefined;
  readonly measured: number | undefined;
  readonly isHeld: boolean;
}

/** The report as a whole. */
export interface ReportRow {
  /** Checks of all services by status, also of those that are not shown. */
  readonly statuses: Readonly<Record<CheckRow['status'], number>>;
  /** Milliseconds since 1970. */
  readonly written: number;
  /** Whether the table is held. */
  readonly isHeld: boolean;
}

/** What a health report says. */
export interface HealthRows {
  readonly report: ReportRow;
  readonly pools: readonly PoolRow[];
  readonly servers: readonly ServerRow[];
  readonly checks: readonly CheckRow[];
}

/** Rows between two looks at the clock. */
const LOT = 16;

const reportSchema = lazy((z) =>
  z.looseObject({
    written: milliseconds(),
    heldSince: milliseconds().optional(),
  }),
);

const serviceSchema = lazy((z) =>
  z.looseObject({ service: z.string(), tier: z.string(), hasQuorum: z.boolean().optional() }),
);

const serverSchema = lazy((z) => {
  const check = z.looseObject({
    check: z.string(),
    target: z.string(),
    status: z.enum(['unknown', 'up', 'down']),
    took: milliseconds().optional(),
    measured: milliseconds().optional(),
    heldUntil: milliseconds().optional(),
  });
  return z.looseObject({
    service: z.string(),
    server: z.string(),
    role: z.enum(['server', 'backup']),
    status: z.enum(['unknown', 'up', 'down', 'unchecked']),
    checks: z.array(check),
  });
});

type Server = z.output<ReturnType<typeof serverSchema>>;

/** Reads a health report; of services and servers, only what is about those that are shown, if not all are. */
export function* readHealthRows(
  { health }: MetricsInput,
  labels: ServiceLabels,
  shown: readonly ServiceRow[] | undefined,
  gathered: Gathered,
): Generator<void, HealthRows | undefined> {
  if (health === undefined) return undefined;
  const report = gathered.attempt('health', () => parse(reportSchema, 'health', health));
  const keys = shown && new Set<string>(shown.flatMap(({ service }) => (service ? formatServiceKey(service) : [])));
  const isShown = ({ service }: { readonly service: string }) => keys === undefined || keys.has(service);
  const servers = yield* readAll(health.servers, 'servers', serverSchema, gathered);
  const services = yield* readAll(health.services, 'services', serviceSchema, gathered);
  const { written = 0, heldSince } = report ?? {};
  const statuses = { up: 0, down: 0, unknown: 0 };
  const rows = { servers: [] as ServerRow[], checks: [] as CheckRow[] };
  const shares = new Map<string, Share>();
  for (const [place, server] of servers.entries()) {
    for (const { status } of server.checks) statuses[status]++;
    if (place % LOT === 0) yield;
    if (!isShown(server)) continue;
    const { service, server: destination, role, status } = server;
    const text = `${labels.of(service)},${labelText({ destination })}`;
    rows.servers.push({ labels: `${text},${labelText({ role })}`, status });
    if (role === 'server') addShare(shares, service, status);
    rows.checks.push(...checkRows(server, text, written));
  }
  const pools = services.filter(isShown).map(({ service, tier, hasQuorum }) => {
    const { up, measured } = shares.get(service) ?? NOBODY;
    return { labels: labels.of(service), tier, hasQuorum, ratio: measured === 0 ? undefined : up / measured };
  });
  return { ...rows, pools, report: { statuses, written, isHeld: heldSince !== undefined } };
}

/** Reads the items of a list one by one; one that names the same as another before it is refused. */
function* readAll<Item extends { service: string; server?: unknown }>(
  input: unknown,
  name: string,
  schema: () => z.ZodType<Item>,
  gathered: Gathered,
): Generator<void, Item[]> {
  const list = gathered.attempt('health', () => asList(name, input)) ?? [];
  const seen = new Set<string>();
  const items: Item[] = [];
  for (const [place, entry] of list.entries()) {
    gathered.attempt(`health.${name}[${place}]`, () => {
      const item = parse(schema, 'health', entry);
      const key = `${item.server} of ${item.service}`;
      if (seen.has(key)) refuse('', 'is there twice');
      seen.add(key);
      items.push(item);
    });
    if (place % LOT === 0) yield;
  }
  return items;
}

/** Two checks of one kind of the same target are told apart by a number: `http`, `http-2`. */
function checkRows({ checks }: Server, labels: string, written: number): CheckRow[] {
  const kinds = new Map<string, number>();
  return checks.map(({ check, target, status, took, measured, heldUntil = 0 }) => {
    const number = (kinds.get(`${check} ${target}`) ?? 0) + 1;
    kinds.set(`${check} ${target}`, number);
    const kind = number === 1 ? check : `${check}-${number}`;
    const isHeld = status === 'down' && heldUntil > written;
    return { labels: `${labels},${labelText({ check: kind, target })}`, status, took, measured, isHeld };
  });
}

/** How many servers are up, of how many that were measured. */
interface Share {
  readonly up: number;
  readonly measured: number;
}

const NOBODY: Share = { up: 0, measured: 0 };

/** What is not checked counts as up, as it does in the table. */
function addShare(shares: Map<string, Share>, service: string, status: ServerRow['status']): void {
  if (status === 'unknown') return;
  const { up, measured } = shares.get(service) ?? NOBODY;
  shares.set(service, { up: up + (status === 'down' ? 0 : 1), measured: measured + 1 });
}
