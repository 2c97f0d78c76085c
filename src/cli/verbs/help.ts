/** @module */
import { UsageError } from '../usage-error.js';
import { defineVerb, type Verb } from '../verb.js';

/** `ipvs-ts help`, which explains the given verbs. */
export function helpAbout(verbs: () => readonly Verb[]) {
  return defineVerb({
    name: 'help',
    group: 'Other',
    operands: {
      topic: {
        placeholder: 'VERB',
        fallback: 'an overview',
        source: 'verb',
        help: 'the verb to explain, or "ipvsadm" for its options',
      },
    },
    help: 'explain a verb, or ipvsadm',

    async run({ operands: { topic } }, { streams: { stdout } }) {
      if (topic === 'ipvsadm') {
        const { ipvsadmHelp } = await import('../ipvsadm/ipvsadm-help.js');
        stdout.write(ipvsadmHelp());
        return 0;
      }
      const { overview, verbHelp } = await import('../help.js');
      const verb = verbs().find(({ name }) => name === topic);
      if (topic !== undefined && verb === undefined) throw new UsageError(`there is no verb "${topic}"`);
      stdout.write(verb === undefined ? overview(verbs()) : verbHelp(verb));
      return 0;
    },
  });
}
