import { readFileSync } from 'node:fs';

const userNamespace = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);

const isRoot = process.getuid?.() === 0 && userNamespace.join(' ') === '0 0 4294967295';

/** Why what only the machine's root can do is not tried; `undefined` when it can be, or has to be. */
export const noRoot: string | undefined =
  isRoot || process.env.CI === 'true' ? undefined : 'it needs root outside every user namespace';
