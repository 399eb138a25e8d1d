/** Which options compile: every wrong one stands under a `@ts-expect-error`. */
import { describe, expectTypeOf, test } from 'vitest';
import type {
  Address,
  AddressOptions,
  CreateMacvlanOptions,
  CreateMacvtapOptions,
  DeleteOptions,
  LinkRef,
  MacvlanMode,
  MoveOptions,
  Neighbour,
  NeighbourToAdd,
  NeighbourToRemove,
  NetnsLike,
  NetnsRef,
  Route,
  Rule,
  RuleToAdd,
  RuleToRemove,
} from '../../lib/index.js';
import {
  addAddress,
  addNeighbour,
  addRoute,
  addRule,
  createLink,
  createMacvlan,
  createMacvtap,
  Netns,
  removeAddress,
  removeNeighbour,
  removeRoute,
  removeRule,
  replaceRoute,
  setLink,
  setMacvlan,
} from '../../lib/index.js';

const parent = 'eth0';
const mac = '02:00:5e:10:00:01';
const sources = [mac];
declare const address: Address;
declare const route: Route;
declare const rule: Rule;
declare const neighbour: Neighbour;

describe('createMacvlan', () => {
  test('takes the options of every mode', () => {
    createMacvlan({ parent });
    createMacvlan({ parent: 3 });
    createMacvlan({ parent, mode: 'bridge', sources: undefined, nodst: undefined });
    createMacvlan({ parent, mode: 'passthru', mac: undefined });
    setMacvlan('mv0', { mode: 'bridge', sources: undefined });
    createMacvlan({ parent: { index: 3 } });
    createMacvlan({
      parent,
      name: 'macv1',
      netns: 'net1',
      index: 7,
      mac,
      mtu: 1400,
      txQueueLen: 500,
      numTxQueues: 2,
      numRxQueues: 2,
      group: 9,
      alias: 'a text',
      altNames: ['web'],
      up: true,
      promiscuous: true,
      allMulticast: false,
      addresses: ['52.1.1.151/24', { address: 'fd00::1', prefixLength: 64, flags: ['nodad'] }],
      routes: [{ to: 'default', via: '52.1.1.1' }],
      bcQueueLen: 1000,
      bcCutoff: -1,
      addrGenMode: 'none',
      ipv4: { arpNotify: true, arpIgnore: 1 },
      ipv6: { acceptRa: 0, autoconf: false },
      signal: new AbortController().signal,
    });
  });

  test('needs a parent', () => {
    // @ts-expect-error: no parent
    createMacvlan({ name: 'macv1' });
    // @ts-expect-error: no parent, in a mode of its own
    createMacvlan({ mode: 'source', sources });
  });

  test('knows five modes', () => {
    createMacvlan({ parent, mode: 'private' });
    createMacvlan({ parent, mode: 'vepa' });
    createMacvlan({ parent, mode: 'bridge' });
    createMacvlan({ parent, mode: 'passthru' });
    createMacvlan({ parent, mode: 'source' });
    // @ts-expect-error: not how the kernel spells it
    createMacvlan({ parent, mode: 'passthrough' });
    // @ts-expect-error: the kernel's number is not the public form
    createMacvlan({ parent, mode: 4 });
  });

  test('private, vepa, bridge and the default take no options of other modes', () => {
    for (const mode of ['private', 'vepa', 'bridge'] as const) {
      createMacvlan({ parent, mode, mac });
      // @ts-expect-error: sources are source mode's
      createMacvlan({ parent, mode, sources });
      // @ts-expect-error: nodst is source mode's
      createMacvlan({ parent, mode, nodst: true });
      // @ts-expect-error: nopromisc is passthru's
      createMacvlan({ parent, mode, nopromisc: true });
    }
    // @ts-expect-error: sources are source mode's
    createMacvlan({ parent, mode: 'private', sources });
    // @ts-expect-error: nodst is source mode's
    createMacvlan({ parent, mode: 'vepa', nodst: false });
    // @ts-expect-error: nopromisc is passthru's
    createMacvlan({ parent, mode: 'bridge', nopromisc: false });
    // @ts-expect-error: without a mode it is vepa
    createMacvlan({ parent, sources });
    // @ts-expect-error: without a mode it is vepa
    createMacvlan({ parent, nodst: true });
    // @ts-expect-error: without a mode it is vepa
    createMacvlan({ parent, nopromisc: true });
  });

  test('passthru takes nopromisc, and no MAC of its own', () => {
    createMacvlan({ parent, mode: 'passthru', nopromisc: true });
    // @ts-expect-error: the parent's MAC is taken
    createMacvlan({ parent, mode: 'passthru', mac });
    // @ts-expect-error: sources are source mode's
    createMacvlan({ parent, mode: 'passthru', sources });
    // @ts-expect-error: nodst is source mode's
    createMacvlan({ parent, mode: 'passthru', nodst: true });
  });

  test('source takes sources and nodst', () => {
    createMacvlan({ parent, mode: 'source', sources, nodst: true, mac });
    createMacvlan({ parent, mode: 'source', sources: [] as readonly string[] });
    // @ts-expect-error: nopromisc is passthru's
    createMacvlan({ parent, mode: 'source', nopromisc: true });
    // @ts-expect-error: MACs are texts
    createMacvlan({ parent, mode: 'source', sources: [1] });
  });

  test('options in a variable are checked as well', () => {
    const held = { parent, mode: 'bridge', sources } as const;
    // @ts-expect-error: sources are source mode's
    createMacvlan(held);
    const passthru = { parent, mode: 'passthru', mac } as const;
    // @ts-expect-error: the parent's MAC is taken
    createMacvlan(passthru);
  });

  test('a mode that is known at run time only is taken with the common options', () => {
    const mode = 'bridge' as MacvlanMode;
    createMacvlan({ parent, mode });
    createMacvlan({ parent, mode: undefined as MacvlanMode | undefined });
    // @ts-expect-error: might be another mode
    createMacvlan({ parent, mode, sources });
    // @ts-expect-error: might be passthru
    createMacvlan({ parent, mode, mac });
  });

  test('undefined counts as left out', () => {
    createMacvlan({ parent, mode: undefined, name: undefined, mtu: undefined, signal: undefined });
    createMacvlan({ parent, mode: 'source', sources: undefined, nodst: undefined });
  });

  test('refuses unknown options, and values of another type', () => {
    // @ts-expect-error: the option is called promiscuous
    createMacvlan({ parent, promisc: true });
    // @ts-expect-error: a number
    createMacvlan({ parent, mtu: '1500' });
    // @ts-expect-error: a boolean
    createMacvlan({ parent, up: 'yes' });
    // @ts-expect-error: an array
    createMacvlan({ parent, addresses: '10.0.0.1/24' });
    // @ts-expect-error: no such mode of address generation
    createMacvlan({ parent, addrGenMode: 'privacy' });
    // @ts-expect-error: null is no value
    createMacvlan({ parent, name: null });
  });

  test('createMacvtap takes the same', () => {
    expectTypeOf<CreateMacvtapOptions>().toEqualTypeOf<CreateMacvlanOptions>();
    createMacvtap({ parent, mode: 'passthru', nopromisc: true });
    // @ts-expect-error: sources are source mode's
    createMacvtap({ parent, mode: 'bridge', sources });
  });
});

