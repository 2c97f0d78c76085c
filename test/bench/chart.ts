/**
 * The results as a picture: how many times as fast as ipvsadm, as bars from where ipvsadm is.
 */

import { number } from './figures.js';
import type { Results, Row } from './results.js';
import { ratio } from './statistics.js';

const WIDTH = 800;
const LEFT = 230;
const RIGHT = 60;
const TOP = 58;
const BAR = 9;
const ROW = 30;

/** The two sides that have bars, below each other. */
const BARS = [
  { side: 'sdk', label: 'SDK' },
  { side: 'bound', label: 'C, which only sends and receives' },
] as const;

/** For both backgrounds; the bars' own colours stand out on either. */
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .figure, .axis { font-size: 11px; fill: #57606a }
  .sdk { fill: #2f7ed8 }
  .bound { fill: #b0892f }
  .grid { stroke: #8886 }
  .one { stroke: #888 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .figure, .axis { fill: #9da7b3 }
  }`;

/** An SVG document. The scale is logarithmic: what is slower goes to the left. */
export function chart({ rows }: Results): string {
  const shown = rows.filter((row) => row.samples['ipvsadm'] !== undefined && row.unit !== 'MiB');
  const ratios = shown.flatMap((row) => BARS.map(({ side }) => ratio(row, 'ipvsadm', side)?.median ?? 1));
  const [first, last] = [
    Math.floor(Math.log10(Math.min(...ratios, 1))),
    Math.ceil(Math.log10(Math.max(...ratios, 10))),
  ];
  const x = (value: number) => round(LEFT + ((Math.log10(value) - first) / (last - first)) * (WIDTH - LEFT - RIGHT));
  const height = TOP + shown.length * ROW + 12;
  const ticks = Array.from({ length: last - first + 1 }, (_, n) => 10 ** (first + n));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    '<title>How many times as fast as ipvsadm</title>',
    `<style>${STYLE}\n</style>`,
    ...legend(),
    ...ticks.flatMap((value) => tick(value, x(value), height)),
    ...shown.flatMap((row, index) => bars(row, TOP + index * ROW, x)),
    '</svg>',
    '',
  ].join('\n');
}

function legend(): string[] {
  return BARS.flatMap(({ side, label }, index) => {
    const left = LEFT + index * 60;
    return [
      `<rect class="${side}" x="${left}" y="10" width="${BAR}" height="${BAR}"/>`,
      `<text x="${left + BAR + 5}" y="19">${label}</text>`,
    ];
  });
}

function tick(value: number, x: number, height: number): string[] {
  const label = value === 1 ? 'ipvsadm' : `${number(value)} x`;
  return [
    `<line class="${value === 1 ? 'one' : 'grid'}" x1="${x}" y1="${TOP - 8}" x2="${x}" y2="${height - 8}"/>`,
    `<text class="axis" x="${x}" y="${TOP - 14}" text-anchor="middle">${label}</text>`,
  ];
}

function bars(row: Row, top: number, x: (value: number) => number): string[] {
  const drawn = BARS.flatMap(({ side }, index) => {
    const value = ratio(row, 'ipvsadm', side)?.median;
    if (value === undefined) return [];
    const [from, to] = [Math.min(x(1), x(value)), Math.max(x(1), x(value))];
    const y = top + index * (BAR + 2);
    return [
      `<rect class="${side}" x="${from}" y="${y}" width="${round(to - from)}" height="${BAR}"/>`,
      `<text class="figure" x="${round(to + 4)}" y="${y + BAR}">${number(value)}</text>`,
    ];
  });
  return [`<text x="${LEFT - 12}" y="${top + BAR + 5}" text-anchor="end">${row.name}</text>`, ...drawn];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
