// Tells where a Worker's thread is, and what it was given.
import { readlinkSync } from 'node:fs';
import { argv, env } from 'node:process';
import { parentPort, resourceLimits, workerData } from 'node:worker_threads';

parentPort.postMessage({
  where: readlinkSync('/proc/thread-self/ns/net'),
  workerData,
  argv: argv.slice(2),
  env: env.WHERE,
  stack: resourceLimits.stackSizeMb,
});
