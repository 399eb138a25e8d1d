// `ip -batch`: one process for many commands.
import { spawn } from 'node:child_process';
import { addressOf, drive, range } from './drive.mjs';

/**
 * @param {readonly string[]} options
 * @param {readonly string[]} lines
 */
const batch = (options, lines) =>
  new Promise((resolve, reject) => {
    const child = spawn('ip', [...options, '-batch', '-'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(undefined) : reject(new Error(`ip -batch: exit code ${code}`)),
    );
    child.stdin.end(`${lines.join('\n')}\n`);
  });

/** @param {number} number @param {string} [more] */
const create = (number, more = '') =>
  `link add link parent name mv${number} ${more} type macvlan mode bridge`;

/** @param {string} target */
const nameOf = (target) => target.slice(target.lastIndexOf('/') + 1);

await drive({
  create: ({ count, measure }) =>
    measure(() =>
      batch(
        [],
        range(count).map((number) => create(number)),
      ),
    ),
  'create-into': ({ count, target, measure }) =>
    measure(() =>
      batch(
        [],
        range(count).map((number) => create(number, `netns ${nameOf(target)}`)),
      ),
    ),
  delete: ({ count, measure }) =>
    measure(() =>
      batch(
        [],
        range(count).map((number) => `link del dev mv${number}`),
      ),
    ),
  attach: ({ count, target, measure }) =>
    measure(async () => {
      const names = range(count).map((number) => nameOf(target) + number);
      const links = names.map(
        (name) => `link add link parent name eth0 netns ${name} type macvlan mode bridge`,
      );
      await batch([], links);
      // One process for each namespace: a batch cannot change to another.
      for (const [number, name] of names.entries()) {
        const address = `addr add ${addressOf(number)} dev eth0`;
        await batch(['-n', name], [address, 'link set eth0 up', 'link set lo up']);
      }
    }),
  netns: ({ count, target, measure }) =>
    measure(() =>
      batch(
        [],
        range(count).map((number) => `netns add ${nameOf(target)}${number}`),
      ),
    ),
});
