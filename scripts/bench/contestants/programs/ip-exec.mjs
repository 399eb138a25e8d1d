// iproute2 by execFile, a process for each command: what most Node programs do today.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { addressOf, drive, measureLatency, measureListing } from './drive.mjs';

const run = promisify(execFile);
/** @param {readonly string[]} args */
const ip = (...args) => run('ip', args, { maxBuffer: 2 ** 30 });

const macvlan = ['type', 'macvlan', 'mode', 'bridge'];

const list = async () => {
  const { stdout } = await ip('-details', '-json', 'link', 'show');
  return /** @type {{ ifname: string }[]} */ (JSON.parse(stdout));
};

/** @param {string} target */
const nameOf = (target) => target.slice(target.lastIndexOf('/') + 1);

await drive({
  create: ({ count, measure }) =>
    measure(async () => {
      for (let number = 0; number < count; number++) {
        await ip('link', 'add', 'link', 'parent', 'name', `mv${number}`, ...macvlan);
      }
    }),
  'create-into': ({ count, target, measure }) =>
    measure(async () => {
      const netns = ['netns', nameOf(target)];
      for (let number = 0; number < count; number++) {
        await ip('link', 'add', 'link', 'parent', 'name', `mv${number}`, ...netns, ...macvlan);
      }
    }),
  delete: ({ count, measure }) =>
    measure(async () => {
      for (let number = 0; number < count; number++) await ip('link', 'del', 'dev', `mv${number}`);
    }),
  list: (task) => measureListing(task, list),
  attach: ({ count, target, measure }) =>
    measure(async () => {
      for (let number = 0; number < count; number++) {
        const netns = nameOf(target) + number;
        await ip('link', 'add', 'link', 'parent', 'name', 'eth0', 'netns', netns, ...macvlan);
        await ip('-n', netns, 'addr', 'add', addressOf(number), 'dev', 'eth0');
        await ip('-n', netns, 'link', 'set', 'eth0', 'up');
        await ip('-n', netns, 'link', 'set', 'lo', 'up');
      }
    }),
  netns: ({ count, target, measure }) =>
    measure(async () => {
      for (let number = 0; number < count; number++) {
        await ip('netns', 'add', `${nameOf(target)}${number}`);
      }
    }),
  latency: ({ count }) => measureLatency(count, () => ip('link', 'set', 'parent', 'up')),
});
