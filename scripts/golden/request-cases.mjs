// The commands whose requests scripts/capture-golden.mjs records. `sends` names the message that
// does the work; `fails` says why the kernel of the capture may refuse it (the request is the same).

const PARENT =
  'ip link add p0 address 02:00:00:00:00:01 type veth peer name p1 address 02:00:00:00:00:02';
const CHILD = 'ip link add link p0 name c0 address 02:00:00:00:01:01 type macvlan mode bridge';
const SOURCE = 'ip link add link p0 name c0 address 02:00:00:00:01:01 type macvlan mode source';
const BRIDGE = 'ip link add br0 address 02:00:00:00:02:01 type bridge';
const PORT = 'ip link set p0 master br0';
const NET1 = 'ip netns add net1';
const UP = 'ip link set p1 up; ip link set p0 up; ip link set c0 up';
/** A process in a namespace of its own; $PID is its id. */
const PROCESS =
  'unshare --net sleep 30 & PID=$!; ' +
  'while [ $(readlink /proc/$PID/ns/net) = $(readlink /proc/$$/ns/net) ]; do sleep 0.01; done';

const newLink = (name, command, more = {}) => ({
  name,
  setup: [PARENT],
  command,
  sends: 'RTM_NEWLINK',
  ...more,
});
const setLink = (name, command, more = {}) =>
  newLink(name, command, { setup: [PARENT, CHILD], ...more });
const macvlan = (name, rest, more) =>
  newLink(`macvlan-${name}`, `ip link add link p0 name c0 ${rest}`, more);

const creation = [
  macvlan('private', 'type macvlan mode private'),
  macvlan('vepa', 'type macvlan mode vepa'),
  macvlan('bridge', 'type macvlan mode bridge'),
  newLink('macvlan-echo', 'ip -echo link add link p0 name c0 type macvlan mode bridge'),
  macvlan('passthru', 'type macvlan mode passthru'),
  macvlan('passthru-nopromisc', 'type macvlan mode passthru nopromisc'),
  macvlan('source', 'type macvlan mode source'),
  macvlan(
    'source-macs',
    'type macvlan mode source macaddr set 02:00:00:00:09:01 02:00:00:00:09:02',
  ),
  macvlan('source-nodst', 'type macvlan mode source nodst'),
  macvlan('source-nodst-macs', 'type macvlan mode source nodst macaddr set 02:00:00:00:09:01'),
  macvlan('default', 'type macvlan'),
  macvlan('bcqueuelen', 'type macvlan mode bridge bcqueuelen 5000'),
  newLink('macvlan-unnamed', 'ip link add link p0 type macvlan mode bridge'),
  macvlan('address', 'address 02:00:00:00:01:01 type macvlan mode bridge'),
  macvlan('mtu', 'mtu 1400 type macvlan mode bridge'),
  macvlan('index', 'index 77 type macvlan mode bridge'),
  macvlan('txqueuelen', 'txqueuelen 250 type macvlan mode bridge'),
  macvlan('queues', 'numtxqueues 4 numrxqueues 2 type macvlan mode bridge'),
  macvlan('group', 'group 7 type macvlan mode bridge'),
  macvlan('up', 'up type macvlan mode bridge'),
  macvlan('promisc', 'up promisc on type macvlan mode bridge'),
  macvlan('allmulticast', 'allmulticast on type macvlan mode bridge'),
  macvlan(
    'everything',
    'txqueuelen 250 address 02:00:00:00:01:01 mtu 1400 index 77 numtxqueues 4 numrxqueues 2 ' +
      'group 7 up type macvlan mode source nodst bcqueuelen 5000 macaddr set 02:00:00:00:09:01 02:00:00:00:09:02',
  ),
  macvlan('netns-fd', 'netns net1 type macvlan mode bridge', {
    setup: [PARENT, NET1],
    notes: 'IFLA_NET_NS_FD is the number that fds.net1 gives.',
  }),
  macvlan('netns-pid', 'netns $PID type macvlan mode bridge', {
    setup: [PARENT, PROCESS],
    notes: 'IFLA_NET_NS_PID is the number that pid gives.',
  }),
  newLink('macvtap-bridge', 'ip link add link p0 name t0 type macvtap mode bridge'),
  newLink('macvtap-default', 'ip link add link p0 type macvtap'),
  newLink(
    'macvtap-source-macs',
    'ip link add link p0 name t0 type macvtap mode source macaddr set 02:00:00:00:09:01',
  ),
  newLink('veth', 'ip link add v0 type veth peer name v1', { setup: [] }),
  newLink('veth-unnamed', 'ip link add type veth', { setup: [] }),
  newLink(
    'veth-peer-netns',
    'ip link add v0 address 02:00:00:00:03:01 mtu 1400 up type veth ' +
      'peer name v1 address 02:00:00:00:03:02 netns net1',
    { setup: [NET1], notes: 'IFLA_NET_NS_FD of the peer is the number that fds.net1 gives.' },
  ),
  newLink('bridge', 'ip link add br0 type bridge', { setup: [] }),
  newLink('bridge-address-up', 'ip link add br0 address 02:00:00:00:02:01 up type bridge', {
    setup: [],
  }),
  newLink('dummy', 'ip link add d0 type dummy', { setup: [], fails: 'perhaps' }),
  newLink('vlan', 'ip link add link p0 name p0.5 type vlan id 5', { fails: 'perhaps' }),
  newLink('vlan-8021ad', 'ip link add link p0 name p0.5 type vlan protocol 802.1ad id 4094', {
    fails: 'perhaps',
  }),
];

