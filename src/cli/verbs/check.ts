/** @module */
import type { DesiredState } from '../../config/desired-state.js';
import type { CheckResult } from '../../health/index.js';
import { prettyJson } from '../../json/pretty.js';
import { JSON_OUTPUT, STATE_FILE } from '../common-options.js';
import { healthLine } from '../health-text.js';
import { readState } from '../input.js';
import { Interrupt } from '../interrupt.js';
import { progress } from '../progress.js';
import type { Streams } from '../streams.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts check` */
export const check = defineVerb({
  name: 'check',
  group: 'State',
  operands: { file: STATE_FILE },
  options: {
    watch: { help: 'go on, and write what changes' },
    json: JSON_OUTPUT,
  },
  help: 'run the health checks of a state file once',
  details:
    'It needs no rights and changes no table: "keep" acts upon checks. They run in the network namespace of this program. With ' +
    '--watch it goes on until Ctrl-C, as "keep" would see it.',
  exitCodes: [
    { code: 0, help: 'all checks passed' },
    { code: 1, help: 'a check failed, or could not be made' },
    { code: 2, help: 'usage error, or the file has no checks' },
  ],

  async run({ values: { watch, json }, operands: { file } }, context) {
    const { streams } = context;
    const state = await readState(file, context);
    if (state.health === undefined) throw new UsageError(`${file}: has no checks; a service has them under "checks"`);
    using interrupt = new Interrupt();
    if (watch) {
      await follow(state, interrupt.signal, streams.stdout, json);
      return 0;
    }
    const { checkOnce } = await import('../../health/index.js');
    using line = progress('check', streams.stderr);
    const results = await checkOnce(state, {
      signal: interrupt.signal,
      onProgress: ({ done, total }) => line.update(done, total),
    });
    streams.stdout.write(json ? prettyJson(results) : tableText(results));
    return results.every(({ result }) => result === 'passed') ? 0 : 1;
  },
});

async function follow(
  state: DesiredState,
  signal: AbortSignal,
  stdout: Streams['stdout'],
  json: boolean,
): Promise<void> {
  const { HealthMonitor } = await import('../../health/index.js');
  const write = (value: object, text: string) => {
    const time = new Date().toISOString();
    stdout.write(json ? `${JSON.stringify({ time, ...value })}\n` : `${time} ${text}\n`);
  };
  const stay = setInterval(() => undefined, 3_600_000);
  using monitor = new HealthMonitor({ onEvent: (event) => write(event, healthLine(event)) });
  try {
    await monitor.follow(state, signal);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    clearInterval(stay);
  }
}

/** The columns are as wide as what stands in them. */
function tableText(results: readonly CheckResult[]): string {
  const rows = [
    ['SERVER', 'CHECK', 'RESULT', 'TIME', 'REASON'],
    ...results.map(({ server, target, check: type, result, took, reason }) => [
      server,
      target === server ? type : `${type} ${target}`,
      result,
      `${took} ms`,
      reason,
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`).join('');
}
