/** The page of metrics, the alert rules and the dashboard: they name what the writer can write. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRIC_FAMILIES } from '../../../src/metrics/index.js';
import { checkoutRoot } from '../../lab/checkout.js';

const BACKEND = ['local_address', 'local_mark', 'local_port', 'proto', 'remote_address', 'remote_port'];
const FAMILIES = [...METRIC_FAMILIES.ipvs, ...METRIC_FAMILIES.node_exporter];

function read(path: string): string {
  return readFileSync(join(checkoutRoot, path), 'utf8');
}

/** What a query selects that no metric has: names, and labels in braces. */
function unknownIn(query: string): string[] {
  const names = query.match(/\b(?:node_)?ipvs_\w+/g) ?? [];
  const unknown = names.filter((name) => FAMILIES.every((family) => family.name !== name));
  const selectors = [...query.matchAll(/\b((?:node_)?ipvs_\w+)\{([^}]*)\}/g)];
  const labels = selectors.flatMap(([, name, matchers = '']) => {
    const known = FAMILIES.find((family) => family.name === name)?.labels ?? [];
    const used = [...matchers.matchAll(/(\w+)\s*(?:=|!=|=~|!~)"/g)].map(([, label = '']) => label);
    return used.filter((label) => label !== 'instance' && !known.includes(label)).map((label) => `${name}{${label}}`);
  });
  return [...unknown, ...labels];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[];
  };
  readonly panels: readonly {
    readonly id: number;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string }[];
  }[];
}

test('docs/metrics.md lists every metric as it is, and no other', () => {
  const rows = read('docs/metrics.md').match(/^\| `(?:node_)?ipvs_.*$/gm);
  const expected = FAMILIES.map(({ name, type, labels, help }) => {
    const shown = labels.join() === BACKEND.join() ? 'see below' : labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
  });
  expect(rows).toEqual(expected);
});

test('the alert rules are of metrics that are written', () => {
  const { groups } = parse(read('examples/prometheus/ipvs-ts.rules.yml')) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  expect(rules.length).toBeGreaterThan(10);
  for (const rule of rules) {
    expect(rule).toEqual({
      alert: expect.stringMatching(/^Ipvs[A-Za-z]+$/),
      expr: expect.stringContaining('ipvs_'),
      for: expect.stringMatching(/^\d+m$/),
      labels: { severity: expect.stringMatching(/^(warning|critical)$/) },
      annotations: { summary: expect.any(String) },
    });
    expect(unknownIn(rule.expr), rule.alert).toEqual([]);
  }
});

test('the dashboard shows metrics that are written, in panels that do not overlap', () => {
  const { panels, templating }: Dashboard = JSON.parse(read('examples/grafana/ipvs-ts.json'));
  const queries = [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query)),
  ];
  expect(queries.length).toBeGreaterThan(15);
  expect(queries.flatMap(unknownIn)).toEqual([]);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, place) => `${x + (place % w)},${y + Math.floor(place / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

test('a name and a label that no metric has are found', () => {
  expect(unknownIn('rate(ipvs_nothing_total[5m]) > ipvs_services{service="x"}')).toEqual([
    'ipvs_nothing_total',
    'ipvs_services{service}',
  ]);
});
