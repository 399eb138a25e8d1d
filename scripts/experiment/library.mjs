// The package as a program sees it: what its entry exports, found by its name.
const name = 'macvlan-netlink';

/** @type {typeof import('../../lib/index.js')} */
const library = await import(name);

export const { checkSupport, isNetlinkError, Netns } = library;

/** @typedef {import('../../lib/index.js').Netns} Namespace */
/** @typedef {import('../../lib/index.js').Link} Link */
/** @typedef {import('../../lib/index.js').MacvlanLink} MacvlanLink */
/** @typedef {import('../../lib/index.js').MacvlanMode} MacvlanMode */
/** @typedef {import('../../lib/index.js').Support} Support */
