/**
 * Saves the table as `ipvsadm -Sn` does, and restores rules: what is wrong with a line, and what the kernel refuses.
 *
 * It replaces the whole table, so it runs only where that is empty. The network namespace may be given.
 *
 *     sudo ip netns add scratch && sudo ip -n scratch link set lo up
 *     sudo node .build/examples/save-restore.js scratch
 *
 * @module
 */
import { RestoreError, RulesError } from 'ipvs-ts';
import { openIpvs } from './shared/open.js';

const rules = `# two web servers, and a name server
-A -t 192.0.2.10:80 -s wrr
-a -t 192.0.2.10:80 -r 198.51.100.1:80 -g -w 2
-a -t 192.0.2.10:80 -r 198.51.100.2:80 -g -w 1
-A -u 192.0.2.10:53 -s rr -o
`;

const [netns] = process.argv.slice(2);
await using ipvs = await openIpvs({ netns });

if ((await ipvs.listServices()).length > 0) {
  console.error('There are services here, which this example would replace. Please give an empty network namespace.');
  process.exitCode = 1;
} else {
  try {
    await restore('good rules', rules);
    console.log(await ipvs.save());
    // The text is read first. A line that makes no sense means that nothing is done at all.
    await restore('a misspelt rule', '-A -t 192.0.2.11:80\n-A -t 192.0.2.12:80 -s rr -w 5\n');
    // What the kernel refuses does not stop the other lines.
    await restore('a service that is there', '-A -u 192.0.2.10:53 -s rr\n-A -t 192.0.2.13:80 -s rr\n');
    // Like ipvsadm-restore: first empty the table.
    await restore('the good rules instead', rules, true);
    console.log(`${(await ipvs.listServices()).length} services are there now`);
  } finally {
    await ipvs.flush();
  }
}

async function restore(what: string, text: string, replace = false): Promise<void> {
  try {
    console.log(`${what}: ${await ipvs.restore(text, { replace })} commands carried out`);
  } catch (error) {
    if (error instanceof RulesError) {
      console.log(`${what}: nothing done, line ${error.line} is wrong: ${error.reason}`);
    } else if (error instanceof RestoreError) {
      console.log(`${what}: ${error.applied} commands carried out`);
      for (const { line, error: refusal } of error.failures) console.log(`  line ${line}: ${refusal.message}`);
    } else {
      throw error;
    }
  }
}