describe('createLink', () => {
  test('takes the options of its kind', () => {
    createLink({ kind: 'macvlan', parent, mode: 'source', sources });
    createLink({ kind: 'macvtap', parent, mode: 'passthru', nopromisc: true });
    createLink({ kind: 'veth' });
    createLink({ kind: 'veth', name: 'a', peer: { name: 'b', netns: 'net1', mac, up: true } });
    createLink({ kind: 'veth', peer: { master: 'br0' } });
    createLink({ kind: 'bridge', name: 'br0', up: true });
    createLink({ kind: 'dummy', netns: { pid: 1 } });
    createLink({ kind: 'vlan', parent, id: 50 });
    createLink({ kind: 'vlan', parent, id: 50, protocol: '802.1ad', master: 'br0' });
    createLink({ kind: 'macvlan' as 'macvlan' | 'macvtap', parent });
  });

  test('refuses options of other kinds', () => {
    // @ts-expect-error: no kind
    createLink({ name: 'a' });
    // @ts-expect-error: a kind that is not offered
    createLink({ kind: 'bond' });
    // @ts-expect-error: a macvlan has no peer
    createLink({ kind: 'macvlan', parent, peer: { name: 'b' } });
    // @ts-expect-error: sources are source mode's
    createLink({ kind: 'macvlan', parent, mode: 'bridge', sources });
    // @ts-expect-error: the parent's MAC is taken
    createLink({ kind: 'macvtap', parent, mode: 'passthru', mac });
    // @ts-expect-error: a macvlan needs a parent
    createLink({ kind: 'macvlan' });
    // @ts-expect-error: a veth rides on nothing
    createLink({ kind: 'veth', parent });
    // @ts-expect-error: a peer has no such option
    createLink({ kind: 'veth', peer: { mtu: 1500, index: 7 } });
    // @ts-expect-error: a bridge has no mode
    createLink({ kind: 'bridge', mode: 'bridge' });
    // @ts-expect-error: no id
    createLink({ kind: 'vlan', parent });
    // @ts-expect-error: no parent
    createLink({ kind: 'vlan', id: 50 });
    // @ts-expect-error: not a protocol
    createLink({ kind: 'vlan', parent, id: 50, protocol: '802.1q' });
  });
});

