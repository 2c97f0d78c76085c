/** @module */
import type { Names } from '../../ipvsadm/names.js';
import { parseRules } from '../../ipvsadm/rules.js';
import { NETNS } from '../common-options.js';
import { readInput } from '../input.js';
import { SystemNames } from '../ipvsadm/system-names.js';
import { progress } from '../progress.js';
import { UsageError } from '../usage-error.js';
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
    'allow-empty': { help: 'with --replace: also if there are no rules' },
    netns: NETNS,
  },
  reports: true,
  help: 'carry out the rules of a file',
  details:
    'All rules are read before the first is carried out, so that a mistake in them changes nothing. A rule that the ' +
    'kernel refuses is reported with its line number, and the exit code is then 1. Names of hosts and ports are ' +
    'those of the system, as with -R.',

  async run({ values, operands: { file = '-' } }, { streams, open }) {
    const { replace, netns } = values;
    const { text } = await readInput(file, streams.stdin);
    const names = new SystemNames();
    const read = (known: Names) => parseRules(text, known);
    if (values.check) {
      await names.resolving(read, read);
      return 0;
    }
    // Any line that is no comment will do: restoring finds the mistakes.
    if (replace && !values['allow-empty'] && !/^[ \t]*[^#\s]/m.test(text)) {
      throw new UsageError('--replace would empty the table: there are no rules (--allow-empty)');
    }
    await using ipvs = await open({ netns });
    using line = progress('restore', streams.stderr);
    const onProgress = ({ done, total }: { done: number; total: number }) => line.update(done, total);
    await names.resolving((known) => ipvs.restore(text, { replace, names: known, onProgress }), read);
    return 0;
  },
});
