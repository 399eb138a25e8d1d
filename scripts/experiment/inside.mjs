// The experiment itself, in the namespaces that enter.mjs has made for it.
import { constants } from 'node:os';
import { Account } from './account.mjs';
import { CannotRun, Stopped } from './errors.mjs';
import { isNetlinkError, Netns } from './library.mjs';
import { tryModes, tryModesOnCard } from './modes.mjs';
import { buildNetwork, PARENT } from './physical.mjs';
import { Report } from './report.mjs';
import { Teardown } from './teardown.mjs';
import { connectPair, setParentPromiscuous, showSupport } from './tutorial.mjs';

/** @typedef {import('./library.mjs').Namespace} Namespace */
/** @typedef {import('./tutorial.mjs').Names} Names */

/** Aborts when the process is asked to stop, or cannot go on. */
function watchProcess() {
  const controller = new AbortController();
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    const code = 128 + constants.signals[signal];
    process.on(signal, () => controller.abort(new Stopped(signal, code)));
  }
  // Whoever read the output has gone, as with `| head`.
  const unread = new Stopped('a closed output', 128 + constants.signals.SIGPIPE);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code, message }) =>
      controller.abort(code === 'EPIPE' ? unread : new Stopped(message, 1)),
    );
  }
  // Nothing is known to throw outside of every promise; what does must not leave links behind.
  /** @param {Error} error */
  const fail = (error) => controller.abort(error);
  process.on('uncaughtException', fail);
  return { signal: controller.signal, release: () => process.off('uncaughtException', fail) };
}

/**
 * Small indexes are easier to follow than those that the library chooses.
 *
 * @param {Namespace} machine
 */
async function firstFreeIndex(machine) {
  const links = await machine.listLinks();
  return Math.max(2, ...links.map(({ index }) => index)) + 1;
}

/**
 * What there is to be left as it was: links that others make on the machine meanwhile do not count.
 *
 * @param {Namespace} machine
 * @param {string | undefined} card
 */
async function surroundings(machine, card) {
  const links = await machine.listLinks(card === undefined ? {} : { parent: card });
  const promiscuous = card !== undefined && (await machine.getLink(card)).promiscuous;
  return [
    ...links.map(({ name, index }) => `link ${name} (index ${index})`),
    ...(await Netns.list()).map((name) => `namespace ${name}`),
    ...(promiscuous ? [`${card} promiscuous`] : []),
  ];
}

/**
 * @param {Namespace} machine
 * @param {Names} names
 */
async function checkCard(machine, names) {
  const card = await machine.getLink(names.parent).catch((error) => {
    const isNoName = error.code === 'ERR_INVALID_ARG_VALUE';
    if (!isNoName && !isNetlinkError(error, 'ENODEV')) throw error;
    throw new CannotRun(`Missing: the network card '${names.parent}'. There is none of that name.`);
  });
  if (!card.up || !card.lowerUp) {
    const what = card.up ? 'has no carrier' : 'is down';
    throw new CannotRun(`'${card.name}' ${what}: it has to be up and connected.`);
  }
  const links = await machine.listLinks();
  const taken = links.find(({ name }) => name === names.macv1 || name === names.macv2);
  if (taken !== undefined) {
    throw new CannotRun(
      `There already is a link '${taken.name}' (index ${taken.index}) beside '${card.name}'.\n` +
        'Delete it, or give the experiment other names with --prefix.',
    );
  }
}

/**
 * Makes everything, shows it, and takes it down again.
 *
 * @param {import('./enter.mjs').Options} options
 * @param {Report} report
 * @param {AbortSignal} signal
 * @returns {Promise<number>} the exit code
 */
async function run({ parent: card, prefix, json }, report, signal) {
  const machine = Netns.current();
  const onCard = card !== undefined;
  const names = {
    parent: card ?? PARENT,
    macv1: `${prefix}macv1`,
    macv2: `${prefix}macv2`,
    net1: `${prefix}net1`,
    net2: `${prefix}net2`,
  };
  if (onCard) await checkCard(machine, names);
  const account = new Account(report, signal, names, { onCard, json });
  /** @type {import('./tutorial.mjs').Tell} */
  const tell = (title, work) => account.tell(title, work);
  await showSupport(tell);

  const before = await surroundings(machine, card);
  await Teardown.after(signal, async (teardown) => {
    const index = onCard ? undefined : await firstFreeIndex(machine);
    if (!onCard) await buildNetwork(teardown, machine, { hairpin: false, index });
    await setParentPromiscuous(teardown, machine, names, tell);
    // Gone before the modes are tried: on a card, those links have the same addresses.
    await Teardown.after(signal, (inner) =>
      connectPair(inner, machine, names, index && index + 1, tell),
    );
    await account.tellModes((progress) =>
      onCard ? tryModesOnCard(signal, progress, machine, card) : tryModes(signal, progress),
    );
  });
  const after = await surroundings(machine, card);
  return account.close(after.filter((item) => !before.includes(item))) ? 0 : 1;
}

/**
 * @param {any} error
 * @param {Report} report
 * @returns {number} the exit code
 */
function explain(error, report) {
  if (error instanceof AggregateError) {
    report.tell(`${error.message}:`);
    for (const one of error.errors) report.tell(`  ${one.message}`);
    return 1;
  }
  if (error instanceof Stopped) {
    report.tell(`${error.message}. Everything is taken down again.`);
    return error.code;
  }
  const cannot =
    error instanceof CannotRun ||
    ['EOPNOTSUPP', 'EPERM'].some((code) => isNetlinkError(error, code));
  report.tell(cannot || isNetlinkError(error) ? error.message : error.stack);
  return cannot ? 2 : 1;
}

const report = new Report(process.stdout, process.stderr);
const { signal, release } = watchProcess();
try {
  process.exitCode = await run(JSON.parse(process.argv[2]), report, signal);
  // An output that cannot be written says so later.
  await new Promise((resolve) => process.stdout.write('', resolve));
  signal.throwIfAborted();
} catch (error) {
  process.exitCode = explain(error, report);
} finally {
  release();
}
