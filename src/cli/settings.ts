/**
 * `ipvs-ts settings`.
 * @module
 */
import { Ipvs } from '../ipvs.js';
import { formatDaemons, formatTimeouts } from '../ipvsadm/settings-listing.js';
import { settingsJson } from '../json/table.js';
import type { Parsed } from './parse-verb.js';
import type { Streams } from './streams.js';

/** Shows timeouts and sync daemons, as JSON or as `ipvsadm -L --timeout` and `ipvsadm -L --daemon` do. */
export async function settings(values: Parsed<'settings'>['values'], { stdout }: Streams): Promise<void> {
  await using ipvs = await Ipvs.open({ netns: values.netns, source: 'netlink' });
  const [timeouts, daemons] = [await ipvs.timeouts(), await ipvs.daemons()];
  stdout.write(values.json ? settingsJson({ timeouts, daemons }) : formatTimeouts(timeouts) + formatDaemons(daemons));
}
