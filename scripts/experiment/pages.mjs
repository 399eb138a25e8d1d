// What each step has shown, put into words and tables for somebody who is new to macvlan.
import { ADDRESSES } from './physical.mjs';

/** @typedef {import('./report.mjs').Report} Report */
/** @typedef {import('./tutorial.mjs').Step} Step */
/** @typedef {import('./tutorial.mjs').Seen} Seen */
/** @typedef {import('./tutorial.mjs').Names} Names */

/**
 * @param {Report} report
 * @param {Names} names
 * @param {boolean} onCard
 */
export function showIntroduction(report, names, onCard) {
  if (onCard) {
    report.paragraph(
      `macvlan on ${names.parent}, a network card of this machine. It is promiscuous meanwhile; its ` +
        'addresses and routes stay as they are. Everything is taken down at the end.',
    );
    return;
  }
  report.paragraph(
    'macvlan on this kernel, in private namespaces: nothing of the machine is touched, and ' +
      'everything is taken down at the end. In place of a network card there is one end of a cable ' +
      '(a veth pair) that leads to a switch (a bridge), and behind the switch a host:',
  );
  const { parent, child1, child2, server } = ADDRESSES;
  const children = [
    `${names.net1}: ${names.macv1}`,
    child1,
    `${names.net2}: ${names.macv2}`,
    child2,
  ];
  const width = Math.max(...children.map((text) => text.length));
  const [one, oneAddress, two, twoAddress] = children.map((text) => text.padEnd(width));
  const cable = '─'.repeat(9);
  const line = `${names.parent} ${cable} switch ${cable} host`;
  report.line();
  report.line(`    ${one} ───┐`);
  report.line(`    ${oneAddress}    ├─── ${line}`);
  report.line(`    ${two} ───┘    ${parent.padEnd(line.length - 4)}${server}`);
  report.line(`    ${twoAddress}         the parent`);
}

/**
 * @param {Report} report
 * @param {number} number
 * @param {Step} step
 * @param {Names} names
 */
export function showStep(report, number, step, names) {
  report.heading(`${number}. ${step.title}`);
  const page = /** @type {(report: Report, step: Step, names: Names) => void} */ (pages[step.id]);
  page(report, step, names);
}

const MODULE_STATES = {
  builtin: 'part of the kernel',
  loaded: 'a module of the kernel, loaded',
  loadable: 'a module that the kernel can load',
  missing: 'not to be had on this kernel',
};

