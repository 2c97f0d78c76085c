/**
 * /proc/net/ip_vs_status: the hash tables and the estimation, since Linux 7.1 (kernel: ip_vs_status_show in ip_vs_ctl.c).
 * @module
 */
import { ProtocolError } from '../errors.js';
import type { EstimationThreads, HashTable, IpvsStatus } from '../model/ipvs-status.js';
import { lines } from './lines.js';

/** A row: a number, and what is in brackets behind it. */
interface Row {
  readonly value: number;
  readonly detail: string;
}
type Rows = ReadonlyMap<string, Row>;

/** Reads the rows that it knows; rows of newer kernels are passed over. */
export async function readProcStatus(chunks: AsyncIterable<string>): Promise<IpvsStatus> {
  const rows = new Map<string, Row>();
  for await (const batch of lines(chunks)) {
    for (const line of batch) {
      const [, name, value, detail = ''] = ROW.exec(line) ?? [];
      if (name !== undefined) rows.set(name, { value: Number(value), detail });
    }
  }
  const [connections, services] = [rows.get('Conns'), rows.get('Services')];
  if (connections === undefined || services === undefined) {
    throw new ProtocolError('/proc/net/ip_vs_status: no numbers of connections and services in it');
  }
  const [connectionTable, serviceTable] = [tableOf(rows, 'Conn'), tableOf(rows, 'Service')];
  const estimation = estimationOf(rows);
  return {
    connections: connections.value,
    ...(connectionTable && { connectionTable }),
    services: services.value,
    ...(serviceTable && { serviceTable }),
    ...(estimation && { estimation }),
  };
}

const ROW = /^([A-Z][^:\t]*):\s+(\d+)(?:\s+\((.*)\))?\s*$/;

function tableOf(rows: Rows, what: 'Conn' | 'Service'): HashTable | undefined {
  const table = rows.get(`${what} buckets`);
  const loadFactor = /\blfactor (-?\d+)/.exec(table?.detail ?? '')?.[1];
  if (table === undefined || table.value === 0 || loadFactor === undefined) return undefined;
  const empty = rows.get(`${what} buckets empty`)?.value;
  const prefix = `${what} buckets len-`;
  const chains = [...rows].flatMap(([name, { value }]) =>
    name.startsWith(prefix) ? [{ length: Number(name.slice(prefix.length)), buckets: value }] : [],
  );
  return { loadFactor: Number(loadFactor), buckets: table.value, ...(empty !== undefined && { empty }), chains };
}

function estimationOf(rows: Rows): EstimationThreads | undefined {
  const slots = rows.get('Stats thread slots');
  const maxSlots = /\bmax (\d+)/.exec(slots?.detail ?? '')?.[1];
  const maxChainLength = rows.get('Stats chain max len')?.value;
  const estimators = rows.get('Stats thread ests')?.value;
  if (slots === undefined || maxSlots === undefined || maxChainLength === undefined || estimators === undefined)
    return undefined;
  return { slots: slots.value, maxSlots: Number(maxSlots), maxChainLength, estimators };
}
