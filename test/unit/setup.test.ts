// What the set-up of a clone decides: which commands are missing, what is done already, who waits for whom. With the
// scripts in a folder of their own, which they take for the project.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { noNobody } from '../support/program.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'macvlan-netlink-setup-'));
  cpSync(fileURLToPath(new URL('../../scripts', import.meta.url)), join(folder, 'scripts'), {
    recursive: true,
  });
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

/** Starts a script there, which prints the message of its failure. */
function start(script: string, env: NodeJS.ProcessEnv = process.env) {
  const program = `
    import { runMain } from './scripts/support/main.mjs';
    await runMain(async () => { ${script} });
  `;
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs a script there; what it printed. */
async function run(script: string, env?: NodeJS.ProcessEnv) {
  const child = start(script, env);
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return said + complained;
}

describe('a command that is missing', () => {
  const name = 'qemu-system-x86_64';
  const script = `
    Object.defineProperty(process, 'getuid', { value: () => Number(process.env.USER_ID) });
    const { requireCommands } = await import('./scripts/support/system.mjs');
    await requireCommands(['npm', '${name}']);
    return process.stdout.write('there');
  `;
  const bin = () => join(folder, 'bin');
  function provide(command: string, content = '') {
    mkdirSync(bin(), { recursive: true });
    writeFileSync(join(bin(), command), `#!/bin/sh\n${content}\n`);
    chmodSync(join(bin(), command), 0o755);
  }
  const require = (user: number) => run(script, { PATH: bin(), USER_ID: String(user) });
  const install = 'install -y --no-install-recommends qemu-system-x86';

  test('is not asked for when it is there', async () => {
    provide('npm');
    provide(name);
    expect(await require(1000)).toBe('there');
  });

  test('is named, and the package that brings it, where nothing can be installed', async () => {
    provide('npm');
    writeFileSync(join(bin(), name), 'not executable');
    const advice = `On Debian or Ubuntu: sudo apt-get update && sudo apt-get ${install}`;
    const message = `Missing: ${name}.\n${advice}\n`;
    expect(await require(0)).toBe(message);
    provide('apt-get', 'exit 1');
    expect(await require(1000)).toBe(message);
  });

  test('is installed by root, which is a failure when it is still missing then', async () => {
    provide('npm');
    const log = join(folder, 'log');
    provide('apt-get', `echo "$DEBIAN_FRONTEND $@" >> ${log}`);
    expect(await require(0)).toContain(`Still missing after that: ${name}`);
    expect(readFileSync(log, 'utf8')).toBe(
      `noninteractive update -q\nnoninteractive -q ${install}\n`,
    );
    provide('apt-get', `[ $1 = update ] || echo > ${bin()}/${name}; /bin/chmod +x ${bin()}/*`);
    expect(await require(0)).toMatch(/^there/);
  });
});

describe('a step', () => {
  const script = `
    const { filesUnder, fingerprint, unlessDone } = await import('./scripts/support/stamp.mjs');
    const sources = [...filesUnder('in', (file) => !file.endsWith('.txt')), ...filesUnder('all')];
    const inputs = fingerprint(sources, [process.argv0]);
    await unlessDone('step', inputs, ['out', 'out2'], async () => {
      const { writeFileSync } = await import('node:fs');
      if (process.env.FAILS) throw new Error('fails');
      process.stdout.write('done');
      for (const output of ['out', 'out2']) writeFileSync(output, '');
    });
    return 0;
  `;
  const step = () => run(script);
  const at = (path: string) => join(folder, path);
  beforeEach(async () => {
    mkdirSync(at('in/deeper'), { recursive: true });
    mkdirSync(at('all'));
    writeFileSync(at('all/d.txt'), 'd');
    for (const name of ['a', 'b', 'c.txt']) writeFileSync(at(`in/deeper/${name}`), name);
    expect(await step()).toBe('done');
  });

  test.each<[string, () => void, string]>([
    ['nothing', () => {}, ''],
    ['the time of a source', () => writeFileSync(at('in/deeper/a'), 'a'), ''],
    ['another file', () => writeFileSync(at('in/deeper/c.txt'), 'other'), ''],
    ['the content of a source', () => writeFileSync(at('in/deeper/a'), 'A'), 'done'],
    ['the name of a source', () => renameSync(at('in/deeper/b'), at('in/deeper/bb')), 'done'],
    ['a source less', () => rmSync(at('in/deeper/b')), 'done'],
    ['a source more', () => writeFileSync(at('in/b'), 'b'), 'done'],
    ['any file of another folder', () => writeFileSync(at('all/d.txt'), 'D'), 'done'],
    ['an output less', () => rmSync(at('out')), 'done'],
  ])('is done again only where it makes a difference: %s', async (_, change, done) => {
    change();
    expect(await step()).toBe(done);
    expect(await step()).toBe('');
  });

  test.each(['A', 'a'])(
    'is done again when it has failed, with the content %s',
    async (content) => {
      writeFileSync(at('in/deeper/a'), 'A');
      expect(await run(script, { ...process.env, FAILS: '1' })).toContain('Error: fails');
      writeFileSync(at('in/deeper/a'), content);
      expect(await step()).toBe('done');
    },
  );
});

test('files get the present time when their content is another, also with the time of a copy', async () => {
  const script = `
    const { touchChanged } = await import('./scripts/support/stamp.mjs');
    touchChanged(['a', 'b']);
    return 0;
  `;
  const at = (name: string) => join(folder, name);
  const put = (name: string, content: string) => {
    writeFileSync(at(name), content);
    utimesSync(at(name), 1000, 1000);
  };
  const isOld = () => ['a', 'b'].map((name) => statSync(at(name)).mtime.getTime() === 1_000_000);
  const touched = async (content: string) => {
    put('a', 'one');
    put('b', content);
    expect(await run(script)).toBe('');
    return isOld().map((old) => !old);
  };
  expect(await touched('two')).toEqual([true, true]);
  expect(await touched('two')).toEqual([false, false]);
  expect(await touched('other')).toEqual([false, true]);
  expect(await touched('two')).toEqual([false, true]);
  // A write that a full disk cut off.
  writeFileSync(at('node_modules/.cache/macvlan-netlink/contents.json'), '');
  expect(await touched('two')).toEqual([true, true]);
});

describe('a command', () => {
  const script = `
    const { capture } = await import('./scripts/support/command.mjs');
    process.stdout.write('begun ');
    try {
      process.stdout.write(String((await capture('sh', ['-c', process.env.LINE])).code));
    } finally {
      process.stdout.write('tidied ');
    }
    return 0;
  `;

  test.each([
    ['exit 3', '3'],
    ['kill -9 $$', '137'],
    ['kill -TERM $$', '143'],
  ])('that ends by %s has the exit code %s', async (line, code) => {
    expect(await run(script, { ...process.env, LINE: line })).toBe(`begun ${code}tidied `);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends with its script at %s, which tidies up',
    async (signal) => {
      const child = start(script, { ...process.env, LINE: 'echo $$ > pid; exec sleep 600' });
      const ended = once(child, 'exit');
      const said = text(child.stdout);
      const complained = text(child.stderr);
      await vi.waitFor(
        () => expect(readFileSync(join(folder, 'pid'), 'utf8')).toMatch(/\n/),
        10_000,
      );
      child.kill(signal);
      expect(await said).toBe('begun tidied ');
      expect(await complained).toContain(`sh: ended by ${signal}`);
      expect(await ended).toEqual([128 + constants.signals[signal], null]);
      const pid = readFileSync(join(folder, 'pid'), 'utf8').trim();
      expect(existsSync(`/proc/${pid}`)).toBe(false);
    },
  );
});

test('an interrupt is left to a command that has the terminal', async () => {
  const child = start(`
    const { passThrough } = await import('./scripts/support/command.mjs');
    const line = 'trap "exit 7" INT; echo $$ > pid; while :; do sleep 0.1; done';
    return process.stdout.write('ended with ' + (await passThrough('sh', ['-c', line])));
  `);
  const said = text(child.stdout);
  const pid = () => readFileSync(join(folder, 'pid'), 'utf8');
  await vi.waitFor(() => expect(pid()).toMatch(/\n/), 10_000);
  child.kill('SIGINT');
  process.kill(Number(pid()), 'SIGINT');
  expect(await said).toBe('ended with 7');
});

test('what has been interrupted begins no further command', async () => {
  const child = start(`
    const { capture, passThrough, throwIfInterrupted } = await import('./scripts/support/command.mjs');
    const line = 'trap "exit 7" INT; echo $$ > pid; while :; do sleep 0.1; done';
    await passThrough('sh', ['-c', line]);
    throwIfInterrupted();
    return 0;
  `);
  const complained = text(child.stderr);
  const ended = once(child, 'exit');
  const pid = () => readFileSync(join(folder, 'pid'), 'utf8');
  await vi.waitFor(() => expect(pid()).toMatch(/\n/), 10_000);
  child.kill('SIGINT');
  process.kill(Number(pid()), 'SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(await complained).toBe('Ended by SIGINT\n');
});

describe('a set-up', () => {
  const lock = () => join(folder, '.setup.lock');
  const script = `
    const { locked } = await import('./scripts/support/lock.mjs');
    const { appendFileSync, utimesSync } = await import('node:fs');
    if (process.env.AS_NOBODY && process.getuid() === 0) process.setuid(65534);
    if (process.env.OWN) {
      appendFileSync('.setup.lock', String(process.pid));
      utimesSync('.setup.lock', 1000, 1000);
    }
    await locked(async () => {
      appendFileSync('log', 'begin ');
      await new Promise((resolve) => setTimeout(resolve, Number(process.env.TAKES ?? 20)));
      appendFileSync('log', 'end ');
      if (process.env.EXITS) process.exit(1);
      if (process.env.FAILS) throw new Error('fails');
    });
    return 0;
  `;
  const log = () => readFileSync(join(folder, 'log'), 'utf8');

  test('waits for another one', async () => {
    await Promise.all([run(script), run(script), run(script)]);
    expect(log()).toBe('begin end '.repeat(3));
    expect(existsSync(lock())).toBe(false);
  });

  test.each(['EXITS', 'FAILS'])('holds up no later one when it %s', async (how) => {
    await run(script, { ...process.env, [how]: '1' });
    expect(existsSync(lock())).toBe(false);
  });

  test('waits for one that lives, or has only just begun, and not for one that was killed', async () => {
    for (const holder of [String(process.pid), '']) {
      writeFileSync(lock(), holder);
      const waiting = start(script);
      const [told] = await once(waiting.stderr, 'data');
      expect(String(told)).toContain('Waiting for another set-up of this tree');
      expect(readFileSync(lock(), 'utf8')).toBe(holder);
      rmSync(lock());
      await once(waiting, 'close');
    }
    expect(log()).toBe('begin end '.repeat(2));
    const ended = spawn('true');
    await once(ended, 'exit');
    writeFileSync(lock(), String(ended.pid));
    await run(script);
    expect(log()).toBe('begin end '.repeat(3));
  });

  test('does not wait for itself, when a container before this one was killed and had the same ids', async () => {
    await run(script, { ...process.env, OWN: '1' });
    expect(log()).toBe('begin end ');
  });

  test('goes on to its end when its lock is deleted meanwhile', async () => {
    const working = run(script, { ...process.env, TAKES: '1500' });
    await vi.waitFor(() => expect(log()).toBe('begin '), 10_000);
    rmSync(lock());
    expect(await working).toBe('');
    expect(log()).toBe('begin end ');
  });

  test('does not wait for one that could not write its id', async () => {
    writeFileSync(lock(), '');
    utimesSync(lock(), 1000, 1000);
    await run(script);
    expect(log()).toBe('begin end ');
  });

  test('waits for that of another user, and says so where nothing can be written', async ({
    skip,
  }) => {
    skip(process.getuid?.() === 0 && noNobody !== undefined, noNobody);
    const env = { ...process.env, AS_NOBODY: '1' };
    chmodSync(folder, 0o777);
    writeFileSync(lock(), '1');
    const waiting = start(script, env);
    await once(waiting.stderr, 'data');
    expect(readFileSync(lock(), 'utf8')).toBe('1');
    rmSync(lock());
    await once(waiting, 'close');
    expect(log()).toBe('begin end ');
    chmodSync(folder, 0o500);
    onTestFinished(() => chmodSync(folder, 0o700));
    expect(await run(script, env)).toContain(`Cannot write ${lock()} (EACCES): this tree belongs`);
    expect(log()).toBe('begin end ');
  });
});
