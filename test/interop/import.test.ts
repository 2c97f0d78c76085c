import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { parseStateText } from '../../src/config/read.js';
import { formatStateFile } from '../../src/config/write.js';
import { type ImportFormat, importConfig } from '../../src/formats/import-config.js';
import { Ipvs } from '../../src/index.js';
import { reconcile } from '../../src/reconcile/apply.js';
import { type Host, Lan } from '../lab/network.js';

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../golden/import/${name}`, import.meta.url));
}

/** What a host's table is, as ipvsadm tells it, with what `-S` leaves out. */
async function tableOf(host: Host): Promise<string> {
  return (await host.run('ipvsadm', '-Sn')) + (await host.run('ipvsadm', '-Ln', '--thresholds'));
}

test('keepalived.conf: the import gives the table that keepalived programs', { timeout: 180_000 }, async () => {
  await using lan = await Lan.create();
  const theirs = await lan.host('keepalived', '10.0.0.2/16', '2001:db8::2/64');
  const ours = await lan.host('director', '10.0.0.3/16', '2001:db8::3/64');
  const file = pathOf('keepalived.conf');
  // Only the checkers; without VRRP it touches nothing but IPVS.
  const pids = '-p /run/keepalived.pid -c /run/checkers.pid';
  const command = `exec keepalived --dont-fork --log-console --check ${pids} -f '${file}' 2>&1`;
  let log = '';
  theirs.spawn('sh', '-c', command).stdout?.on('data', (piece) => {
    log += String(piece);
  });
  // Said of a virtual server once it is programmed with its real servers, and of this one last.
  await vi.waitFor(() => expect(log).toMatch(/Gained quorum .* for VS \[six addresses\]/), { timeout: 30_000 });
  const expected = await tableOf(theirs);

  const { state } = importConfig(readFileSync(file, 'utf8'), { format: 'keepalived' });
  await using ipvs = await Ipvs.open({ netns: ours.namespacePath });
  await reconcile(ipvs, parseStateText(formatStateFile(state)));

  expect(await tableOf(ours)).toBe(expected);
  const timeouts = await ours.run('ipvsadm', '-L', '--timeout');
  expect(timeouts).toContain('1200');
  expect(timeouts).toBe(await theirs.run('ipvsadm', '-L', '--timeout'));
});

const names = { host: () => undefined, port: (name: string) => (name === 'domain' ? 53 : undefined) };

/** What each program tells ipvsadm, written down by hand from its manual and source, stands beside its file. */
test.each<[file: string, format: ImportFormat]>([
  ['lvs.cf', 'lvs.cf'],
  ['ldirectord.cf', 'ldirectord'],
  ['ipvsctl.yaml', 'ipvsctl'],
  ['ipvsadm.rules', 'rules'],
])('%s: the import gives the table that the rules give', async (file, format) => {
  await using lan = await Lan.create();
  const theirs = await lan.bareHost('theirs');
  const ours = await lan.bareHost('ours');
  await theirs.run('ipvsadm', '-Ln');
  await theirs.run('sh', '-c', `grep -v ^--set '${pathOf(`${file}.rules`)}' | ipvsadm -R`);
  const timeouts = /^--set (.*)$/m.exec(readFileSync(pathOf(`${file}.rules`), 'utf8'))?.[1];
  if (timeouts !== undefined) await theirs.run('ipvsadm', '--set', ...timeouts.split(' '));

  const { state } = importConfig(readFileSync(pathOf(file), 'utf8'), { format, names });
  await using ipvs = await Ipvs.open({ netns: ours.namespacePath });
  const { daemons: _, ...table } = parseStateText(formatStateFile(state));
  await reconcile(ipvs, table);

  expect(await tableOf(ours)).toContain('-A ');
  expect(await tableOf(ours)).toBe(await tableOf(theirs));
  expect(await ours.run('ipvsadm', '-L', '--timeout')).toBe(await theirs.run('ipvsadm', '-L', '--timeout'));
});