const living = [
  setLink('set-macvlan-mode', 'ip link set dev c0 type macvlan mode private'),
  setLink('set-macvlan-bcqueuelen', 'ip link set dev c0 type macvlan bcqueuelen 20'),
  setLink('set-macvlan-nopromisc', 'ip link set dev c0 type macvlan mode passthru nopromisc', {
    setup: [PARENT, 'ip link add link p0 name c0 type macvlan mode passthru', 'ip link set c0 up'],
  }),
  setLink('set-macvlan-nodst', 'ip link set dev c0 type macvlan mode source nodst', {
    setup: [PARENT, SOURCE],
  }),
  setLink(
    'set-macvlan-source-macs',
    'ip link set dev c0 type macvlan mode source macaddr set 02:00:00:00:09:03',
  ),
  setLink('set-macvtap-mode', 'ip link set dev t0 type macvtap mode vepa', {
    setup: [PARENT, 'ip link add link p0 name t0 type macvtap mode bridge'],
  }),
  ...[
    ['add', 'add 02:00:00:00:09:01'],
    ['del', 'del 02:00:00:00:09:01'],
    ['flush', 'flush'],
    ['set', 'set 02:00:00:00:09:01 02:00:00:00:09:02'],
    ['set-empty', 'set'],
  ].map(([name, rest]) =>
    setLink(`macaddr-${name}`, `ip link set dev c0 type macvlan macaddr ${rest}`, {
      setup: [PARENT, SOURCE],
    }),
  ),
  setLink('set-up', 'ip link set dev c0 up'),
  setLink('set-down', 'ip link set dev c0 down'),
  setLink('set-promisc-on', 'ip link set dev c0 promisc on'),
  setLink('set-promisc-off', 'ip link set dev c0 promisc off'),
  setLink('set-allmulticast-on', 'ip link set dev c0 allmulticast on'),
  setLink('set-arp-off', 'ip link set dev c0 arp off'),
  setLink('set-multicast-off', 'ip link set dev c0 multicast off'),
  setLink('set-flags', 'ip link set dev c0 up promisc on allmulticast off arp on multicast off'),
  setLink('set-mtu', 'ip link set dev c0 mtu 1400'),
  setLink('set-address', 'ip link set dev c0 address 02:00:00:00:01:02'),
  setLink('set-name', 'ip link set dev c0 name c9'),
  setLink('set-alias', "ip link set dev c0 alias 'the first'"),
  setLink('set-alias-empty', "ip link set dev c0 alias ''"),
  setLink('set-txqueuelen', 'ip link set dev c0 txqueuelen 250'),
  setLink('set-group', 'ip link set dev c0 group 7'),
  setLink(
    'set-many',
    'ip link set dev c0 up mtu 1400 address 02:00:00:00:01:02 txqueuelen 250 alias first',
  ),
  setLink('set-master', 'ip link set dev p0 master br0', { setup: [PARENT, BRIDGE] }),
  setLink('set-nomaster', 'ip link set dev p0 nomaster', { setup: [PARENT, BRIDGE, PORT] }),
  setLink('set-group-members-up', 'ip link set group 7 up', {
    setup: [PARENT, CHILD, 'ip link set c0 group 7'],
  }),
  setLink('altname-add', 'ip link property add dev c0 altname first altname second', {
    sends: 'RTM_NEWLINKPROP',
  }),
  setLink('altname-del', 'ip link property del dev c0 altname first', {
    setup: [PARENT, CHILD, 'ip link property add dev c0 altname first'],
    sends: 'RTM_DELLINKPROP',
  }),
  setLink('set-bridge-hairpin', 'bridge link set dev p0 hairpin on', {
    setup: [PARENT, BRIDGE, PORT],
    sends: 'RTM_SETLINK',
    notes: 'AF_BRIDGE and IFLA_PROTINFO; set-bridge-slave-hairpin has the same effect.',
  }),
  setLink('set-bridge-slave-hairpin', 'ip link set dev p0 type bridge_slave hairpin on', {
    setup: [PARENT, BRIDGE, PORT],
  }),
  setLink('move-netns-fd', 'ip link set dev c0 netns net1', {
    setup: [PARENT, CHILD, NET1],
    notes: 'IFLA_NET_NS_FD is the number that fds.net1 gives.',
  }),
  setLink('move-netns-pid', 'ip link set dev c0 netns $PID', {
    setup: [PARENT, CHILD, PROCESS],
    notes: 'IFLA_NET_NS_PID is the number that pid gives.',
  }),
  setLink('move-netns-name', 'ip link set dev c0 netns net1 name eth0', {
    setup: [PARENT, CHILD, NET1],
    notes: 'IFLA_NET_NS_FD is the number that fds.net1 gives.',
  }),
  setLink('move-netns-index', 'ip link set dev c0 netns net1 index 99', {
    setup: [PARENT, CHILD, NET1],
    notes: 'IFLA_NET_NS_FD is the number that fds.net1 gives.',
  }),
  setLink('del-link', 'ip link del dev c0', { sends: 'RTM_DELLINK' }),
  setLink('del-group', 'ip link del group 7', {
    setup: [PARENT, CHILD, 'ip link set c0 group 7'],
    sends: 'RTM_DELLINK',
  }),
];

