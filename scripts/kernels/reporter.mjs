// A Vitest reporter that tells another machine what goes on: one JSON object a line, written to the
// file that MACVLAN_NETLINK_RECORDS names.
import { openSync, writeSync } from 'node:fs';

/** @typedef {import('vitest/node').TestModule} TestModule */

/** What became of a file's tests. @param {TestModule} module */
function countTests(module) {
  /** @type {{ passed: number, failed: number, skipped: { test: string, reason: string | null }[] }} */
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const test of module.children.allTests()) {
    const result = test.result();
    if (result.state === 'passed') counts.passed += 1;
    else if (result.state === 'failed') counts.failed += 1;
    else if (result.state === 'skipped') {
      counts.skipped.push({ test: test.fullName, reason: result.note ?? null });
    }
  }
  // A file that cannot be loaded, or a hook of its top level that throws, fails as a whole.
  if (counts.failed === 0 && module.state() === 'failed') counts.failed = 1;
  return counts;
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
    this.#tell({ type: 'file', file: module.relativeModuleId, ...countTests(module) });
  }
}

// biome-ignore lint/style/noDefaultExport: Vitest takes a reporter from nowhere else.
export default Recorder;
