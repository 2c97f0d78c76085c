/**
 * What a host is to be, as the options of a verb or the file of the desired state say it.
 * @module
 */
import { type Director, type NormalDirector, parseDirector } from '../model/director.js';
import { type NormalRealServer, parseRealServer, type RealServer } from '../model/real-server.js';
import { UsageError } from './parse-verb.js';
import { readStateFile } from './state-file.js';
import type { Streams } from './streams.js';

/** The options that describe a host. */
export interface DescriptionValues {
  readonly file?: string | undefined;
  readonly mode?: string | undefined;
  readonly vip?: readonly string[] | undefined;
  readonly device?: string | undefined;
  readonly gateway?: string | undefined;
  readonly network?: string | undefined;
  readonly 'inside-device'?: string | undefined;
  readonly 'inside-address'?: string | undefined;
  readonly masquerade?: boolean | undefined;
  readonly tunnel?: string | undefined;
}

/** The director that the options or the file describe. Throws {@link UsageError}, `ConfigError`, `InvalidArgumentError`. */
export async function describeDirector(
  verb: string,
  values: DescriptionValues,
  streams: Streams,
): Promise<NormalDirector> {
  if (values.file === undefined) return parseDirector(directorOf(verb, values));
  refuse(verb, '--file', values, DESCRIBING);
  const { director } = await readStateFile(values.file, streams);
  if (director === undefined) throw new UsageError(`${verb}: ${values.file} has no section "director"`);
  return director;
}

/** As {@link describeDirector}, for a real server. */
export async function describeRealServer(
  verb: string,
  values: DescriptionValues,
  streams: Streams,
): Promise<NormalRealServer> {
  if (values.file === undefined) return parseRealServer(realServerOf(verb, values));
  refuse(verb, '--file', values, DESCRIBING);
  const { realServer } = await readStateFile(values.file, streams);
  if (realServer === undefined) throw new UsageError(`${verb}: ${values.file} has no section "realServer"`);
  return realServer;
}

const DESCRIBING = [
  ...(['mode', 'vip', 'device', 'gateway', 'network', 'inside-device', 'inside-address'] as const),
  ...(['masquerade', 'tunnel'] as const),
];

/** The director that the options describe. @throws {UsageError} where one is missing or of no use. */
export function directorOf(verb: string, values: DescriptionValues): Director {
  const { gateway, network, masquerade } = values;
  const mode = need(verb, 'mode', values.mode);
  const common = { device: need(verb, 'device', values.device), vips: needVips(verb, values), ...given({ gateway }) };
  if (mode === 'dr' || mode === 'tun') {
    refuse(verb, mode, values, ['network', 'inside-device', 'inside-address', 'masquerade', 'tunnel']);
    return { mode, ...common };
  }
  refuse(verb, 'nat', values, ['tunnel']);
  const inside = {
    network: need(verb, 'network', network),
    ...given({ device: values['inside-device'], address: values['inside-address'] }),
    ...(masquerade === true && { masquerade }),
  };
  return { mode: 'nat', ...common, inside };
}

/** The real server that the options describe. @throws {UsageError} where one is missing or of no use. */
export function realServerOf(verb: string, values: DescriptionValues): RealServer {
  const { mode, gateway, tunnel } = values;
  refuse(verb, 'a real server', values, ['device', 'network', 'inside-device', 'inside-address', 'masquerade']);
  switch (mode) {
    case 'nat':
      refuse(verb, mode, values, ['vip', 'tunnel']);
      return { mode, gateway: need(verb, 'gateway', gateway) };
    case 'dr':
      refuse(verb, mode, values, ['tunnel']);
      return { mode, vips: needVips(verb, values), ...given({ gateway }) };
    case 'tun':
      return {
        mode,
        vips: needVips(verb, values),
        ...given({ gateway }),
        ...((tunnel === 'ipip' || tunnel === 'gre') && { tunnel }),
      };
    default:
      throw missing(verb, 'mode');
  }
}

function need(verb: string, option: string, value: string | undefined): string {
  if (value === undefined) throw missing(verb, option);
  return value;
}

function needVips(verb: string, { vip = [] }: DescriptionValues): string[] {
  if (vip.length === 0) throw missing(verb, 'vip');
  return [...vip];
}

function missing(verb: string, option: string): UsageError {
  return new UsageError(`${verb}: --${option} is missing, or --file with the file of the desired state`);
}

function refuse(
  verb: string,
  what: string,
  values: DescriptionValues,
  options: readonly (keyof DescriptionValues)[],
): void {
  for (const option of options) {
    const value = values[option];
    if (value !== undefined && value !== false) throw new UsageError(`${verb}: --${option} does not go with ${what}`);
  }
}

/** Those that have a value. */
function given<T extends Readonly<Record<string, string | undefined>>>(values: T): { [Name in keyof T]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: string;
  };
}