const address = (name, command, more = {}) => ({
  name: `addr-${name}`,
  setup: [PARENT, CHILD, UP],
  command: `ip addr ${command}`,
  sends: 'RTM_NEWADDR',
  ...more,
});
const addresses = [
  address('add-v4', 'add 52.1.1.151/24 dev c0'),
  address('add-v4-broadcast', 'add 52.1.1.151/24 broadcast 52.1.1.255 dev c0'),
  address('add-v4-label', 'add 52.1.1.151/24 dev c0 label c0:one'),
  address('add-v4-peer', 'add 10.0.0.1 peer 10.0.0.2/32 dev c0'),
  address('add-v4-scope', 'add 169.254.1.1/16 dev c0 scope link'),
  address('add-v4-metric', 'add 52.1.1.151/24 dev c0 metric 50'),
  address('add-v4-lifetimes', 'add 52.1.1.151/24 dev c0 valid_lft 3600 preferred_lft 1800'),
  address('add-v4-valid', 'add 52.1.1.151/24 dev c0 valid_lft 3600 preferred_lft 3600'),
  address('add-v4-preferred-zero', 'add 52.1.1.151/24 dev c0 preferred_lft 0'),
  address('add-v4-noprefixroute', 'add 52.1.1.151/24 dev c0 noprefixroute'),
  address(
    'add-v4-everything',
    'add 52.1.1.151 peer 52.1.1.1/24 broadcast 52.1.1.255 dev c0 label c0:one scope link ' +
      'valid_lft 3600 preferred_lft 1800 noprefixroute metric 50',
  ),
  address('replace-v4', 'replace 52.1.1.151/24 dev c0'),
  address('del-v4', 'del 52.1.1.151/24 dev c0', {
    setup: [PARENT, CHILD, UP, 'ip addr add 52.1.1.151/24 dev c0'],
    sends: 'RTM_DELADDR',
  }),
  address('add-v6', 'add fd00::1/64 dev c0'),
  address('add-v6-nodad', 'add fd00::1/64 dev c0 nodad'),
  address('add-v6-noprefixroute', 'add fd00::1/64 dev c0 noprefixroute'),
  address('add-v6-flags', 'add fd00::1/64 dev c0 nodad noprefixroute home mngtmpaddr'),
  address('add-v6-lifetimes', 'add fd00::1/64 dev c0 valid_lft 3600 preferred_lft 1800'),
  address('add-v6-peer', 'add fd00::1 peer fd00::2/128 dev c0'),
  address('replace-v6', 'replace fd00::1/64 dev c0'),
  address('del-v6', 'del fd00::1/64 dev c0', {
    setup: [PARENT, CHILD, UP, 'ip addr add fd00::1/64 dev c0'],
    sends: 'RTM_DELADDR',
  }),
];

