/**
 * Rates, connections and weights as they change: for `ipvs-ts top`.
 * @module
 */
export { blocks } from './blocks.js';
export { live } from './live.js';
export { plainBlock } from './plain.js';
export { takeReading } from './reading.js';
export { isScreen } from './terminal.js';
