// The guest's first file system: busybox, and the modules without which it cannot see the host's.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { capture } from '../support/command.mjs';
import { Failure } from '../support/failure.mjs';
import { root } from '../support/project.mjs';

const busybox = '/bin/busybox';
const init = join(root, 'scripts/kernels/init.sh');
/** What the kernel must know to mount the root, besides what is built in. */
const needed = ['virtio_pci', 'virtio_console', 'virtiofs', 'overlay'];
const folders = ['bin', 'modules', 'proc', 'sys', 'dev', 'lower', 'upper', 'root'];

/**
 * The files of the needed modules, what a module depends on before it. What is built in has none.
 *
 * @param {import('./debian.mjs').Kernel} kernel
 */
async function moduleFiles(kernel) {
  const files = new Set();
  for (const name of needed) {
    const args = ['-d', kernel.folder, '-S', kernel.release, '--show-depends', name];
    const { code, stdout, output } = await capture('modprobe', args);
    if (code !== 0) throw new Failure(output);
    for (const [, file] of stdout.matchAll(/^insmod (\S+)/gm)) files.add(file);
  }
  return [...files];
}

/** @param {string} folder @param {readonly string[]} files */
function copyModules(folder, files) {
  const names = files.map((file) => {
    const name = basename(file, '.xz');
    const content = file.endsWith('.xz')
      ? execFileSync(busybox, ['xzcat', file], { maxBuffer: 2 ** 26 })
      : readFileSync(file);
    writeFileSync(join(folder, name), content);
    return name;
  });
  writeFileSync(join(folder, 'order'), `${names.join('\n')}\n`);
}

/**
 * Writes the initramfs for a kernel to a file.
 *
 * @param {import('./debian.mjs').Kernel} kernel
 * @param {string} file
 */
export async function buildInitramfs(kernel, file) {
  if ((await capture('ldd', [busybox])).code === 0) {
    throw new Failure('The guest needs the busybox of the package busybox-static.');
  }
  const tree = mkdtempSync(join(tmpdir(), 'macvlan-netlink-initramfs-'));
  try {
    for (const folder of folders) mkdirSync(join(tree, folder));
    copyFileSync(busybox, join(tree, 'bin/busybox'));
    copyFileSync(init, join(tree, 'init'));
    chmodSync(join(tree, 'init'), 0o755);
    copyModules(join(tree, 'modules'), await moduleFiles(kernel));
    // A folder before what is in it: the kernel unpacks in this order.
    const names = readdirSync(tree, { recursive: true }).map(String).sort();
    const archive = execFileSync('cpio', ['--create', '--format=newc', '--quiet', '-R', '0:0'], {
      cwd: tree,
      input: `${names.join('\n')}\n`,
      maxBuffer: 2 ** 28,
    });
    writeFileSync(file, gzipSync(archive, { level: 1 }));
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}