/** @type {{ [Id in Step['id']]: (report: Report, step: Extract<Step, { id: Id }>, names: Names) => void }} */
const pages = {
  support(report, { support }) {
    report.code(['await checkSupport({ load: true })']);
    const { features } = support;
    const known = (/** @type {boolean} */ value) => (value ? 'known' : 'not known');
    // Not in the table: distributions give kernels names too long for it.
    report.paragraph(`The kernel: Linux ${support.kernel}`);
    report.table(
      ['', 'here', 'which means'],
      [
        ['macvlan', support.macvlan, MODULE_STATES[support.macvlan]],
        ['macvtap', support.macvtap, MODULE_STATES[support.macvtap]],
        ['netAdmin', support.netAdmin ? 'yes' : 'no', 'may make and change links (CAP_NET_ADMIN)'],
        ['source', known(features.source), 'the mode source'],
        ['nodst', known(features.nodst), 'an option of the mode source'],
        ['bcQueueLen', known(features.bcQueueLen), 'how many broadcasts may wait for delivery'],
        ['bcCutoff', known(features.bcCutoff), 'which multicasts need not wait'],
      ],
    );
  },

  promiscuous(report, { before, after }, { parent }) {
    report.code([`await setPromiscuous('${parent}', true)`]);
    const row = (/** @type {string} */ when, /** @type {Seen} */ { link }) => [
      when,
      link.promiscuous ? 'yes' : 'no',
      String(link.promiscuity),
      link.flags.join(' '),
    ];
    report.table(
      ['', 'promiscuous', 'promiscuity', 'flags'],
      [row('before', before), row('after', after)],
    );
    report.paragraph(
      'promiscuous: somebody asked for it (IFF_PROMISC). promiscuity: how many hold the link so, the ' +
        'kernel included.',
    );
  },

  create(report, { links }, { parent, macv1, macv2 }) {
    report.code([
      `await createMacvlan({ parent: '${parent}', name: '${macv1}', mode: 'bridge' })`,
      `await createMacvlan({ parent: '${parent}', name: '${macv2}', mode: 'bridge' })`,
    ]);
    showLinks(report, links, ['link', 'index', 'parent', 'mode', 'MAC', 'state'], parent);
  },

  move(report, { links }, { parent, macv1, macv2, net1, net2 }) {
    report.code([
      `const net1 = await Netns.create('${net1}')`,
      `const net2 = await Netns.create('${net2}')`,
      `await moveLink('${macv1}', net1)`,
      `await moveLink('${macv2}', net2)`,
    ]);
    showLinks(report, links, ['namespace', 'link@parent', 'index', 'parent in', 'state'], parent);
    report.paragraph(
      'Moved, as the tutorials do it. createMacvlan({ …, netns: net1 }) makes a link in its namespace ' +
        'directly, which is many times faster.',
    );
  },

  addresses(report, { links }, { parent, macv1 }) {
    report.code([
      `await net1.addAddress('${macv1}', '${ADDRESSES.child1}/24')`,
      `await net1.setLink('${macv1}', { up: true })`,
      "await net1.setLink('lo', { up: true })",
      `// the same in net2, with ${ADDRESSES.child2}/24`,
    ]);
    showLinks(report, links, ['namespace', 'link', 'state', 'addresses'], parent);
  },

  view(report, { links }, { parent }) {
    report.code([
      'await net1.listLinks()   // and net1.listAddresses()',
      'await net2.listLinks()   // and net2.listAddresses()',
    ]);
    showLinks(
      report,
      links,
      ['namespace', 'link@parent', 'parent in', 'state', 'addresses'],
      parent,
    );
    report.paragraph(
      'From inside, all that is to be seen of the parent is its index (if…) and the id of its ' +
        'network namespace (netns). The fe80:: addresses are of the kernel’s own making.',
    );
  },

  reach(report, { from, to, roundTripsMs }) {
    report.code(["await net2.run(…)   // a Worker: node:dgram's sockets live in net2 there"]);
    if (roundTripsMs.length === 0) {
      report.line(`${report.paint('red', '✗')} No answer from ${to}.`);
      return;
    }
    for (const [at, time] of roundTripsMs.entries()) {
      report.line(`  datagram ${at + 1}: ${from} → ${to} → ${from}  ${milliseconds(time)}`);
    }
    const sum = roundTripsMs.reduce((total, time) => total + time, 0);
    const mean = sum / roundTripsMs.length;
    const figures = [Math.min(...roundTripsMs), mean, Math.max(...roundTripsMs)].map(milliseconds);
    const tick = report.paint('green', '✓');
    report.line(
      `${tick} Reached: shortest ${figures[0]}, mean ${figures[1]}, longest ${figures[2]}`,
    );
    report.paragraph('The first takes longer: ARP finds out the MAC before it.');
  },
};

/** @param {number} time */
const milliseconds = (time) => `${time.toFixed(3)} ms`;

/** @type {Record<string, (seen: Seen, parent: string) => string>} */
const columns = {
  namespace: ({ netns }) => netns,
  link: ({ link }) => link.name,
  // As `ip` prints it: the parent has no name here when it is in another namespace.
  'link@parent': ({ link }, parent) => {
    if (link.parent === null) return link.name;
    const { index, netnsid } = link.parent;
    return `${link.name}@${netnsid === null ? parent : `if${index}`}`;
  },
  'parent in': ({ link }) => {
    if (link.parent === null) return '';
    const { netnsid } = link.parent;
    return netnsid === null ? 'here' : `netns id ${netnsid}`;
  },
  index: ({ link }) => String(link.index),
  parent: ({ link }, parent) => `${parent} (index ${link.parent?.index})`,
  mode: ({ link }) => link.macvlan?.mode ?? '',
  MAC: ({ link }) => link.mac ?? '',
  state: ({ link }) => {
    if (!link.up) return 'down';
    return ['up', 'unknown'].includes(link.operState) ? 'up' : `up, ${link.operState}`;
  },
  addresses: ({ addresses }) => addresses.join('\n'),
};

/**
 * @param {Report} report
 * @param {readonly Seen[]} links
 * @param {readonly string[]} wanted columns
 * @param {string} parent
 */
function showLinks(report, links, wanted, parent) {
  report.table(
    wanted,
    links.map((seen) => wanted.map((column) => columns[column](seen, parent))),
  );
}
