// This package.
import { setTimeout as sleep } from 'node:timers/promises';
import { Netns } from '../../../../dist/index.js';
import {
  addressOf,
  drive,
  measureGrowth,
  measureLatency,
  measureLatencyDuring,
  measureListing,
  range,
} from './drive.mjs';

const LOOPBACK = 1;
const here = Netns.current();

/** The first request opens the socket. @param {import('./drive.mjs').Task} task */
const ready = ({ parent }) => here.getLink(parent);

/** @param {number} parent @param {number} number @param {Netns} [netns] */
const create = (parent, number, netns) =>
  here.createMacvlan({
    parent,
    name: `mv${number}`,
    mode: 'bridge',
    ...(netns === undefined ? {} : { netns }),
  });

/** The links that are there for the workload. @param {Netns} netns */
const prepared = async (netns) => netns.listLinks({ kind: 'macvlan' });

/** @param {import('./drive.mjs').Task} task @param {number} number */
async function attach({ parent, target }, number) {
  const netns = await Netns.open(`${target}${number}`);
  try {
    await Promise.all([
      here.createMacvlan({
        parent,
        netns,
        name: 'eth0',
        mode: 'bridge',
        up: true,
        addresses: [addressOf(number)],
      }),
      netns.setLink(LOOPBACK, { up: true }),
    ]);
  } finally {
    await netns.close();
  }
}

await drive({
  create: async (task) => {
    await ready(task);
    return task.measure(async () => {
      for (let number = 0; number < task.count; number++) await create(task.parent, number);
    });
  },
  'create-all': async (task) => {
    await ready(task);
    return task.measure(() =>
      Promise.all(range(task.count).map((number) => create(task.parent, number))),
    );
  },
  'create-into': async (task) => {
    await ready(task);
    const netns = await Netns.open(task.target);
    const result = await task.measure(async () => {
      for (let number = 0; number < task.count; number++) await create(task.parent, number, netns);
    });
    await netns.close();
    return result;
  },
  delete: async ({ measure }) => {
    const links = await prepared(here);
    return measure(() => here.deleteLinks(links));
  },
  'delete-calls': async ({ measure }) => {
    const links = await prepared(here);
    return measure(() => Promise.all(links.map((link) => here.deleteLink(link))));
  },
  'delete-each': async ({ measure }) => {
    const links = await prepared(here);
    return measure(async () => {
      for (const link of links) await here.deleteLink(link);
    });
  },
  list: async (task) => {
    await ready(task);
    return measureListing(task, () => here.listLinks());
  },
  attach: async (task) => {
    await ready(task);
    return task.measure(() => Promise.all(range(task.count).map((number) => attach(task, number))));
  },
  'attach-each': async (task) => {
    await ready(task);
    return task.measure(async () => {
      for (let number = 0; number < task.count; number++) await attach(task, number);
    });
  },
  netns: async ({ count, target, measure }) => {
    const name = target.slice(target.lastIndexOf('/') + 1);
    return measure(() => Promise.all(range(count).map((number) => Netns.create(name + number))));
  },
  latency: ({ count, parent }) => measureLatency(count, () => here.setLink(parent, { up: true })),
  'latency-busy': async ({ parent, target }) => {
    const netns = await Netns.open(target);
    const links = await prepared(netns);
    const result = await measureLatencyDuring(
      () => here.setLink(parent, { up: true }),
      async () => {
        for (const link of links) await netns.deleteLink(link);
      },
    );
    await netns.close();
    return result;
  },
  // Nothing: how long the machine holds a loop that has nothing to do.
  idle: ({ measure }) => measure(() => sleep(300)),
  growth: async (task) => {
    await ready(task);
    return measureGrowth(
      task,
      (number) => create(task.parent, number),
      () => here.listLinks(),
    );
  },
});
