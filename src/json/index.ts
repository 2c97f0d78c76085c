/**
 * `import { tableJson } from 'ipvs-ts/json'`: the JSON that the command writes with `--json`, and its schemas.
 * @module
 */
export { findingsJson, findingsJsonSchema } from './findings.js';
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
