// What every prebuilt addon needs of the machine that it comes to: also of those that are no machine like this one.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { prebuild, prebuilds, root, run } from '../support/package.js';

const own = await prebuild();

/** What readelf says of a file, which may be another machine's. */
async function readelf(file: string, ...options: readonly string[]): Promise<string> {
  const args = ['--wide', ...options, join(root, file)];
  return (await run('readelf', args, { maxBuffer: 16 * 2 ** 20 })).stdout;
}

/** The names of the dynamic symbols: those that the addon has, and those that it takes from others. */
async function symbols(file: string): Promise<{ exports: string[]; imports: string[] }> {
  const lines = (await readelf(file, '--dyn-syms'))
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  // Num: Value Size Type Bind Vis Ndx Name@VERSION
  const entries = lines.filter(([number, , , , , , , name]) => /^\d+:$/.test(number ?? '') && name);
  const names = (wanted: (section: string) => boolean) =>
    entries
      .filter((columns) => wanted(columns[6] ?? ''))
      .map((columns) => (columns[7] ?? '').replace(/@.*/, ''))
      .sort();
  return {
    exports: names((section) => section !== 'UND'),
    imports: names((section) => section === 'UND'),
  };
}

test('this machine’s is among them', () => {
  expect(prebuilds()).toContain(own);
});

describe.each(prebuilds())('%s', (file) => {
  test('needs nothing but the C library, and what Node needs of the compiler', async () => {
    const text = await readelf(file, '--dynamic');
    const needed = [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]);
    expect(needed).not.toEqual([]);
    const known = /^(lib(c|m|pthread|dl|gcc_s)\.so|ld-linux|libc\.musl)/;
    expect(needed.filter((name) => !known.test(name ?? ''))).toEqual([]);
  });

  test('exports its two entry points and imports only Node-API functions', async () => {
    const { exports, imports } = await symbols(file);
    expect(exports).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
    expect(imports.filter((name) => name.startsWith('napi_'))).not.toEqual([]);
    expect(imports.filter((name) => /^(uv_|_ZN?K?\d*(2v8|4node))/.test(name))).toEqual([]);
  });

  test('has stack protection and a stack that is not executable', async () => {
    expect(await readelf(file, '--program-headers')).toMatch(/GNU_STACK.* RW /);
    expect((await symbols(file)).imports).toContain('__stack_chk_fail');
  });

  // musl refuses to load what needs a place in the memory that threads are begun with, and glibc has little of it.
  // With an errno of its own an addon has one there (see scripts/prebuild.mjs).
  test('finds its variables of each thread where it is loaded later', async () => {
    expect(await readelf(file, '--dynamic')).not.toContain('STATIC_TLS');
    expect(await readelf(file, '--relocs')).not.toMatch(/_TLS_TPREL|_TPOFF/);
  });

  test('stays loaded once it is', async () => {
    expect(await readelf(file, '--dynamic')).toMatch(/FLAGS_1.*NODELETE/);
  });
});

// With the compiler of this machine they are for a glibc like this machine's.
const byZig = (file: string) => readFileSync(join(root, file)).includes('zig-bootstrap');

test.each(prebuilds().filter((file) => file.includes('glibc') && (file !== own || byZig(file))))(
  '%s runs with glibc 2.28, as Node does',
  async (file) => {
    const text = await readelf(file, '--version-info');
    const minors = [...text.matchAll(/GLIBC_2\.(\d+)/g)].map((match) => Number(match[1]));
    expect(minors).not.toEqual([]);
    expect(Math.max(...minors)).toBeLessThanOrEqual(28);
  },
);

// A Node.js that has less than what is asked for refuses the addon, and 20.2 crashes.
test('this machine’s requires a Node-API version that every Node.js 20 has', async () => {
  const program = `
    #include <dlfcn.h>
    #include <stdio.h>
    ${(await symbols(own)).imports
      .filter((name) => name.startsWith('napi_'))
      .map((name) => `void ${name}(void) {}`)
      .join('\n')}
    int main(int count, char** args) {
      void* addon = dlopen(args[1], RTLD_NOW);
      if (!addon) return puts(dlerror()), 1;
      int (*version)(void) = dlsym(addon, "node_api_module_get_api_version_v1");
      return !version || printf("%d", version()) < 0;
    }`;
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-netlink-prebuilds-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'version.c'), program);
  await run('cc', ['-w', '-rdynamic', '-o', 'version', 'version.c', '-ldl'], { cwd: folder });
  const { stdout } = await run(join(folder, 'version'), [join(root, own)]);
  expect(Number(stdout)).toBeGreaterThan(0);
  expect(Number(stdout)).toBeLessThanOrEqual(8);
});
