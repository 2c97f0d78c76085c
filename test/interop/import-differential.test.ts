import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.js';
import { exportConfig } from '../../src/formats/export-config.js';
import { type ImportFormat, importConfig } from '../../src/formats/import-config.js';
import { Ipvs } from '../../src/index.js';
import { type Command, parseCommand } from '../../src/ipvsadm/command.js';
import { CommandError } from '../../src/ipvsadm/command-error.js';
import { formatListing } from '../../src/ipvsadm/listing.js';
import type { Names } from '../../src/ipvsadm/names.js';
import type { NormalChange } from '../../src/model/change.js';
import type { DesiredTable } from '../../src/model/desired.js';
import { formatDestinationKey } from '../../src/model/destination.js';
import { formatServiceKey, type ServiceKey } from '../../src/model/service-key.js';
import { reconcile } from '../../src/reconcile/apply.js';
import { Ipvsadm } from '../lab/ipvsadm.js';
import { type Host, Lan } from '../lab/network.js';
import { ALWAYS_THERE, Keepalived } from './peers/keepalived.js';
import { Ldirectord, type RunIpvsadm } from './peers/ldirectord.js';
import { keepalivedFile, ldirectordFile } from './peers/random-files.js';

/** Random files of each program in a run; more, and other ones, by the environment. */
const FILES = Number(process.env['IPVS_TEST_FILES'] ?? 500);
const SEED = Number(process.env['IPVS_TEST_SEED'] ?? 13);
/** Of each program: files whose tables are exported again. */
const EXPORTS = Math.ceil(FILES / 20);
/** Milliseconds for all the files of a program. */
const LIMIT = 60_000 + FILES * 1000;

const REPORTED = new URL('../golden/import/reported/', import.meta.url);

const PORTS: ReadonlyMap<string, number> = new Map([
  ['http/tcp', 80],
  ['domain/tcp', 53],
  ['domain/udp', 53],
]);
const names: Names = {
  host: () => undefined,
  port: (name, protocol) => PORTS.get(`${name}/${protocol}`),
};

let lan: Lan;
let host: Host;
let theirs: Ipvs;
let ours: Ipvs;

beforeAll(async () => {
  lan = await Lan.create();
  const hosts = [await lan.bareHost('theirs'), await lan.bareHost('ours')] as const;
  [host] = hosts;
  [theirs, ours] = [
    await Ipvs.open({ netns: hosts[0].namespacePath }),
    await Ipvs.open({ netns: hosts[1].namespacePath }),
  ];
});

afterAll(async () => {
  await theirs.close();
  await ours.close();
  await lan[Symbol.asyncDispose]();
});

function isAlwaysThere(key: ServiceKey): boolean {
  return 'address' in key && key.address === ALWAYS_THERE.address;
}

/** A table in lines, without what stands in every file. */
async function tableOf(ipvs: Ipvs): Promise<string[]> {
  const { services } = await ipvs.snapshot();
  return services
    .filter(({ service }) => !isAlwaysThere(service))
    .flatMap(({ service, destinations }) => {
      const name = formatServiceKey(service);
      return [
        `${name} ${JSON.stringify(service)}`,
        ...destinations.map(
          ({ destination }) => `${name} ${formatDestinationKey(destination)} ${JSON.stringify(destination)}`,
        ),
      ];
    })
    .toSorted();
}

/** What an import and an apply make of a file; undefined where the import refuses it. */
async function ourTable(text: string, format: ImportFormat): Promise<string[] | undefined> {
  try {
    const { services = [] } = importConfig(text, { format, names }).state;
    await reconcile(ours, { services }, { prune: true });
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
  return tableOf(ours);
}

interface Difference {
  readonly text: string;
  readonly theirs: readonly string[] | 'refused';
  readonly ours: readonly string[] | string;
}

/** Compares the tables of many files, and tells all that differ: one mistake of a reader shows in several. */
async function differences(
  texts: readonly string[],
  format: ImportFormat,
  load: (text: string) => Promise<boolean>,
): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const text of texts) {
    const expected = (await load(text)) ? await tableOf(theirs) : 'refused';
    const actual = (await ourTable(text, format).catch((error: unknown) => String(error))) ?? 'refused';
    if (isDeepStrictEqual(actual, expected) || (actual === 'refused' && hasCondition(text))) continue;
    if (!hasRealFallback(text)) found.push({ text, theirs: expected, ours: actual });
  }
  return found;
}

/** Where braces are wrong a condition may stand in a virtual server, and there an import refuses it on purpose. */
function hasCondition(text: string): boolean {
  return /^\s*@/m.test(text);
}

/** Which of the two ldirectord leaves in the table hangs on their methods; an import leaves none. */
function hasRealFallback(text: string): boolean {
  const of = (key: string) =>
    Array.from(text.matchAll(new RegExp(`^\\s*${key}6?\\s*=\\s*(\\S+)`, 'gm')), ([, name]) => name);
  const reals = new Set(of('real'));
  return of('fallback').some((name) => reals.has(name));
}

function reported(extension: string): string[] {
  return readdirSync(REPORTED)
    .filter((name) => name.endsWith(extension))
    .map((name) => readFileSync(new URL(name, REPORTED), 'utf8'));
}

function startKeepalived(): Promise<Keepalived> {
  return Keepalived.start(host, async () => {
    const services = (await theirs.listServices()).map(({ service }) => service);
    for (const service of services.filter((one) => !isAlwaysThere(one))) await theirs.deleteService(service);
  });
}

