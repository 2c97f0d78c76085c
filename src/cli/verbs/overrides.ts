/** @module */
import type { DaemonOverrides, RemoteDirector } from '../../client/remote-director.js';
import { prettyJson } from '../../json/pretty.js';
import { API, JSON_OUTPUT, NETNS } from '../common-options.js';
import { keeperText, overrideLine } from '../override-text.js';
import { openDirector, refuseWith } from '../remote.js';
import { CHANGING } from '../sources.js';
import type { Output } from '../streams.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts overrides` */
export const overrides = defineVerb({
  name: 'overrides',
  group: 'Table',
  operands: {
    action: {
      placeholder: 'ACTION',
      choices: ['list', 'clear'],
      fallback: 'list',
      help: 'list them, or end all of them',
    },
  },
  options: { json: JSON_OUTPUT, api: API, netns: NETNS },
  help: 'list drains and weights that operators set',
  details:
    'An override comes before what the state file says of a real server. "clear" ends all of them, drains that are under way ' +
    'too, and gives the weights back; "weight SERVICE SERVER --reset" ends those of one server. The programs that keep the ' +
    'table are listed as well.',

  async run({ values: { json, api, netns }, operands: { action } }, context) {
    const { open, streams } = context;
    const { stdout } = streams;
    const { giveBack, keepersOf, readOverrides, stateDirectory } = await import('../../reconcile/index.js');
    if (action === 'clear' && json) throw new UsageError('--json goes with list');
    if (api !== undefined) {
      refuseWith('--api', { netns });
      await using director = await openDirector(api, context);
      const there = await director.overrides();
      if (action !== 'clear') stdout.write(json ? prettyJson(there) : textOf(there));
      else await clearAt(director, there, stdout);
      return 0;
    }
    const directory = stateDirectory({ netns });
    if (action === 'clear') {
      await using ipvs = await open({ netns, source: CHANGING });
      for (const { override } of await giveBack(ipvs, { directory }))
        stdout.write(`${overrideLine(override)}: ended\n`);
      return 0;
    }
    const listed = { keepers: keepersOf(directory), overrides: readOverrides(directory) };
    stdout.write(json ? prettyJson(listed) : textOf(listed));
    return 0;
  },
});

function textOf({ keepers, overrides: listed }: DaemonOverrides): string {
  const lines = [...keepers.map((keeper) => `kept by ${keeperText(keeper)}`), ...listed.map(overrideLine)];
  return lines.map((line) => `${line}\n`).join('');
}

async function clearAt(
  director: RemoteDirector,
  { overrides: listed }: DaemonOverrides,
  stdout: Output,
): Promise<void> {
  for (const { kind, service, destination } of listed) {
    const ended = await director.endOverride(kind, service, destination);
    if (ended !== undefined) stdout.write(`${overrideLine(ended.override)}: ended\n`);
  }
}
