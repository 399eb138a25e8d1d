// A machine of qemu's that runs one command on one kernel, with this machine's files as its root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, Interrupted } from '../support/failure.mjs';
import { root } from '../support/project.mjs';
import { buildInitramfs } from './initramfs.mjs';

const virtiofsd = '/usr/lib/qemu/virtiofsd';
const guest = join(root, 'scripts/kernels/guest.sh');
/** JavaScript, the compiler of TypeScript and the file system in memory need that much. */
const memory = '2048M';
const kernelArguments = [
  'console=ttyS0',
  'quiet',
  'panic=-1',
  'tsc=reliable',
  'random.trust_cpu=on',
  // The emulator caches translated code by address: programs that are loaded at the same addresses as before
  // start in less than half the time.
  'norandmaps',
  'nokaslr',
  // Protections and watchdogs are of no use to a machine that runs for some minutes.
  'mitigations=off',
  'init_on_alloc=0',
  'randomize_kstack_offset=off',
  'apparmor=0',
  'audit=0',
  'cgroup_disable=memory',
  'nowatchdog',
  'transparent_hugepage=always',
];
/** Without features that make address translation slower: a fifth level of page tables, checks of every access. */
const processor = 'max,la57=off,smap=off,smep=off,pku=off';

/**
 * Sockets for qemu to connect the guest's ports to.
 *
 * @param {string} folder
 * @param {Record<string, (socket: import('node:net').Socket) => void>} takers
 */
async function openPorts(folder, takers) {
  /** @type {Promise<unknown>[]} */
  const closed = [];
  const open = ([name, take]) =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        closed.push(once(socket, 'close'));
        take(socket.setEncoding('utf8'));
      });
      server.once('error', reject).listen(join(folder, `${name}.sock`), () => resolve(server));
    });
  const servers = await Promise.all(Object.entries(takers).map(open));
  return {
    /** Resolves when everything has been read, after the machine has ended. */
    drained: () => Promise.all(closed),
    close: () => {
      for (const server of servers) server.close();
    },
  };
}

/** @param {import('node:child_process').ChildProcess} child */
function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve(signal ?? code));
  });
}

/** Listens, and becomes virtiofsd: where that listens itself, it writes a lock file below /run first. */
const listening = `
import os, socket, sys
path, *command = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(1)
os.set_inheritable(listener.fileno(), True)
os.execv(command[0], [*command, '--fd=%d' % listener.fileno()])
`;

/** Shares this machine's files, as root alone can. @param {string} folder */
async function shareFiles(folder) {
  if (!existsSync(virtiofsd)) {
    throw new Failure(`${virtiofsd} is missing: Debian 12's qemu-system-common has it.`);
  }
  const socket = join(folder, 'files.sock');
  const options = ['source=/', 'cache=always', 'sandbox=chroot'].flatMap((one) => ['-o', one]);
  const args = ['-c', listening, socket, virtiofsd, ...options, '--thread-pool-size=2'];
  const child = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const end = ended(child);
  end.catch(() => {});
  while (!existsSync(socket)) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Failure(`virtiofsd ended:\n${said}`);
    }
    await sleep(10);
  }
  return { child, end };
}

/** What ends a machine early: an interrupt by the user, or the time limit. */
function stopper(kernel, minutes) {
  const controller = new AbortController();
  const interrupt = (signal) => controller.abort(new Interrupted(`Ended by ${signal}.`, signal));
  const late = new Failure(`Linux ${kernel.release} has not finished after ${minutes} minutes.`);
  const timer = setTimeout(() => controller.abort(late), minutes * 60_000);
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const forget = () => {
    clearTimeout(timer);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  };
  return { signal: controller.signal, forget };
}

