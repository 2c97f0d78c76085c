/**
 * The chart of `ipvs-ts simulate`, drawn by ECharts, which needs no browser for it. It is large and not needed by anything else:
 * whoever wants a chart installs it.
 * @module
 */
import { createRequire } from 'node:module';
import type { WhatIf } from '../simulator/index.js';
import { UsageError } from './usage-error.js';

/** What is used of ECharts 6. */
interface ECharts {
  init(
    element: null,
    theme: null,
    options: object,
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}

const WIDTH = 900;
/** Of a scheduler's bars, and of what is around them. */
const ROW_HEIGHT = 18;
const MARGIN = 130;

/** An SVG: for each scheduler a bar for each real server. @throws {UsageError} where ECharts is not installed. */
export function drawChart(results: readonly WhatIf[]): string {
  const rows = results.reduce((sum, { servers }) => sum + servers.length, 0);
  const drawing = load().init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: WIDTH,
    height: MARGIN + rows * ROW_HEIGHT,
  });
  try {
    drawing.setOption(chartOption(results));
    return `${drawing.renderToSVGString()}\n`;
  } finally {
    drawing.dispose();
  }
}

/** The options for ECharts. */
export function chartOption(results: readonly WhatIf[]): object {
  const names = [...new Set(results.flatMap(({ servers }) => servers.map(({ address }) => address)))];
  return {
    animation: false,
    title: { text: 'Connections by real server' },
    legend: { top: 40, itemGap: 24 },
    grid: { left: 70, right: 30, top: 84, bottom: 40 },
    xAxis: { type: 'value' },
    yAxis: { type: 'category', data: results.map(({ scheduler }) => scheduler), inverse: true },
    series: names.map((name) => ({
      name,
      type: 'bar',
      data: results.map(({ servers }) =>
        servers.reduce((sum, { address, connections }) => (address === name ? sum + connections : sum), 0),
      ),
    })),
  };
}

function load(): ECharts {
  try {
    return createRequire(import.meta.url)('echarts') as ECharts;
  } catch {
    throw new UsageError('--chart needs the package echarts: npm install echarts');
  }
}
