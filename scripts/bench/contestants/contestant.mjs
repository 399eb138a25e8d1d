/**
 * The description of a contestant. Its program is called with WORKLOAD COUNT PARENT_INDEX
 * TARGET, in a namespace that has a link 'parent'; it prints its measurement as a line of JSON.
 *
 * @typedef {object} Contestant
 * @property {string} name for --only, and in the results
 * @property {string} title
 * @property {readonly string[]} [debian] the packages that bring it
 * @property {readonly string[]} [npm] the same, from npm: name@version
 * @property {() => Promise<string | null>} missing why it cannot take part
 * @property {() => Promise<string>} version
 * @property {() => Promise<unknown>} [build] compiles what has to be compiled
 * @property {readonly string[]} command the program, as a command line
 * @property {Record<string, string>} [env]
 * @property {Readonly<Record<string, Part>>} workloads what it takes part in
 * @property {string} [module] the path of a module whose import is timed
 * @property {boolean} [watchesLoop] whether its program can watch its event loop
 */

/**
 * @typedef {object} Part
 * @property {number} [most] the largest count that it is measured with
 * @property {number} [rounds] in how many rounds at most
 * @property {readonly string[]} [command] another program than the contestant's
 */

export {};
