import { InvalidArgumentError } from '../../../src/errors.js';
import { type HostScriptRequest, hostScript } from '../../../src/host-script/index.js';
import { REQUESTS } from './script-subjects.js';

/** What was refused is a golden text too: its words. */
function outcome(request: HostScriptRequest): { text: string; refused: boolean } {
  try {
    return { text: hostScript(request).text, refused: false };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return { text: error.message, refused: true };
  }
}

/** What each request gives. */
export const OUTCOMES = REQUESTS.map(([name, request]) => ({ name, request, ...outcome(request) }));
