import { ci } from '../../support/project.mjs';

/** What a compiler of C is to warn of; in CI that is an error. */
export const warnings = ['-Wall', '-Wextra', ...(ci ? ['-Werror'] : [])];
