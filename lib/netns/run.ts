/** `netns.run`: a Worker whose thread lives in a network namespace. */
import type { Worker as NodeWorker, WorkerOptions } from 'node:worker_threads';
import { builtin } from '../base/builtin.js';
import { isSignal } from '../check/check.js';
import { argumentError, showValue } from '../errors/errors.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { OperationOptions } from '../types/types.js';

/** What `run` takes: everything that a `Worker` takes. */
export type RunOptions = WorkerOptions & OperationOptions;

export async function run(
  namespace: Namespace,
  call: Call,
  worker: string | URL,
  options: RunOptions = {},
): Promise<NodeWorker> {
  if (typeof worker !== 'string' && !isUrl(worker)) {
    throw wrongType(call, 'worker must be a path, a file: URL or code', worker);
  }
  if (typeof options !== 'object' || options === null || isSignal(options)) {
    throw wrongType(call, 'options must be an object', options);
  }
  const { Worker } = builtin('node:worker_threads');
  await startThreadPool();
  call.checkSignal();
  const { signal: _, ...workerOptions } = options;
  // A thread starts in the namespace of the thread that creates it.
  return namespace.within(call, () => new Worker(worker, workerOptions));
}

/** Whether it is a `URL`, of any realm, as a `Worker` takes it: jsdom, for example, has one of its own. */
function isUrl(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { href, protocol } = value as { href?: unknown; protocol?: unknown };
  return typeof href === 'string' && typeof protocol === 'string';
}

function wrongType(call: Call, says: string, value: unknown): TypeError {
  return argumentError(
    'ERR_INVALID_ARG_TYPE',
    `${call.operation}: ${says}; received ${showValue(value)}`,
  );
}

/**
 * Starts libuv's thread pool, which the whole process shares. The thread that first needs it starts it, and its threads
 * start in the network namespace of that thread. Started from here, before any Worker lives in another namespace,
 * the pool keeps the file and DNS work of every module in the process's own. Not with a file operation, which Node's
 * permission model may deny.
 */
async function startThreadPool(): Promise<void> {
  const { randomFill } = builtin('node:crypto');
  await builtin('node:util').promisify(randomFill)(new Uint8Array(1));
}