const ADDRESSED = [
  PARENT,
  CHILD,
  UP,
  'ip addr add 52.1.1.151/24 dev c0',
  'ip addr add fd00::1/64 dev c0 nodad',
];
const HOPS = 'nexthop via 52.1.1.1 dev c0 weight 3 nexthop via 52.1.1.2 dev c0';

const route = (name, command, more = {}) => ({
  name: `route-${name}`,
  setup: ADDRESSED,
  command: `ip ${command}`,
  sends: 'RTM_NEWROUTE',
  ...more,
});
const routes = [
  route('add-default-via', 'route add default via 52.1.1.1'),
  route('add-default-via-dev', 'route add default via 52.1.1.1 dev c0'),
  route('add-default-dev', 'route add default dev c0'),
  route('add-dev', 'route add 10.9.0.0/16 dev c0'),
  route('add-via-metric', 'route add 10.9.0.0/16 via 52.1.1.1 metric 50'),
  route('add-table', 'route add 10.9.0.0/16 dev c0 table 100'),
  route('add-table-large', 'route add 10.9.0.0/16 dev c0 table 1000'),
  route('add-source', 'route add 10.9.0.0/16 dev c0 src 52.1.1.151'),
  route('add-scope', 'route add 10.9.0.0/16 dev c0 scope global'),
  route(
    'add-everything',
    'route add 10.9.0.0/16 via 52.1.1.1 dev c0 table 100 metric 50 src 52.1.1.151',
  ),
  route('add-tos', 'route add 10.9.0.0/16 dev c0 tos 0x10'),
  route('add-multipath', `route add 10.9.0.0/16 ${HOPS}`),
  route('del-multipath', `route del 10.9.0.0/16 ${HOPS}`, {
    setup: [...ADDRESSED, `ip route add 10.9.0.0/16 ${HOPS}`],
    sends: 'RTM_DELROUTE',
  }),
  route('add-v6-from', '-6 route add fd09::/48 from fd0a::/64 dev c0'),
  route('add-nexthop', 'route add 10.9.0.0/16 nhid 5', {
    setup: [...ADDRESSED, 'ip nexthop add id 5 via 52.1.1.1 dev c0'],
  }),
  route('append', 'route append 10.9.0.0/16 dev c0'),
  route('replace', 'route replace 10.9.0.0/16 dev c0'),
  route('add-v6-default-via', '-6 route add default via fd00::ff', {
    notes: 'For IPv6, ip sends an RTA_DST of zeros with a prefix length of 0.',
  }),
  route('add-v6-default-via-dev', '-6 route add default via fe80::1 dev c0'),
  route('add-v6-dev', '-6 route add fd09::/48 dev c0'),
  route(
    'add-v6-everything',
    '-6 route add fd09::/48 via fd00::ff dev c0 table 100 metric 50 src fd00::1',
  ),
  route('del-default', 'route del default', {
    setup: [...ADDRESSED, 'ip route add default via 52.1.1.1'],
    sends: 'RTM_DELROUTE',
  }),
  route('del-dev', 'route del 10.9.0.0/16 dev c0', {
    setup: [...ADDRESSED, 'ip route add 10.9.0.0/16 dev c0'],
    sends: 'RTM_DELROUTE',
  }),
  route('del-table', 'route del 10.9.0.0/16 dev c0 table 1000 metric 50', {
    setup: [...ADDRESSED, 'ip route add 10.9.0.0/16 dev c0 table 1000 metric 50'],
    sends: 'RTM_DELROUTE',
  }),
  route('del-v6', '-6 route del fd09::/48 dev c0', {
    setup: [...ADDRESSED, 'ip route add fd09::/48 dev c0'],
    sends: 'RTM_DELROUTE',
  }),
];

const SELECTORS =
  'to 10.9.0.0/16 iif c0 oif p0 tos 0x10 fwmark 0x5/0xff uidrange 0-1000 ' +
  'ipproto tcp sport 80 dport 1000-2000';
