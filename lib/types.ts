/** Every shape that the package takes and gives. */
export type * from './options.js';
export type * from './results.js';
