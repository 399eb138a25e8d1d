/**
 * Programs that use the built package in a process of their own: what they do to the process (its
 * end, its threads, its privileges) cannot be looked at from inside a test.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { root } from './package.js';

/** How a program ended, and what it said. */
export interface Ended {
  /** Its exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface ProgramOptions {
  /** The command that starts Node, such as {@link inPrivateNetns}. */
  readonly under?: readonly string[];
  readonly nodeOptions?: readonly string[];
  /** From `process.argv[1]` on. */
  readonly args?: readonly (string | number)[];
  /** Open descriptors to hand over; the program finds them from 3 on. */
  readonly descriptors?: readonly number[];
  /** Written to its standard input, which then ends. */
  readonly input?: string;
}

/** Runs under what follows in a network and mount namespace of its own, root also without root. */
export const inPrivateNetns: readonly string[] = [
  'unshare',
  '--net',
  '--mount',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  '--',
];

/**
 * The code of a Worker that is ended while it starts: a module without an `await` of its own. Where
 * one that awaits is ended as its evaluation begins, V8 aborts the process, whatever the module is
 * about (V8's issue 349961173; in Node 20 `ExecuteAsyncModule` takes it for granted that
 * `promise.then` is called).
 */
export const endableWorker = (imports: string, body: string) => `
  ${imports}
  void (async () => {
    ${body}
  })();
`;

/** Runs under what follows without any capability, and with none to be had. */
export const withoutCapabilities: readonly string[] = [
  'setpriv',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--ambient-caps=-all',
  '--',
];

const NOBODY = 65_534;

/** Whether root can become the user nobody: not where root is the only user there is. */
export const nobodyExists =
  process.getuid?.() === 0 &&
  readFileSync('/proc/self/uid_map', 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first = 0, , count = 0]) => first <= NOBODY && NOBODY < first + count);

/** Why no program can; `undefined` when it can. */
export const noNobody: string | undefined = !nobodyExists
  ? 'it needs root, and a second user'
  : spawnSync(process.execPath, ['-e', 'process.setgroups([])']).status !== 0
    ? // Debian's Node.js 20, whose libuv may use io_uring (CVE-2024-22017).
      'this Node.js lets no program give its privileges up'
    : undefined;

/** What a program does to become the user nobody, once it has loaded what it needs. */
export const becomeNobody = `
  process.setgroups([]);
  process.setgid(${NOBODY});
  process.setuid(${NOBODY});
`;

/**
 * A program that hangs is ended after that many milliseconds, and so fails its test: before the test's
 * own time is over, after which it would be left to itself.
 */
const PATIENCE = 150_000 * Number(process.env.MACVLAN_NETLINK_SLOWNESS ?? 1);

/** Ends what follows with whoever started it: a shell between does not hand a signal on. */
const withItsParent = ['setpriv', '--pdeathsig', 'KILL', '--'];

/** Runs an ES module, which finds the package as `macvlan-netlink`. */
export function runProgram(source: string, options: ProgramOptions = {}): Promise<Ended> {
  const { under = [], nodeOptions = [], args = [], descriptors = [], input = '' } = options;
  const node = [process.execPath, ...nodeOptions, '--input-type=module', '--eval', source, '--'];
  const [command = '', ...rest] = [...under, ...withItsParent, ...node, ...args.map(String)];
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, {
      cwd: root,
      stdio: ['pipe', 'pipe', 'pipe', ...descriptors],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    const said = ['', ''];
    const streams = [child.stdout, child.stderr] as const;
    for (const [at, stream] of streams.entries()) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said[at] += text;
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const [stdout = '', stderr = ''] = said;
      resolve({ code, signal, stdout, stderr });
    });
    // A program that has ended already reads nothing.
    child.stdin?.on('error', () => {}).end(input);
  });
}

/** The program ended normally, and printed no message about an abort. */
export function expectSuccess(ended: Ended): void {
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
}

/** Runs a program that has to succeed; gives what it printed, read as JSON. */
export async function resultOf<T>(source: string, options?: ProgramOptions): Promise<T> {
  const ended = await runProgram(source, options);
  if (ended.code !== 0) {
    const how = ended.signal ?? `exit code ${ended.code}`;
    throw new Error(`the program ended with ${how}\n${ended.stdout}\n${ended.stderr}`);
  }
  return JSON.parse(ended.stdout) as T;
}
