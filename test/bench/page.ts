/**
 * The results as a page of the docs.
 */

import { number, sideName, spread, targetWords } from './figures.js';
import { SIDES } from './report.js';
import type { Circumstances, Results, Row } from './results.js';
import { figure, type Ratio, ratio, type Verdict, verdicts } from './statistics.js';

/** Markdown for docs/performance.md, which lies beside the chart. Nothing in it is written by hand; profile.md is. */
export function page({ circumstances, rows }: Results): string {
  return `${[
    '# Performance',
    `<!-- Written by \`npm run bench -- --docs\` from performance.json. -->`,
    'No absolute time is promised: only ratios say something about another machine, and they too only where the kernel is ' +
      'as fast as here, compared to user space. What was measured:',
    where(circumstances),
    '![How many times as fast as ipvsadm](performance.svg)',
    '## Ratios',
    '`ipvsadm / SDK` says how many times as fast as ipvsadm the SDK is; `SDK / C` how many times as long as the C program ' +
      'it takes. Each is the median of the ratios of all rounds, with the least and the most in brackets: all sides take ' +
      'their turn in every round. The C program ([bound.c](../test/bench/bound.c)) is a bound, no rival: it sends messages ' +
      'that were made before and throws away what comes back. It parses, checks and keeps nothing.',
    table(
      ['', 'ipvsadm / SDK', 'SDK / C'],
      rows
        .filter(({ unit }) => unit !== 'MiB')
        .filter((row) => ratio(row, 'ipvsadm', 'sdk') ?? ratio(row, 'sdk', 'bound'))
        .map((row) => [row.name, ratioCell(ratio(row, 'ipvsadm', 'sdk')), ratioCell(ratio(row, 'sdk', 'bound'))]),
    ),
    '## Targets',
    'What this library was to reach, and what came of it. What stands in the way of the rest, and what each change has ' +
      'bought: [where the time goes](profile.md).',
    table(['', 'target', 'met'], verdicts(rows).map(verdictCells)),
    '## Figures',
    `Medians of the rounds. They hold for this machine alone.`,
    table(['', 'unit', 'rounds', ...SIDES.map(sideName), 'others'], rows.map(figureCells)),
    '## What the rows mean',
    rows.map(({ name, what }) => `- **${name}**: ${what}`).join('\n'),
    "## Where the kernel's own cost grows",
    growth(rows),
  ].join('\n\n')}\n`;
}

function where(circumstances: Circumstances): string {
  const { processor, processors, kernel, node, ipvsadm, connectionTableSize, command, date } = circumstances;
  return table(
    ['', ''],
    [
      ['Machine', `${processor}, ${processors} processors, of which the lab uses one`],
      [
        'Kernel',
        `Linux ${kernel}, user-mode (test/lab); connection table of ${connectionTableSize.toLocaleString('en-US')} rows`,
      ],
      ['Node', node],
      ['ipvsadm', ipvsadm],
      ['Command', `\`${command}\``],
      ['Date', date],
    ],
  );
}

function ratioCell(value: Ratio | undefined): string {
  return value === undefined ? '' : spread(value);
}

function verdictCells(verdict: Verdict): string[] {
  return [verdict.row.name, targetWords(verdict), verdict.met ? 'yes' : 'no'];
}

function figureCells(row: Row): string[] {
  const others = Object.keys(row.samples).filter((side) => !SIDES.includes(side));
  const first = SIDES.map((side) => row.samples[side]?.[0]).filter((value) => value !== undefined);
  return [
    row.name,
    row.unit,
    String(Math.max(...Object.values(row.samples).map(({ length }) => length))),
    ...SIDES.map((side) => figureCell(row, side)),
    [
      ...others.map((side) => `${side}: ${figureCell(row, side)}`),
      ...(row.cold ? [`first round: ${first.map(number).join(', ')}`] : []),
    ].join('; '),
  ];
}

function figureCell(row: Row, side: string): string {
  const value = figure(row, side);
  return value === undefined ? '' : number(value);
}

/** Where a list of the kernel is walked, and what that shows in. */
function growth(rows: readonly Row[]): string {
  const told = (side: string, unit: string, divided: boolean, ...names: string[]) =>
    names
      .flatMap((name) => {
        const row = rows.find((other) => other.name === name);
        const value = row && figure(row, side);
        if (value === undefined) return [];
        const count = Number(/[\d,]+/.exec(name)?.[0].replaceAll(',', '') ?? 1);
        return [`${number(divided ? (1000 * value) / count : value)} ${unit} (${name})`];
      })
      .join(', ');
  const restores = ['restore 10,000', 'restore 100,000'];
  const connections = ['connections 1,000, command', 'connections 100,000, command', 'connections 500,000, command'];
  return [
    '- Services are found by a hash of 256 rows (IP_VS_SVC_TAB_SIZE in ip_vs_ctl.c), and every command looks for its ' +
      'service: with 9,091 services a row has 35. The C program, whose own work does not grow, needs for each command ' +
      `${told('bound', 'us', false, ...restores)}. The SDK and V8 use, of the processor's time in user space, ` +
      `${told('sdk', 'us', false, ...restores.map((name) => `${name}, user CPU`))}.`,
    '- The real servers of a service are a list, which is walked for each that is added (ip_vs_lookup_dest).',
    '- Deleted real servers are kept for two minutes in one list, which is walked for each that is added ' +
      '(ip_vs_trash_get_dest). Therefore every restore here has a network namespace of its own.',
    '- The connection table is read page by page, and for each page the kernel counts from the start of the table again, ' +
      'empty rows included (ip_vs_conn_seq_start in ip_vs_conn.c). The C program needs for each connection ' +
      `${told('bound', 'us', true, ...connections)}. Nobody who reads that file can do anything about it.`,
  ].join('\n');
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
