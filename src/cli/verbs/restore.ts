/** @module */
import { parseRules } from '../../ipvsadm/rules.js';
import { NETNS } from '../common-options.js';
import { readInput } from '../input.js';
import { progress } from '../progress.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts restore` */
export const restore = defineVerb({
  name: 'restore',
  group: 'Rules',
  operands: {
    file: { placeholder: 'FILE', fallback: 'standard input', source: 'file', help: 'rules; "-" is standard input' },
  },
  options: {
    check: { help: 'only read the rules, change nothing' },
    replace: { help: 'empty the table first' },
    netns: NETNS,
  },
  help: 'carry out the rules of a file',
  details:
    'All rules are read before the first is carried out, so that a mistake in them changes nothing. A rule that the ' +
    'kernel refuses is reported with its line number, and the exit code is then 1.',

  async run({ values: { check, replace, netns }, operands: { file = '-' } }, { streams, open }) {
    const { text } = await readInput(file, streams.stdin);
    if (check) {
      parseRules(text);
      return 0;
    }
    await using ipvs = await open({ netns });
    using line = progress('restore', streams.stderr);
    await ipvs.restore(text, { replace, onProgress: ({ done, total }) => line.update(done, total) });
    return 0;
  },
});
