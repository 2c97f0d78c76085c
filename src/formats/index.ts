/**
 * `import { importConfig } from 'ipvs-ts/formats'`: the files of keepalived, ldirectord, Piranha, ipvsctl and ipvsadm, read and
 * written as a desired state.
 * @module
 */
export { type Exported, type ExportOptions, exportConfig, type NotWritten } from './export-config.js';
export {
  guessImportFormat,
  IMPORT_FORMATS,
  type Imported,
  type ImportFormat,
  type ImportOptions,
  importConfig,
  type NotTaken,
} from './import-config.js';
