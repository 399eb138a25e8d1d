/** Workers that live in a namespace until the test is over, and where threads are. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import type { Netns } from '../../lib/index.js';
import { supportFile, type Testbed, type TestNetns } from './testbed.js';

export const home = readlinkSync('/proc/self/ns/net');

/** What `/proc/PID/ns/net` reads as for what runs in a namespace. */
export const procLink = ({ netns }: TestNetns) => `net:[${netns.inode}]`;

/** A Worker that says where it is and what it was given. */
export const where = supportFile('where.mjs');

/** Where this thread is, and what it starts. */
export function hereNow() {
  return {
    process: readlinkSync('/proc/self/ns/net'),
    thread: readlinkSync('/proc/thread-self/ns/net'),
    child: spawnSync('readlink', ['/proc/self/ns/net'], { encoding: 'utf8' }).stdout.trim(),
  };
}

export const allAtHome = { process: home, thread: home, child: home };

/** A Worker's code that has `send` for what it has to say. */
export const code = (body: string) => `
  const { parentPort, workerData } = require('node:worker_threads');
  const send = (value) => parentPort.postMessage(value);
  (async () => { ${body} })();
`;

/** What a test starts Workers with. */
export function useWorkers(bed: Testbed) {
  return {
    /** Starts a Worker that ends with the test; gives it and the first thing that it says. */
    async started<T>(
      netns: Netns,
      worker: string | URL,
      options: Parameters<Netns['run']>[1] = { eval: true },
    ): Promise<{ worker: Worker; first: T }> {
      const running = await netns.run(worker, options);
      bed.onCleanup(() => running.terminate());
      const [first] = (await once(running, 'message')) as [T];
      return { worker: running, first };
    },
  };
}
