/** @module */
import { prettyJson } from '../../json/pretty.js';
import { JSON_OUTPUT, NETNS } from '../common-options.js';
import { keeperText, overrideLine } from '../override-text.js';
import { CHANGING } from '../sources.js';
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
  options: { json: JSON_OUTPUT, netns: NETNS },
  help: 'list drains and weights that operators set',
  details:
    'An override comes before what the state file says of a real server. "clear" ends all of them, drains that are under way ' +
    'too, and gives the weights back; "weight SERVICE SERVER --reset" ends those of one server. The programs that keep the ' +
    'table are listed as well.',

  async run({ values: { json, netns }, operands: { action } }, { streams: { stdout }, open }) {
    const { giveBack, keepersOf, readOverrides, stateDirectory } = await import('../../reconcile/index.js');
    const directory = stateDirectory({ netns });
    if (action === 'clear') {
      if (json) throw new UsageError('--json goes with list');
      await using ipvs = await open({ netns, source: CHANGING });
      for (const { override } of await giveBack(ipvs, { directory }))
        stdout.write(`${overrideLine(override)}: ended\n`);
      return 0;
    }
    const listed = { keepers: keepersOf(directory), overrides: readOverrides(directory) };
    const lines = [
      ...listed.keepers.map((keeper) => `kept by ${keeperText(keeper)}`),
      ...listed.overrides.map(overrideLine),
    ];
    stdout.write(json ? prettyJson(listed) : lines.map((line) => `${line}\n`).join(''));
    return 0;
  },
});
