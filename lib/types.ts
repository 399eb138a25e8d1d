/** Every shape that the package takes and gives. */
export type * from './options.js';
export type * from './optionsCommon.js';
export type * from './optionsInet.js';
export type * from './optionsListed.js';
export type * from './results.js';
export type * from './resultsInet.js';
