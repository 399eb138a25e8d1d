/** The shapes that operations take and give, but for those of `run` and `openTap`, which stand with their code. */
export type * from './options.js';
export type * from './optionsCommon.js';
export type * from './optionsInet.js';
export type * from './optionsListed.js';
export type * from './results.js';
export type * from './resultsInet.js';
