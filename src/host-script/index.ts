/**
 * `import { hostScript } from 'ipvs-ts/host-script'`: scripts that set up directors and real servers on hosts without Node.
 * @module
 */
export type { NormalDirector } from '../model/director.js';
export type { NormalRealServer } from '../model/real-server.js';
export { SCRIPT_FORMS, SCRIPT_OSES, type ScriptForm, type ScriptOs } from './forms.js';
export type { HostScriptSubject } from './header.js';
export { type HostScript, type HostScriptRequest, hostScript } from './host-script.js';
