/** Namespaces with and without names, gone again after the test, and `ip` beside them. */
import { readdirSync } from 'node:fs';
import { Netns } from '../../lib/index.js';
import { output as outputOf } from './ip.js';
import type { Testbed } from './testbed.js';

/** Runs a command; gives what it printed, without white space around it. */
export async function output(command: string, ...args: readonly string[]): Promise<string> {
  return (await outputOf(command, args)).trim();
}

export const ip = (...args: readonly string[]) => output('ip', ...args);

/** What `stat` says of a namespace's file. */
export async function inodeOf(path: string): Promise<number> {
  return Number(await output('stat', '-L', '-c', '%i', path));
}

/** What a test makes namespaces with. */
export function useNames(bed: Testbed) {
  const closeLater = (netns: Netns) => {
    bed.onCleanup(() => netns.close());
    return netns;
  };
  /** Removes a name under /run/netns after the test, if it is still there. */
  const removeLater = (name: string) => {
    bed.onCleanup(async () => {
      if (readdirSync('/run/netns').includes(name)) await ip('netns', 'delete', name);
    });
    return name;
  };
  return {
    removeLater,
    newName: () => removeLater(bed.uniqueName('ns')),
    create: async (name?: string) => closeLater(await Netns.create(name)),
    open: async (...args: Parameters<typeof Netns.open>) => closeLater(await Netns.open(...args)),
  };
}
