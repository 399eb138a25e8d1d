// What importing the package costs a program, and what it says where it cannot be imported.
import { expect, test } from 'vitest';
import { runProgram } from '../support/program.js';

test("an import loads none of Node's modules that take longest", async () => {
  const ended = await runProgram(
    `const before = new Set(process.moduleLoadList);
     await import('macvlan-netlink');
     const loaded = process.moduleLoadList.filter((name) => !before.has(name));
     console.log(loaded.includes('NativeModule stream'));
     console.log(loaded.filter((name) => /^NativeModule (crypto|net|worker_threads)$/.test(name)));`,
  );
  expect(ended).toEqual({ code: 0, signal: null, stdout: 'true\n[]\n', stderr: '' });
});

test('an import works where Node has no process.getBuiltinModule', async () => {
  const ended = await runProgram(
    `process.getBuiltinModule = undefined;
     const { listLinks } = await import('macvlan-netlink');
     console.log((await listLinks()).some(({ name }) => name === 'lo'));`,
  );
  expect(ended).toEqual({ code: 0, signal: null, stdout: 'true\n', stderr: '' });
});

test('where addons are not allowed the options are named that allow them', async () => {
  const { code, stderr } = await runProgram("import 'macvlan-netlink';", {
    nodeOptions: ['--no-addons'],
  });
  expect(code).toBe(1);
  expect(stderr).toContain('macvlan-netlink is such an addon: start Node.js without --no-addons');
  expect(stderr).toContain("code: 'ERR_DLOPEN_DISABLED'");
});
