/** What the library's errors look like to a test. */

/**
 * What a promise rejects with. The test fails when it does not.
 *
 * @example `const error = await refusalOf(netns.deleteLink('nobody'));`
 */
export async function refusalOf(promise: Promise<unknown>): Promise<RefusedError> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    if (error instanceof Error) return error as RefusedError;
    throw error;
  }
  throw new Error(`expected a refusal, and got ${JSON.stringify(result)}`);
}

/** The fields of the errors that the library throws. */
export interface RefusedError extends Error {
  readonly code: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly netns?: string;
  readonly operation?: string;
  readonly target?: string | number | null;
  readonly part?: string;
  readonly hint?: string;
  readonly kernelMessage?: string;
  readonly attribute?: string;
  readonly errors?: readonly RefusedError[];
}