const rule = (name, command, more = {}) => ({
  name: `rule-${name}`,
  setup: [],
  command: `ip ${command}`,
  sends: 'RTM_NEWRULE',
  ...more,
});
const rules = [
  rule('add-from', 'rule add priority 100 from 52.1.1.151 table 100'),
  rule('add-table-large', 'rule add priority 100 from 52.1.1.0/24 table 1000 protocol static'),
  rule('add-everything', `rule add priority 100 not from 52.1.1.0/24 ${SELECTORS} table 100`),
  rule('add-suppress', 'rule add priority 100 suppress_prefixlength 0 suppress_ifgroup 3'),
  rule('add-goto', 'rule add priority 100 goto 200'),
  rule('add-blackhole', 'rule add priority 100 blackhole'),
  rule('add-l3mdev', 'rule add priority 100 l3mdev'),
  rule('add-v6', '-6 rule add priority 100 from fd00::/64 to fd01::1 table 100'),
  rule('del', 'rule del priority 100 from 52.1.1.151', {
    setup: ['ip rule add priority 100 from 52.1.1.151 table 100'],
    sends: 'RTM_DELRULE',
  }),
];

const neighbour = (name, command, more = {}) => ({
  name: `neigh-${name}`,
  setup: [PARENT],
  command: `ip neigh ${command}`,
  sends: 'RTM_NEWNEIGH',
  ...more,
});
const neighbours = [
  neighbour('add', 'add 52.1.1.1 lladdr 02:00:00:00:09:01 dev p0'),
  neighbour(
    'add-v6',
    'add fd00::1 lladdr 02:00:00:00:09:01 router nud stale protocol static dev p0',
  ),
  neighbour('add-proxy', 'add proxy 52.1.1.1 dev p0'),
  neighbour('replace', 'replace 52.1.1.1 lladdr 02:00:00:00:09:01 nud reachable dev p0'),
  neighbour('del', 'del 52.1.1.1 dev p0', {
    setup: [PARENT, 'ip neigh add 52.1.1.1 lladdr 02:00:00:00:09:01 dev p0'],
    sends: 'RTM_DELNEIGH',
  }),
];

const read = (name, command, sends, more) => ({
  name,
  setup: [PARENT, CHILD],
  command,
  sends,
  ...more,
});
const dump = (name, command, sends, more) =>
  read(`dump-${name}`, command, sends, { dump: true, ...more });
const reads = [
  dump('links', 'ip -d link show', 'RTM_GETLINK'),
  dump('links-kind', 'ip -d link show type macvlan', 'RTM_GETLINK'),
  dump('links-master', 'ip -d link show master br0', 'RTM_GETLINK', {
    setup: [BRIDGE, PARENT, PORT],
  }),
  dump('addresses', 'ip addr show', 'RTM_GETADDR'),
  dump('addresses-v4', 'ip -4 addr show', 'RTM_GETADDR'),
  dump('addresses-v6-dev', 'ip -6 addr show dev c0', 'RTM_GETADDR'),
  dump('routes', 'ip route show', 'RTM_GETROUTE', { notes: 'Table main.' }),
  dump('routes-table-all', 'ip route show table all', 'RTM_GETROUTE'),
  dump('routes-v6-table', 'ip -6 route show table 100', 'RTM_GETROUTE', {
    setup: [PARENT, CHILD, UP, 'ip -6 route add fd09::/48 dev c0 table 100'],
  }),
  dump('routes-dev', 'ip route show table main dev c0', 'RTM_GETROUTE'),
  dump('neighbours-dev', 'ip neigh show dev c0', 'RTM_GETNEIGH'),
  dump('neighbours-proxy', 'ip neigh show proxy', 'RTM_GETNEIGH'),
  dump('rules', 'ip rule show', 'RTM_GETRULE', { setup: [] }),
  read('get-link-name', 'ip -d link show dev c0', 'RTM_GETLINK', { byIndex: false }),
  read('get-link-index', 'ip -d link show dev c0', 'RTM_GETLINK', {
    byIndex: true,
    notes: 'ip asks by index when it prints the name of the parent.',
  }),
  read('get-link-altname', 'ip -d link show dev an-alternative-name', 'RTM_GETLINK', {
    setup: [PARENT, CHILD, 'ip link property add dev c0 altname an-alternative-name'],
    byIndex: false,
  }),
  read('get-netnsid', 'ip netns list', 'RTM_GETNSID', { setup: [NET1] }),
];

export const requestCases = [
  ...creation,
  ...living,
  ...addresses,
  ...routes,
  ...rules,
  ...neighbours,
  ...reads,
];
