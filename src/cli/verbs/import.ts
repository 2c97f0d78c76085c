/** @module */
import { prettyJson } from '../../json/pretty.js';
import { FORMATS, JSON_OUTPUT } from '../common-options.js';
import { readInput } from '../input.js';
import { SystemNames } from '../ipvsadm/system-names.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts import` */
export const importFile = defineVerb({
  name: 'import',
  group: 'State',
  operands: {
    file: {
      placeholder: 'FILE',
      fallback: 'standard input',
      source: 'file',
      help: 'the file of the other program; "-" is standard input',
    },
  },
  options: {
    format: {
      placeholder: 'FORMAT',
      choices: FORMATS,
      help: 'program that the file is for; default: guessed from its name and its lines',
    },
    strict: { help: 'refuse what the other program itself passes over, such as a word that it does not know' },
    json: JSON_OUTPUT,
  },
  help: "write another program's file as a state file",
  details: 'What is not imported, such as VRRP, is listed on standard error with its line; see docs/import.md.',

  async run({ values, operands: { file = '-' } }, { streams: { stdin, stdout, stderr } }) {
    const { formatStateFile } = await import('../../config/write.js');
    const { guessImportFormat, importConfig } = await import('../../formats/import-config.js');
    const { text, name } = await readInput(file, stdin);
    const format = values.format ?? guessImportFormat(text, file === '-' ? '' : file);
    if (format === undefined) throw new UsageError(`needs --format: ${FORMATS.join(', ')}`);
    const { state, notTaken } = await new SystemNames().resolving((names) =>
      importConfig(text, { format, name, names, strict: values.strict === true }),
    );
    if (values.json) {
      stdout.write(prettyJson({ state, notTaken }));
      return 0;
    }
    stdout.write(formatStateFile(state));
    for (const { line, key, why } of notTaken) stderr.write(`${name}:${line}: not taken: ${key}: ${why}\n`);
    return 0;
  },
});
