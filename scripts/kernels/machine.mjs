// A machine of qemu's that runs one command on one kernel, with this machine's files as its root.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, root } from '../support/step.mjs';
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
  'mitigations=off',
  'nokaslr',
  'random.trust_cpu=on',
];

/** The user has had enough. */
export class Interrupted extends Failure {}

/** Listens on a socket that qemu is to connect to. @param {string} path @param {(socket: import('node:net').Socket) => void} take */
function listen(path, take) {
  const server = createServer(take);
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve(server));
  });
}

/** @param {import('node:child_process').ChildProcess} child */
function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve(signal ?? code));
  });
}

/** Shares this machine's files, as root alone can. @param {string} folder */
async function shareFiles(folder) {
  if (!existsSync(virtiofsd)) {
    throw new Failure(`${virtiofsd} is missing: Debian 12's qemu-system-common has it.`);
  }
  const socket = join(folder, 'files.sock');
  const options = ['source=/', 'cache=always', 'sandbox=chroot'].flatMap((one) => ['-o', one]);
  const args = [`--socket-path=${socket}`, ...options, '--thread-pool-size=2'];
  const child = spawn(virtiofsd, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const end = ended(child);
  end.catch(() => {});
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Failure(`virtiofsd ended:\n${said}`);
    await sleep(10);
  }
  return { child, end };
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
    ...['-accel', 'tcg,thread=single', '-cpu', 'max', '-machine', 'q35,memory-backend=memory'],
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
    // Serial ports: a virtio console would take a terminal's liberties with what is written.
    ...['-device', 'virtio-serial-pci', ...port('output', 1), ...port('records', 2)],
    ...['-device', 'virtio-rng-pci'],
  ];
}

/** @param {string} text */
const lastLines = (text) => text.trimEnd().split('\n').slice(-40).join('\n');

/**
 * Boots a kernel, runs a shell script in it as root, and ends the machine.
 *
 * @param {import('./debian.mjs').Kernel} kernel
 * @param {object} task
 * @param {string} task.script
 * @param {(text: string) => void} task.onOutput what the script prints
 * @param {(record: any) => void} task.onRecord each line of JSON that it writes to /dev/virtio-ports/records
 * @param {number} task.minutes after which the machine is ended
 * @returns {Promise<number>} the script's exit code
 */
export async function runOnKernel(kernel, { script, onOutput, onRecord, minutes }) {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-netlink-machine-'));
  /** @type {(() => unknown)[]} */
  const undo = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    writeFileSync(join(folder, 'guest.sh'), readFileSync(guest));
    writeFileSync(join(folder, 'command.sh'), script);
    await buildInitramfs(kernel, join(folder, 'initramfs.gz'));

    let code = null;
    const sockets = await Promise.all([
      listen(join(folder, 'output.sock'), (socket) =>
        socket.setEncoding('utf8').on('data', onOutput),
      ),
      listen(join(folder, 'records.sock'), (socket) =>
        createInterface(socket).on('line', (line) => {
          const record = JSON.parse(line);
          if (record.type === 'exit') code = record.code;
          else onRecord(record);
        }),
      ),
    ]);
    undo.push(() => {
      for (const server of sockets) server.close();
    });
    const files = await shareFiles(folder);
    undo.push(() => files.child.kill() && files.end);

    const machine = spawn('qemu-system-x86_64', qemuArguments(folder, kernel), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let interrupted = false;
    const interrupt = () => {
      interrupted = true;
      machine.kill();
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    const timer = setTimeout(() => machine.kill(), minutes * 60_000);
    undo.push(() => {
      clearTimeout(timer);
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    });
    let said = '';
    for (const stream of [machine.stdout, machine.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text;
      });
    }
    const end = await ended(machine);
    if (interrupted) throw new Interrupted('Interrupted.');
    if (code !== null) return code;
    const console = existsSync(join(folder, 'console'))
      ? readFileSync(join(folder, 'console'), 'utf8')
      : '';
    throw new Failure(
      `The machine with Linux ${kernel.release} ended (${end}) before its command had.\n` +
        `${said}\nThe end of its console:\n${lastLines(console)}`,
    );
  } finally {
    for (const work of undo.reverse()) await work();
  }
}
