/** The real Prometheus and its promtool read what this library writes. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { METRICS_FORMATS } from '../../src/metrics/index.js';
import { KEY, useDaemon, yaml } from '../unit/daemon/fixture.js';

const RULES = fileURLToPath(new URL('../../examples/prometheus/ipvs-ts.rules.yml', import.meta.url));

const held = useDaemon();
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-prometheus-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function promtool(words: readonly string[], input = ''): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', words, { encoding: 'utf8', input });
  return { status, output: stdout + stderr };
}

describe('promtool', () => {
  test('finds nothing wrong with the alert rules', () => {
    expect(promtool(['check', 'rules', RULES])).toMatchObject({ status: 0 });
  });

  test('finds nothing wrong with the metrics', async () => {
    const { daemon } = held;
    daemon.write(yaml('10.0.0.1', '10.0.0.2'));
    await daemon.start();
    const { text } = await daemon.ask('GET', '/metrics');
    expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
  });
});

test.each(METRICS_FORMATS)('Prometheus scrapes the daemon: %s', { timeout: 60_000 }, async (format) => {
  const { daemon } = held;
  daemon.write(yaml('{ address: 10.0.0.1, weight: 7 }', '10.0.0.2'));
  await daemon.start();
  const proxy = proxyTo(daemon.socket, format);
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const port = await freePort();
  const config = join(directory, 'prometheus.yml');
  writeFileSync(config, scraping((proxy.address() as AddressInfo).port));
  const words = [`--config.file=${config}`, `--storage.tsdb.path=${join(directory, 'data')}`];
  const prometheus = spawn('prometheus', [...words, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  try {
    const value = async (query: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`);
      const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
      return data.result.map((one) => one.value[1]);
    };
    await vi.waitFor(async () => expect(await value('up')).toEqual(['1']), { timeout: 50_000, interval: 200 });
    expect(await value(`ipvs_destination_weight{service="${KEY}",destination="10.0.0.1:80"}`)).toEqual(['7']);
    expect(await value('ipvs_reconcile_applied_total')).toEqual(['1']);
  } finally {
    const exit = once(prometheus, 'exit');
    prometheus.kill('SIGKILL');
    await exit;
    proxy.close();
    proxy.closeAllConnections();
  }
});

/** Prometheus speaks TCP alone. It asks for OpenMetrics by itself; what asks for nothing gets the older text. */
function proxyTo(socketPath: string, format: (typeof METRICS_FORMATS)[number]): Server {
  return createServer((asked, response) => {
    const accept = format === 'openmetrics' ? asked.headers.accept : undefined;
    const headers = accept === undefined ? {} : { accept };
    request({ socketPath, path: '/metrics', headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    }).end();
  });
}

function scraping(port: number): string {
  return `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: ipvs
    static_configs: [{ targets: ['127.0.0.1:${port}'] }]
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
