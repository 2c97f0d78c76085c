/**
 * The YAML of ipvsctl (github.com/aschmidt75/ipvsctl, doc/model.md and integration/model.go) -> desired state.
 * @module
 */

import type { DesiredState } from '../../config/desired-state.js';
import { type Path, pathText } from '../../config/path.js';
import { readYaml, type YamlText } from '../../config/yaml.js';
import type { ServiceKey } from '../../model/service-key.js';
import type { Place, Report } from './report.js';
import { type DestinationDraft, type Forward, Services } from './services.js';
import { decimal } from './values.js';

const METHODS: ReadonlyMap<unknown, Forward['forward']> = new Map([
  ['direct', 'dr'],
  ['tunnel', 'tun'],
  ['nat', 'nat'],
]);

type Fields = Readonly<Record<string, unknown>>;

/** Reads a whole file. */
export function importIpvsctl(text: string, report: Report): DesiredState {
  const yaml = readYaml(text);
  for (const { line, column, message } of yaml.problems) report.refuse({ line, column, key: '' }, message);
  if (yaml.value === undefined) return { services: [] };
  const reader = new Reader(yaml, report);
  const file = reader.fields([], yaml.value, ['defaults', 'services']);
  const defaults = reader.fields(['defaults'], file['defaults'] ?? {}, ['port', 'weight', 'sched', 'forward']);
  const services = new Services(report);
  for (const [index, entry] of reader.list(['services'], file['services']).entries()) {
    addService(['services', index], entry, defaults, reader, services);
  }
  return { services: services.list };
}

function addService(path: Path, entry: unknown, defaults: Fields, reader: Reader, services: Services): void {
  const fields = reader.fields(path, entry, ['address', 'sched', 'destinations']);
  const key = keyOf(reader.text([...path, 'address'], fields['address']), defaults);
  if (key === undefined)
    return reader.refuse([...path, 'address'], 'must be tcp://10.0.0.1:80, udp://..., sctp://..., fwmark:5');
  const scheduler = reader.text([...path, 'sched'], fields['sched'] ?? defaults['sched'] ?? 'rr');
  const destinations = reader.list([...path, 'destinations'], fields['destinations']).map((item, index) => {
    const at: Path = [...path, 'destinations', index];
    return { place: reader.place(at), draft: destinationOf(at, item, key, defaults, reader) };
  });
  services.add({ place: reader.place(path), draft: { key, scheduler } }, destinations);
}

function keyOf(text: string, defaults: Fields): ServiceKey | undefined {
  const mark = /^fwmark:(?:\/\/)?(\d+)$/.exec(text)?.[1];
  if (mark !== undefined) return { protocol: 'fwmark', mark: Number(mark) };
  const [, protocol, host = '', port] = /^(tcp|udp|sctp):\/\/([^:/\s]+)(?::(\d+))?\/?$/.exec(text) ?? [];
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return undefined;
  return { protocol, address: host, port: port === undefined ? numberOf(defaults['port'] ?? 0) : Number(port) };
}

/** ipvsctl's own defaults: forward direct, and weight 0, which takes no connections. */
function destinationOf(
  path: Path,
  item: unknown,
  service: ServiceKey,
  defaults: Fields,
  reader: Reader,
): DestinationDraft {
  const fields = reader.fields(path, item, ['address', 'weight', 'forward']);
  const [address = '', port] = reader.text([...path, 'address'], fields['address']).split(':');
  const forward = METHODS.get(fields['forward'] ?? defaults['forward'] ?? 'direct');
  if (forward === undefined) reader.refuse([...path, 'forward'], 'must be direct, tunnel or nat');
  const own = numberOf(fields['weight'] ?? 0);
  const weight = own === 0 ? numberOf(defaults['weight'] ?? 0) : own;
  if (weight === 0)
    reader.report.skip(reader.place(path), 'has no weight, and ipvsctl makes that 0: no new connections');
  return { address, port: destinationPort(port, service, defaults), forward: forward ?? 'dr', weight };
}

/** Undefined: the service's. A default port is meant for those that rewrite it. */
function destinationPort(own: string | undefined, service: ServiceKey, defaults: Fields): number | undefined {
  if (own !== undefined) return decimal(own);
  return service.protocol === 'fwmark' || defaults['port'] === undefined ? undefined : numberOf(defaults['port']);
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** Looks at values of any type, and finds the mistakes in them by path. */
class Reader {
  readonly report: Report;
  readonly #yaml: YamlText;

  constructor(yaml: YamlText, report: Report) {
    this.#yaml = yaml;
    this.report = report;
  }

  place(path: Path): Place {
    return { ...this.#yaml.positionOf(path, false), key: pathText(path) };
  }

  refuse(path: Path, message: string): void {
    this.report.refuse(this.place(path), message);
  }

  fields(path: Path, value: unknown, known: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.refuse(path, `must be an object of ${known.join(', ')}`);
      return {};
    }
    for (const name of Object.keys(value)) {
      // yaml.Unmarshal of Go leaves them out.
      if (!known.includes(name)) {
        this.report.passOver(
          this.place([...path, name]),
          `ipvsctl does not know this key; there are ${known.join(', ')}`,
        );
      }
    }
    return Object.fromEntries(Object.entries(value));
  }

  list(path: Path, value: unknown): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.refuse(path, 'must be a list');
    return [];
  }

  /** ipvsctl fills in parameters when it runs; here there is nothing to fill them with. */
  text(path: Path, value: unknown): string {
    if (typeof value !== 'string') this.refuse(path, 'must be text');
    else if (/\$\{/.test(value))
      this.refuse(path, `the parameter in "${value}" is not filled in: write what it stands for`);
    return typeof value === 'string' ? value : '';
  }
}
