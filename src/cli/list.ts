/**
 * `ipvs-ts list`.
 * @module
 */
import { Ipvs } from '../ipvs.js';
import { formatListing } from '../ipvsadm/listing.js';
import { tableJson } from '../json/table.js';
import type { Parsed } from './parse-verb.js';
import type { Streams } from './streams.js';

/** Shows services and real servers, as JSON or as `ipvsadm -Ln` does; without rights as much as /proc tells. */
export async function list(values: Parsed<'list'>['values'], { stdout, stderr }: Streams): Promise<void> {
  await using ipvs = await Ipvs.open({ netns: values.netns });
  const table = await ipvs.snapshot();
  if (values.json) {
    stdout.write(tableJson(table));
    return;
  }
  if (ipvs.fallbackReason !== undefined) stderr.write(`ipvs-ts: read from /proc: ${ipvs.fallbackReason.message}\n`);
  const info = await ipvs.info();
  stdout.write(formatListing(table.services, { numeric: true, exact: false, sort: true }, { info }));
}
