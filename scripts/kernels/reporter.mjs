// A Vitest reporter that tells another machine what goes on: one JSON object a line, written to the
// file that MACVLAN_NETLINK_RECORDS names.
import { openSync, writeSync } from 'node:fs';

/** @typedef {import('vitest/node').TestModule} TestModule */

/**
 * What became of a file's tests.
 *
 * @typedef {object} Results
 * @property {number} passed
 * @property {{ test: string, errors: string[] }[]} failed
 * @property {{ test: string, reason: string | null }[]} skipped
 */

/** @param {TestModule} module */
function resultsOf(module) {
  /** @type {Results} */
  const results = { passed: 0, failed: [], skipped: [] };
  /** @param {readonly { message: string }[]} [errors] */
  const messages = (errors = []) => errors.map(({ message }) => message);
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === 'passed') results.passed += 1;
    else if (result.state === 'failed') {
      results.failed.push({ test: test.fullName, errors: messages(result.errors) });
    } else if (result.state === 'skipped') {
      results.skipped.push({ test: test.fullName, reason: result.note ?? null });
    }
  }
  // A file that cannot be loaded, or a hook of its top level that throws, fails as a whole.
  if (results.failed.length === 0 && module.state() === 'failed') {
    results.failed.push({ test: 'the file as a whole', errors: messages(module.errors()) });
  }
  return results;
}

class Recorder {
  #file = openSync(process.env.MACVLAN_NETLINK_RECORDS ?? '/dev/null', 'a');

  /** @param {object} record */
  #tell(record) {
    writeSync(this.#file, `${JSON.stringify(record)}\n`);
  }

  /** @param {readonly unknown[]} specifications */
  onTestRunStart(specifications) {
    this.#tell({ type: 'start', files: specifications.length });
  }

  /** @param {import('vitest/node').TestCase} test */
  onTestCaseResult(test) {
    this.#tell({ type: 'test', file: test.module.relativeModuleId, state: test.result().state });
  }

  /** @param {TestModule} module */
  onTestModuleEnd(module) {
    this.#tell({ type: 'file', file: module.relativeModuleId, ...resultsOf(module) });
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter from nowhere else.
export default Recorder;