describe('setMacvlan', () => {
  test('takes the options of one mode, with or without that mode', () => {
    setMacvlan('macv1', { mode: 'bridge' });
    setMacvlan(7, { bcQueueLen: 100, bcCutoff: 0 });
    setMacvlan('macv1', { nopromisc: true });
    setMacvlan('macv1', { sources, nodst: false });
    setMacvlan('macv1', { mode: 'source', sources });
    setMacvlan('macv1', { mode: 'passthru', nopromisc: false });
    setMacvlan('macv1', { mode: 'vepa' as MacvlanMode });
  });

  test('refuses options of two modes together', () => {
    // @ts-expect-error: nopromisc is passthru's, sources are source mode's
    setMacvlan('macv1', { nopromisc: true, sources });
    // @ts-expect-error: nopromisc is passthru's, nodst is source mode's
    setMacvlan('macv1', { nopromisc: true, nodst: true });
    // @ts-expect-error: sources are source mode's
    setMacvlan('macv1', { mode: 'bridge', sources });
    // @ts-expect-error: nopromisc is passthru's
    setMacvlan('macv1', { mode: 'source', nopromisc: true });
    // @ts-expect-error: the parent is fixed for life
    setMacvlan('macv1', { parent: 'eth1' });
  });
});

describe('the other inputs', () => {
  test('setLink', () => {
    setLink('macv1', { name: 'macv2', mac, mtu: 1400, up: true, promiscuous: false, arp: true });
    setLink('macv1', { alias: null, master: null, addAltNames: ['a'], removeAltNames: ['b'] });
    setLink('p1', { bridgePort: { hairpin: true }, addrGenMode: 'eui64' });
    setLink('p1', { ipv4: { rpFilter: 2, proxyArp: false } });
    // @ts-expect-error: the kernel has no such setting
    setLink('p1', { ipv4: { ndiscNotify: true } });
    // @ts-expect-error: the mode is setMacvlan's
    setLink('macv1', { mode: 'bridge' });
    // @ts-expect-error: a link is moved by moveLink
    setLink('macv1', { netns: 'net1' });
    // @ts-expect-error: the number of queues is fixed for life
    setLink('macv1', { numTxQueues: 2 });
    // @ts-expect-error: no such property of a port
    setLink('p1', { bridgePort: { cost: 2 } });
    // @ts-expect-error: only master and alias can be taken away
    setLink('macv1', { mac: null });
  });

  test('namespaces and links', () => {
    expectTypeOf<NetnsLike>().toExtend<NetnsRef>();
    expectTypeOf<Netns>().toExtend<NetnsLike>();
    createMacvlan({ parent, netns: Netns.current() });
    expectTypeOf<string>().toExtend<NetnsRef>();
    expectTypeOf<{ pid: number }>().toExtend<NetnsRef>();
    expectTypeOf<{ fd: number }>().toExtend<NetnsRef>();
    expectTypeOf<number>().not.toExtend<NetnsRef>();
    expectTypeOf<{ pid: string }>().not.toExtend<NetnsRef>();
    // Only the class has the brand: no object written by hand passes for a handle.
    expectTypeOf<{ fd: number; inode: number; name: null }>().not.toExtend<NetnsLike>();
    expectTypeOf<{ index: number }>().toExtend<LinkRef>();
    expectTypeOf<{ name: string }>().not.toExtend<LinkRef>();
    expectTypeOf<null>().not.toExtend<LinkRef>();
  });

  test('addresses and routes', () => {
    const address: AddressOptions = {
      address: '10.0.0.1',
      prefixLength: 24,
      peer: '10.0.0.2',
      broadcast: '10.0.0.255',
      label: 'macv1:1',
      scope: 'link',
      flags: ['noprefixroute', 'home', 'mngtmpaddr', 'optimistic', 'autojoin'],
      validLifetime: Number.POSITIVE_INFINITY,
      preferredLifetime: 60,
      metric: 5,
    };
    expectTypeOf(address).toExtend<AddressOptions>();
    // @ts-expect-error: a flag that the kernel sets, nobody asks for
    const tentative: AddressOptions = { address: '10.0.0.1/24', flags: ['tentative'] };
    // @ts-expect-error: no address
    const bare: AddressOptions = { prefixLength: 24 };
    addRoute({ to: 'default', via: '10.0.0.1', link: 'macv1', metric: 5, table: 'main' });
    addRoute({ to: '10.1.0.0/16', link: 3, table: 100, source: '10.0.0.2', scope: 'link' });
    addRoute({ to: '10.2.0.0/16', type: 'blackhole', protocol: 'static', scope: 200 });
    addRoute({ to: 'default', link: 3, family: 'IPv6', onlink: true, mtu: 1400, advmss: 1300 });
    addRoute({ to: '10.3.0.0/16', nexthopId: 5 });
    addRoute({ to: '10.4.0.0/16', link: 3, append: true });
    // @ts-expect-error: no destination
    addRoute({ via: '10.0.0.1' });
    // @ts-expect-error: called via
    addRoute({ to: 'default', gateway: '10.0.0.1' });
    // @ts-expect-error: no such table
    addRoute({ to: 'default', via: '10.0.0.1', table: 'mine' });
    expectTypeOf([tentative, bare]).toExtend<readonly AddressOptions[]>();
  });

  test('neighbours', () => {
    addNeighbour('macv1', { address: '10.0.0.9', mac, state: 'stale' });
    addNeighbour(3, { address: '10.0.0.9', proxy: true });
    removeNeighbour('macv1', '10.0.0.9');
    removeNeighbour('macv1', { address: '10.0.0.9', proxy: true });
    // @ts-expect-error: a state that only the kernel gives
    addNeighbour('macv1', { address: '10.0.0.9', mac, state: 'failed' });
    // @ts-expect-error: no address
    addNeighbour('macv1', { mac });
    expectTypeOf<Neighbour>().toExtend<NeighbourToAdd & NeighbourToRemove>();
  });

  test('rules', () => {
    addRule({ priority: 100, from: '10.0.0.1', table: 'main', sourcePorts: [1, 5] });
    addRule({ priority: 100, ipProtocol: 'tcp', destinationPorts: 80, action: 'nop' });
    removeRule({ table: 100 });
    // @ts-expect-error: the kernel would choose another one each time
    addRule({ from: '10.0.0.1', table: 100 });
    // @ts-expect-error: a rule knows links by their names
    addRule({ priority: 100, iif: 3 });
    // @ts-expect-error: no such action
    addRule({ priority: 100, action: 'drop' });
    expectTypeOf<Rule>().toExtend<RuleToAdd & RuleToRemove>();
    expectTypeOf<Pick<Rule, 'priority' | 'family' | 'from'>>().toExtend<RuleToRemove>();
    expectTypeOf<Partial<Rule>>().toExtend<RuleToRemove>();
  });

  test('what was listed, with some of its fields as options', () => {
    addAddress('macv1', { ...address, scope: 'link', flags: ['nodad'] });
    addRoute({ ...route, link: 'macv1', table: 'main', append: true });
    replaceRoute({ ...route, nextHops: [{ via: '10.0.0.1' }] });
    removeRoute({ ...route, nextHops: route.nextHops.map((hop) => ({ ...hop, link: 'macv1' })) });
    addRule({ ...rule, table: 'main', sourcePorts: 80 });
    removeRule({ ...rule, ipProtocol: 6 });
    addNeighbour('macv1', { ...neighbour, state: 'permanent' });
    addRoute({ ...route, nexthopId: undefined, link: 'macv1' });
    createMacvlan({ parent: 'eth0', routes: [{ ...route, link: undefined }, { to: 'default' }] });
    // @ts-expect-error: a link, but no gateway, has an index
    addRoute({ ...route, via: 3 });
    // @ts-expect-error: no such option
    addRoute({ ...route, gateway: '10.0.0.1' });
    // @ts-expect-error: no such table
    addRule({ ...rule, table: 'mine' });
  });

  test('what was listed, with some of its fields left out', () => {
    const { label, ...unlabelled } = address;
    addAddress('macv1', unlabelled);
    const { source, link, ...elsewhere } = route;
    addRoute({ ...elsewhere, link: 'macv1' });
    removeRoute({ ...elsewhere, link: 'macv1' });
    removeRoute({ to: 'default', via: null, link: 'macv1' });
    const { iif, ...anywhere } = rule;
    addRule(anywhere);
    const { state, router, ...known } = neighbour;
    addNeighbour('macv1', known);
    removeAddress('macv1', unlabelled);
    const { nexthopId, ...written } = route;
    // @ts-expect-error: without it, null stands for no option
    addRoute(written);
    const { linkIndex, ...unlinked } = address;
    // @ts-expect-error: as above
    addAddress('macv1', unlinked);
  });

  test('deletions', () => {
    expectTypeOf<{ ifExists: true; signal: AbortSignal }>().toExtend<DeleteOptions>();
    type Removal = Parameters<typeof removeRoute>[0] & Parameters<typeof removeRule>[0];
    expectTypeOf<{ to: string; priority: number; ifExists: true }>().toExtend<Removal>();
    // @ts-expect-error: what is added is not there before
    addRoute({ to: 'default', ifExists: true });
    // @ts-expect-error: the name of Node's own
    const deletion: DeleteOptions = { force: true };
    expectTypeOf(deletion).toEqualTypeOf<DeleteOptions>();
  });

  test('moveLink', () => {
    expectTypeOf<{ name: 'a'; index: 5; signal: AbortSignal }>().toExtend<MoveOptions>();
    // @ts-expect-error: a move changes nothing else
    const move: MoveOptions = { mtu: 1400 };
    expectTypeOf(move).toEqualTypeOf<MoveOptions>();
  });
});
