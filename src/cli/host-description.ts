/**
 * What a host is to be, as the options of a verb or the file of the desired state say it.
 * @module
 */
import { type Director, type NormalDirector, parseDirector } from '../model/director.js';
import { type NormalRealServer, parseRealServer, REAL_SERVER_TUNNELS, type RealServer } from '../model/real-server.js';
import type { VerbContext } from './context.js';
import { readState } from './input.js';
import { UsageError } from './usage-error.js';

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
  readonly port?: number | undefined;
  readonly checksum?: boolean | undefined;
  readonly local?: readonly string[] | undefined;
}

/** The director that the options or the file describe. Throws {@link UsageError}, `ConfigError`, `InvalidArgumentError`. */
export async function describeDirector(
  values: DescriptionValues,
  context: Pick<VerbContext, 'streams' | 'env'>,
): Promise<NormalDirector> {
  if (values.file === undefined) return parseDirector(directorOf(values));
  refuse('--file', values, DESCRIBING);
  const { director } = await readState(values.file, context);
  if (director === undefined) throw new UsageError(`${values.file} has no section "director"`);
  return director;
}

/** As {@link describeDirector}, for a real server. */
export async function describeRealServer(
  values: DescriptionValues,
  context: Pick<VerbContext, 'streams' | 'env'>,
): Promise<NormalRealServer> {
  if (values.file === undefined) return parseRealServer(realServerOf(values));
  refuse('--file', values, DESCRIBING);
  const { realServer } = await readState(values.file, context);
  if (realServer === undefined) throw new UsageError(`${values.file} has no section "realServer"`);
  return realServer;
}

const DESCRIBING = [
  ...(['mode', 'vip', 'device', 'gateway', 'network', 'inside-device', 'inside-address'] as const),
  ...(['masquerade', 'tunnel', 'port', 'checksum', 'local'] as const),
];

/** What only a real server for tunnels has. */
const TUNNEL = ['tunnel', 'port', 'checksum', 'local'] as const;

/** The director that the options describe. @throws {UsageError} where one is missing or of no use. */
export function directorOf(values: DescriptionValues): Director {
  const { gateway, network, masquerade } = values;
  const mode = need('mode', values.mode);
  const common = { device: need('device', values.device), vips: needVips(values), ...given({ gateway }) };
  if (mode === 'dr' || mode === 'tun') {
    refuse(mode, values, ['network', 'inside-device', 'inside-address', 'masquerade', ...TUNNEL]);
    return { mode, ...common };
  }
  refuse('nat', values, TUNNEL);
  const inside = {
    network: need('network', network),
    ...given({ device: values['inside-device'], address: values['inside-address'] }),
    ...(masquerade === true && { masquerade }),
  };
  return { mode: 'nat', ...common, inside };
}

/** The real server that the options describe. @throws {UsageError} where one is missing or of no use. */
export function realServerOf(values: DescriptionValues): RealServer {
  const { mode, gateway, port, checksum, local = [] } = values;
  const tunnel = REAL_SERVER_TUNNELS.find((known) => known === values.tunnel);
  refuse('a real server', values, ['device', 'network', 'inside-device', 'inside-address', 'masquerade']);
  switch (mode) {
    case 'nat':
      refuse(mode, values, ['vip', ...TUNNEL]);
      return { mode, gateway: need('gateway', gateway) };
    case 'dr':
      refuse(mode, values, TUNNEL);
      return { mode, vips: needVips(values), ...given({ gateway }) };
    case 'tun':
      return {
        mode,
        vips: needVips(values),
        ...given({ gateway }),
        ...given({ tunnel, port }),
        ...(checksum === true && { checksum }),
        ...(local.length > 0 && { local: [...local] }),
      };
    default:
      throw missing('mode');
  }
}

function need(option: string, value: string | undefined): string {
  if (value === undefined) throw missing(option);
  return value;
}

function needVips({ vip = [] }: DescriptionValues): string[] {
  if (vip.length === 0) throw missing('vip');
  return [...vip];
}

function missing(option: string): UsageError {
  return new UsageError(`--${option} is missing, or --file with the file of the desired state`);
}

function refuse(what: string, values: DescriptionValues, options: readonly (keyof DescriptionValues)[]): void {
  for (const option of options) {
    const value = values[option];
    if (isGiven(value)) throw new UsageError(`--${option} does not go with ${what}`);
  }
}

/** Whether an option of a host's description is there. */
export function isDescribed(values: DescriptionValues): boolean {
  return (['file', ...DESCRIBING] as const).some((option) => isGiven(values[option]));
}

/** Options that are not there are absent, off, or an empty list. */
function isGiven(value: DescriptionValues[keyof DescriptionValues]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

/** Those that have a value. */
function given<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
