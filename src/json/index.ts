/**
 * `import { tableJson } from 'ipvs-ts/json'`: the JSON that the command writes with `--json`, and its schemas.
 * @module
 */
export { eventJsonSchema } from './event-schemas.js';
export { findingsJson, findingsJsonSchema } from './findings.js';
export { checksJsonSchema, healthJsonSchema } from './health-schemas.js';
export { prettyJson } from './pretty.js';
export {
  connectionsJson,
  connectionsJsonSchema,
  jsonSchemas,
  settingsJson,
  settingsJsonSchema,
  tableJson,
  tableJsonSchema,
} from './table.js';
