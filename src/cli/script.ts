/**
 * `ipvs-ts script`.
 * @module
 */
import { hostScript, SCRIPT_FORMS, type ScriptForm, type ScriptOs } from '../host-script/host-script.js';
import { describeDirector, describeRealServer } from './host-description.js';
import { type Parsed, UsageError } from './parse-verb.js';
import type { Streams } from './streams.js';

/** Writes a script that sets up a host without Node. */
export async function script({ values, operand }: Parsed<'script'>, streams: Streams): Promise<void> {
  const os = values.os as ScriptOs;
  const how = { os, form: formOf(os, values.form) };
  const { text } =
    operand === 'director'
      ? hostScript({ role: 'director', description: await describeDirector('script', values, streams), ...how })
      : hostScript({ role: 'real-server', description: await describeRealServer('script', values, streams), ...how });
  streams.stdout.write(text);
}

function formOf(os: ScriptOs, name: string | undefined): ScriptForm | undefined {
  if (name === undefined) return undefined;
  const forms: readonly ScriptForm[] = SCRIPT_FORMS[os];
  const form = forms.find((known) => known === name);
  if (form === undefined) throw new UsageError(`script: --form must be ${forms.join(', ')} for ${os}, not "${name}"`);
  return form;
}
