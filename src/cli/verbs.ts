/**
 * The verbs of the command. The help lists them in this order.
 * @module
 */
import type { Verb } from './verb.js';
import { apply } from './verbs/apply.js';
import { check } from './verbs/check.js';
import { completion } from './verbs/completion.js';
import { connections } from './verbs/connections.js';
import { diff } from './verbs/diff.js';
import { director } from './verbs/director.js';
import { doctor } from './verbs/doctor.js';
import { drain } from './verbs/drain.js';
import { exportTable } from './verbs/export.js';
import { health } from './verbs/health.js';
import { helpAbout } from './verbs/help.js';
import { importFile } from './verbs/import.js';
import { keep } from './verbs/keep.js';
import { list } from './verbs/list.js';
import { metrics } from './verbs/metrics.js';
import { overrides } from './verbs/overrides.js';
import { realServer } from './verbs/realserver.js';
import { restore } from './verbs/restore.js';
import { save } from './verbs/save.js';
import { script } from './verbs/script.js';
import { serve } from './verbs/serve.js';
import { settings } from './verbs/settings.js';
import { simulate } from './verbs/simulate.js';
import { sync } from './verbs/sync.js';
import { token } from './verbs/token.js';
import { top } from './verbs/top.js';
import { version } from './verbs/version.js';
import { weight } from './verbs/weight.js';

/** All of them. The first argument of a command line is the name of one, begins with a dash, or is absent. */
export const VERBS: readonly Verb[] = [
  ...[list, connections, settings, sync, top, metrics],
  ...[drain, weight, overrides, health],
  ...[save, restore],
  ...[diff, apply, keep, serve, token, check, exportTable, importFile, simulate],
  ...[director, realServer, script, doctor],
  ...[completion, helpAbout(() => VERBS), version],
];