test(`keepalived: ${FILES} random files, seed ${SEED}`, { timeout: LIMIT }, async () => {
  await using keepalived = await startKeepalived();
  const texts = [...reported('.keepalived.conf'), ...fc.sample(keepalivedFile, { numRuns: FILES, seed: SEED })];
  expect(await differences(texts, 'keepalived', (text) => keepalived.load(text))).toEqual([]);
});

/** Our own ipvsadm in this process: cli-differential.test.ts holds it to the real one, and it starts at once. */
const quickIpvsadm: RunIpvsadm = async (words) => {
  try {
    const command = parseCommand(words);
    if (command.verb === 'list') {
      const [info, { services }] = [await theirs.info(), await theirs.snapshot()];
      return { code: 0, stdout: formatListing(services, command, { info }) };
    }
    const failures = isChange(command) ? await theirs.applyAll([command]) : [];
    return { code: failures.length, stdout: '' };
  } catch (error) {
    if (error instanceof CommandError) return { code: error.exitCode, stdout: '' };
    throw error;
  }
};

function isChange(command: Command): command is NormalChange {
  return !['save', 'restore', 'help', 'version'].includes(command.verb);
}

test(`ldirectord: ${FILES} random files, seed ${SEED}`, { timeout: LIMIT }, async () => {
  await using ldirectord = await Ldirectord.start(quickIpvsadm);
  const random = fc.sample(ldirectordFile, { numRuns: FILES, seed: SEED }).map(withoutChecks);
  const load = (text: string) => theirs.flush().then(() => ldirectord.load(text));
  expect(await differences([...reported('.ldirectord.cf').map(withoutChecks), ...random], 'ldirectord', load)).toEqual(
    [],
  );
});

test('ldirectord with the real ipvsadm', { timeout: 120_000 }, async () => {
  await using ipvsadm = new Ipvsadm(host.namespacePath);
  await using ldirectord = await Ldirectord.start((words) => ipvsadm.run(words));
  const load = (text: string) => theirs.flush().then(() => ldirectord.load(text));
  expect(await differences([...reported('.ldirectord.cf').map(withoutChecks), QUIESCENT], 'ldirectord', load)).toEqual(
    [],
  );
});

/** Two of them are listed under another port than the file has. */
const QUIESCENT = withoutChecks(
  'virtual=192.0.2.1:80\n\treal=198.51.100.1:80 gate 3\n\treal=198.51.100.2:81 gate 3\n\treal=198.51.100.3 ipip\n' +
    '\treal=198.51.100.4:81 masq 3\n\tquiescent=yes\nvirtual=5\n\treal=198.51.100.1 gate\n\tquiescent=yes\n',
);

describe('what export writes is the same table to', () => {
  const FORMATS = ['keepalived', 'ldirectord'] as const;
  const random = { keepalived: keepalivedFile, ldirectord: ldirectordFile };
  const extension = { keepalived: '.keepalived.conf', ldirectord: '.ldirectord.cf' };

  /** Tables that files of both programs make. */
  function tables(): DesiredTable[] {
    return FORMATS.flatMap((format) =>
      [...reported(extension[format]), ...fc.sample(random[format], { numRuns: EXPORTS, seed: SEED })].flatMap(
        (text) => {
          const services = servicesOf(text, format);
          return services.length > 0 ? [{ services }] : [];
        },
      ),
    );
  }

  function servicesOf(text: string, format: ImportFormat): NonNullable<DesiredTable['services']> {
    try {
      return importConfig(text, { format, names }).state.services ?? [];
    } catch (error) {
      if (error instanceof ConfigError) return [];
      throw error;
    }
  }

  /** Only of those that the format can say whole. */
  async function exportDifferences(format: ImportFormat, load: (text: string) => Promise<boolean>) {
    const found: Difference[] = [];
    let compared = 0;
    for (const table of tables()) {
      const { text, notWritten } = exportConfig(table, { format });
      if (notWritten.length > 0) continue;
      compared += 1;
      await reconcile(ours, table, { prune: true });
      const expected = await tableOf(ours);
      const actual = (await load(text)) ? await tableOf(theirs) : 'refused';
      if (!isDeepStrictEqual(actual, expected)) found.push({ text, theirs: actual, ours: expected });
    }
    return { found, compared };
  }

  test('keepalived', { timeout: 600_000 }, async () => {
    await using keepalived = await startKeepalived();
    const { found, compared } = await exportDifferences('keepalived', (text) => keepalived.load(text));
    expect(found).toEqual([]);
    expect(compared).toBeGreaterThan(EXPORTS / 2);
  });

  test('ldirectord', { timeout: 600_000 }, async () => {
    await using ldirectord = await Ldirectord.start(quickIpvsadm);
    const load = (text: string) => theirs.flush().then(() => ldirectord.load(text));
    const { found, compared } = await exportDifferences('ldirectord', load);
    expect(found).toEqual([]);
    expect(compared).toBeGreaterThan(EXPORTS / 2);
  });
});

/** Every real server answers, and no virtual service is the last line, which ldirectord takes for a duplicate of itself. */
function withoutChecks(text: string): string {
  return `${text}\n`.replace(/^(virtual[^\n]*\n)/gm, '$1\tchecktype = on\n');
}