/** @param {string} folder @param {import('./debian.mjs').Kernel} kernel */
function qemuArguments(folder, kernel) {
  const port = (name, number) => [
    ...['-chardev', `socket,id=${name},path=${join(folder, `${name}.sock`)}`],
    ...['-device', `virtserialport,chardev=${name},name=${name},nr=${number}`],
  ];
  const told = [`guest.folder=${folder}`, `guest.modules=${kernel.modules}`];
  return [
    // Never KVM: where the host's own hypervisor only offers PVM, a guest hangs under it.
    ...['-accel', 'tcg,thread=single', '-cpu', processor],
    ...['-machine', 'q35,memory-backend=memory'],
    // One processor is emulated with less effort than two; there are two machines for two cores.
    ...['-smp', '1', '-m', memory, '-nodefaults', '-no-user-config', '-display', 'none'],
    // What is shared with virtiofsd.
    ...['-object', `memory-backend-memfd,id=memory,size=${memory},share=on`],
    ...['-no-reboot', '-kernel', kernel.image, '-initrd', join(folder, 'initramfs.gz')],
    ...['-append', [...kernelArguments, ...told].join(' ')],
    ...[
      '-chardev',
      `file,id=console,path=${join(folder, 'console')}`,
      '-serial',
      'chardev:console',
    ],
    ...['-chardev', `socket,id=files,path=${join(folder, 'files.sock')}`],
    ...['-device', 'vhost-user-fs-pci,chardev=files,tag=root'],
    // Serial ports, because a virtio console changes what is written as a terminal does.
    ...['-device', 'virtio-serial-pci', ...port('output', 1), ...port('records', 2)],
    ...['-device', 'virtio-rng-pci'],
  ];
}

/** Runs the machine to its end; returns what qemu itself printed. */
async function runMachine(folder, kernel, signal) {
  const machine = spawn('qemu-system-x86_64', qemuArguments(folder, kernel), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => machine.kill();
  signal.addEventListener('abort', stop);
  let said = '';
  for (const stream of [machine.stdout, machine.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const end = await ended(machine);
  signal.removeEventListener('abort', stop);
  return `qemu ended with ${end}\n${said}`;
}

/** @param {string} file */
function lastLines(file) {
  return existsSync(file)
    ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-40).join('\n')
    : '';
}

/**
 * Boots a kernel, runs a shell script in it as root, and ends the machine.
 *
 * @param {import('./debian.mjs').Kernel} kernel
 * @param {object} task
 * @param {string} task.script
 * @param {(text: string) => void} task.onOutput what the script prints
 * @param {(record: any) => void} task.onRecord each line of JSON it writes to the port `records`
 * @param {number} task.minutes after which the machine is ended
 * @returns {Promise<number>} the script's exit code
 */
export async function runOnKernel(kernel, { script, onOutput, onRecord, minutes }) {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-netlink-machine-'));
  const { signal, ...stop } = stopper(kernel, minutes);
  /** @type {(() => unknown)[]} */
  const undo = [() => rmSync(folder, { recursive: true, force: true }), stop.forget];
  try {
    writeFileSync(join(folder, 'guest.sh'), readFileSync(guest));
    writeFileSync(join(folder, 'command.sh'), script);
    await buildInitramfs(kernel, join(folder, 'initramfs.gz'));

    let code = null;
    const ports = await openPorts(folder, {
      output: (socket) => socket.on('data', onOutput),
      records: (socket) =>
        createInterface(socket).on('line', (line) => {
          const record = JSON.parse(line);
          if (record.type === 'exit') code = record.code;
          else onRecord(record);
        }),
    });
    undo.push(ports.close);
    const files = await shareFiles(folder);
    undo.push(() => files.child.kill() && files.end);

    signal.throwIfAborted();
    const said = await runMachine(folder, kernel, signal);
    signal.throwIfAborted();
    await ports.drained();
    if (code !== null) return code;
    throw new Failure(
      `The machine with Linux ${kernel.release} ended before its command had.\n${said}\n` +
        `The end of its console:\n${lastLines(join(folder, 'console'))}`,
    );
  } finally {
    for (const work of undo.reverse()) await work();
  }
}
