// This package.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
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
const IDLE_TIME = 2_500;
const [WARM_UP_ROUNDS, WARM_UP_LINKS, WARM_UP_BURSTS] = [6, 1_000, 3];
/** For how long the package makes objects before the event loop gets a turn, in milliseconds. */
const SLICE = 0.35;
/** How many links come and go together while they are watched. */
const TOGETHER = 1_000;
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

/** What a service has done before: makes and deletes some thousands. @param {import('./drive.mjs').Task} task @param {Netns} [netns] */
async function warmUp({ parent }, netns) {
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (let number = 0; number < WARM_UP_LINKS; number++) await create(parent, number, netns);
    const space = netns ?? here;
    await space.deleteLinks(await prepared(space));
  }
}

/** All at once. @param {import('./drive.mjs').Task} task */
const createAll = ({ count, parent }) =>
  Promise.all(range(count).map((number) => create(parent, number)));

/** @param {import('./drive.mjs').Task} task */
const attachAll = (task) => Promise.all(range(task.count).map((number) => attach(task, number)));

/** Makes containers as they were before `attach`. @param {import('./drive.mjs').Task} task */
const detachAll = ({ count, target }) =>
  Promise.all(
    range(count).map(async (number) => {
      const netns = await Netns.open(`${target}${number}`);
      await Promise.all([netns.deleteLink('eth0'), netns.setLink(LOOPBACK, { up: false })]);
      await netns.close();
    }),
  );

/** A function that takes options and does nothing, for the cost of calls alone. @param {object} options */
async function nothing(options) {
  await turn();
  return options;
}

/**
 * Watches while another program makes links and deletes them, a thousand at a time. Fails when the
 * events do not correspond to what happened.
 *
 * @param {import('./drive.mjs').Task} task
 */
async function watchOthers({ count, parent, measure }) {
  const counts = { added: 0, removed: 0, events: 0, resyncs: 0 };
  const names = new Set();
  const heap = [];
  const watch = here.watch();
  const reading = (async () => {
    for await (const event of watch) {
      counts.events++;
      if (event.type === 'resync') counts.resyncs++;
      if (event.type !== 'link' || !event.link.name.startsWith('mv')) continue;
      if (event.action === 'added') counts.added++;
      if (event.action === 'added') names.add(event.link.name);
      if (event.action === 'removed') counts.removed++;
      if (event.action === 'removed') names.delete(event.link.name);
    }
  })();
  const size = Math.min(count, TOGETHER);
  const round = startRounds(size, parent);
  const result = await measure(async () => {
    for (let made = 0; made < count; made += size) {
      await round.run();
      while (names.size > 0 || counts.added < Math.min(made + size, count)) await sleep(1);
      if (!process.env.BENCH_WATCH_LOOP) heap.push(usedHeap());
    }
  });
  round.end();
  await watch.return();
  await reading;
  const { added, removed, resyncs } = counts;
  if (resyncs === 0 && (added !== count || removed !== count)) {
    throw new Error(`${added} added and ${removed} removed, of ${count}`);
  }
  return { ...result, ...counts, heapFirstMiB: heap[0], heapLastMiB: heap.at(-1) };
}

/**
 * A shell that runs the C program: starting a process would hold up the event loop for some milliseconds.
 *
 * @param {number} size
 * @param {number} parent
 */
function startRounds(size, parent) {
  const both = ['prepare', 'delete'].map((work) => `"$BENCH_LIMIT" ${work} ${size} ${parent}`);
  const script = `while read -r _; do ${both.join(' && ')} || exit 1; echo; done`;
  const processor = process.env.BENCH_MAKER_PROCESSOR;
  const [command, ...args] = [
    ...(processor === undefined ? [] : ['taskset', '--cpu-list', processor]),
    ...['sh', '-c', script],
  ];
  const shell = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  return {
    run: async () => {
      shell.stdin.write('\n');
      // The limit prints a line of its own; an empty one says that the round is over.
      for (let said = ''; !said.endsWith('\n\n'); ) said += (await once(shell.stdout, 'data'))[0];
    },
    end: () => shell.stdin.end(),
  };
}

/** @param {number} count @param {object} like */
async function makeObjects(count, like) {
  const made = [];
  let begun = performance.now();
  for (let number = 0; number < count; number++) {
    made.push({ ...like, index: number, name: `mv${number}`, mac: `${1e16 + number}` });
    if (number % 16 !== 0 || performance.now() - begun < SLICE) continue;
    await turn();
    begun = performance.now();
  }
  return made;
}

/** After a collection, in MiB. */
function usedHeap() {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
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
    return task.measure(() => createAll(task));
  },
  'create-all-warm': async (task) => {
    for (let burst = 0; burst < WARM_UP_BURSTS; burst++) {
      await createAll(task);
      await here.deleteLinks(await prepared(here));
    }
    return task.measure(() => createAll(task));
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
  'create-warm': async (task) => {
    await warmUp(task);
    return task.measure(async () => {
      for (let number = 0; number < task.count; number++) await create(task.parent, number);
    });
  },
  'create-into-warm': async (task) => {
    const netns = await Netns.open(task.target);
    await warmUp(task, netns);
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
    return task.measure(() => attachAll(task));
  },
  'attach-warm': async (task) => {
    for (let burst = 0; burst < WARM_UP_BURSTS; burst++) {
      await attachAll(task);
      await detachAll(task);
    }
    return task.measure(() => attachAll(task));
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
  // Nothing: how long the machine holds a loop that has nothing to do, in as much time as the longest
  // workload takes.
  idle: ({ measure }) => measure(() => sleep(IDLE_TIME)),
  // The program's own part of a turn in which it makes as many calls as `create-all`.
  asking: ({ count, parent, measure }) =>
    measure(() =>
      Promise.all(
        range(count).map((number) => nothing({ parent, name: `mv${number}`, mode: 'bridge' })),
      ),
    ),
  // What a listing hands over, without a listing: as many objects like links, as many at a time.
  objects: async (task) => {
    const link = await here.getLink(task.parent);
    return measureListing(task, () => makeObjects(task.count, link));
  },
  watch: watchOthers,
  growth: async (task) => {
    await ready(task);
    return measureGrowth(
      task,
      (number) => create(task.parent, number),
      () => here.listLinks(),
    );
  },
});
