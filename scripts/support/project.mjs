// The project's folder, the tools in it, and whether a script runs unattended.
import { fileURLToPath } from 'node:url';

/** The project's folder, with a slash at its end. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Whether this runs unattended, where a missing capability is a failure and not a skip. */
export const ci = process.env.CI === 'true';

/** The path of the script behind an npm package's command, so that this Node runs it. */
export const bin = Object.freeze({
  biome: `${root}node_modules/@biomejs/biome/bin/biome`,
  cmakeJs: `${root}node_modules/cmake-js/bin/cmake-js`,
  nodeGyp: `${root}node_modules/node-gyp/bin/node-gyp.js`,
  prebuildify: `${root}node_modules/prebuildify/bin.js`,
  tsc: `${root}node_modules/typescript/bin/tsc`,
  typedoc: `${root}node_modules/typedoc/bin/typedoc`,
  vitest: `${root}node_modules/vitest/vitest.mjs`,
});
