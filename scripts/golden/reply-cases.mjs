// The commands whose replies scripts/capture-golden.mjs records, with what `ip -j` printed for
// them. A case with `monitor` records the events that the monitor receives while its command runs.

const PARENT =
  'ip link add p0 address 02:00:00:00:00:01 type veth peer name p1 address 02:00:00:00:00:02';
const UP = 'ip link set p1 up; ip link set p0 up; ip link set c0 up';
const CHILD = 'ip link add link p0 name c0 address 02:00:00:00:01:01 type macvlan mode bridge';
// Keeps routes that the kernel adds by itself out of the events.
const WITHOUT_IPV6 = 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6';
const CARRIER = 'until [ $(cat /sys/class/net/c0/operstate) = up ]; do sleep 0.01; done';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;

const replies = [
  {
    name: 'links-mixed',
    setup: [
      'ip netns add net1',
      'ip link add v0 address 02:00:00:00:03:01 type veth peer name v1 address 02:00:00:00:03:02 netns net1',
      'ip link add br0 address 02:00:00:00:02:01 type bridge',
      PARENT,
      'ip link set p0 master br0 promisc on',
      'ip link set p0 type bridge_slave hairpin on',
      'ip link set p1 alias uplink group 7 txqueuelen 250',
      'ip link property add dev p1 altname an-alternative-name altname another-one',
    ],
    command: 'ip -j -d link show',
    sends: 'RTM_GETLINK',
    dump: true,
    notes:
      'Loopback, a veth whose peer is in another namespace, a bridge, its port, alias, group, altnames.',
  },
  {
    name: 'links-macvlan-modes',
    setup: [
      PARENT,
      'ip link add q0 address 02:00:00:00:00:03 type veth peer name q1 address 02:00:00:00:00:04',
      'ip link add link p0 name c-private address 02:00:00:00:01:01 type macvlan mode private',
      'ip link add link p0 name c-vepa address 02:00:00:00:01:02 type macvlan mode vepa',
      'ip link add link p0 name c-bridge address 02:00:00:00:01:03 type macvlan mode bridge bcqueuelen 5000',
      'ip link add link p0 name c-source address 02:00:00:00:01:04 type macvlan mode source nodst macaddr set 02:00:00:00:09:01 02:00:00:00:09:02',
      'ip link add link p0 name c-empty address 02:00:00:00:01:05 type macvlan mode source',
      'ip link add link q0 name c-passthru type macvlan mode passthru nopromisc',
      'ip link add link p0 name t-bridge address 02:00:00:00:01:06 type macvtap mode bridge',
    ],
    command: 'ip -j -d link show',
    sends: 'RTM_GETLINK',
    dump: true,
    notes: 'A macvlan of every mode and a macvtap.',
  },
  {
    name: 'link-macvlan-in-netns',
    setup: [
      'ip netns add net1',
      PARENT,
      'ip link add link p0 name c0 address 02:00:00:00:01:01 netns net1 type macvlan mode bridge',
    ],
    command: 'ip -j -d -n net1 link show dev c0',
    sends: 'RTM_GETLINK',
    byIndex: false,
    notes: 'IFLA_LINK is an index of the namespace that IFLA_LINK_NETNSID names.',
  },
  {
    name: 'link-stats',
    setup: [
      PARENT,
      'ip link set p1 up; ip link set p0 up',
      // Neighbour discovery supplies the packets.
      'until [ $(cat /sys/class/net/p0/statistics/rx_packets) -gt 1 ]; do sleep 0.05; done',
    ],
    command: 'ip -j -d -s -s link show dev p0',
    sends: 'RTM_GETLINK',
    byIndex: false,
    notes: 'A link that is up and has counted packets.',
  },
  {
    name: 'links-of-kind',
    setup: [PARENT, CHILD],
    command: 'ip -j -d link show type macvlan',
    sends: 'RTM_GETLINK',
    dump: true,
    notes: 'The kernel filters.',
  },
  {
    name: 'addresses',
    setup: [
      PARENT,
      CHILD,
      UP,
      CARRIER,
      'ip link set lo up',
      'ip addr add 52.1.1.151/24 broadcast 52.1.1.255 dev c0 valid_lft 3600 preferred_lft 1800',
      'ip addr add 52.1.1.152/24 dev c0 label c0:one noprefixroute',
      'ip addr add 10.0.0.1 peer 10.0.0.2/32 dev c0 metric 50',
      'ip addr add 169.254.1.1/16 dev c0 scope link',
      'ip addr add fd00::1/64 dev c0 nodad valid_lft 7200 preferred_lft 0',
      'ip addr add fd00::2/64 dev c0',
      'ip addr add fd00::3 peer fd00::4/128 dev c0 nodad noprefixroute',
      // Duplicate address detection of fd00::2 may or may not be over; both are recorded faithfully.
    ],
    command: 'ip -j -d addr show',
    sends: 'RTM_GETADDR',
    dump: true,
  },
  {
    name: 'routes',
    setup: [
      PARENT,
      CHILD,
      UP,
      CARRIER,
      'ip addr add 52.1.1.151/24 dev c0',
      'ip addr add 10.0.0.1/24 dev p1',
      'ip route add default via 52.1.1.1 dev c0 metric 50',
      'ip route add 10.9.0.0/16 dev c0 src 52.1.1.151 scope link',
      'ip route add 10.10.0.0/16 nexthop via 52.1.1.1 dev c0 weight 3 nexthop via 10.0.0.2 dev p1',
      'ip route add 10.11.0.0/16 via 52.1.1.1 dev c0 table 1000 mtu 1300',
      'ip route add blackhole 10.12.0.0/16',
      'ip route add 10.13.0.0/16 via inet6 fe80::1 dev c0',
    ],
    command: 'ip -j -d route show table all',
    sends: 'RTM_GETROUTE',
    dump: true,
    notes: 'Includes the local table, a multipath route, and an IPv6 gateway (RTA_VIA).',
  },
  {
    name: 'neighbours',
    setup: [
      PARENT,
      'ip neigh add 52.1.1.1 lladdr 02:00:00:00:09:01 dev p0',
      'ip neigh add 52.1.1.2 lladdr 02:00:00:00:09:02 nud noarp protocol static dev p0',
      'ip neigh add fd00::1 lladdr 02:00:00:00:09:03 router nud stale dev p0',
    ],
    command: 'ip -j -d neigh show nud all',
    sends: 'RTM_GETNEIGH',
    dump: true,
  },
  {
    name: 'rules',
    setup: [
      'ip rule add priority 100 from 52.1.1.151 table 100',
      'ip rule add priority 101 not to 10.9.0.0/16 iif lo oif p0 tos 0x10 fwmark 0x5/0xff ' +
        'uidrange 0-1000 ipproto tcp sport 80 dport 1000-2000 table 1000 protocol static',
      'ip rule add priority 102 fwmark 0/0xf suppress_prefixlength 0 suppress_ifgroup 3',
      'ip rule add priority 103 goto 200',
      'ip rule add priority 104 prohibit',
      'ip rule add priority 105 l3mdev',
    ],
    command: 'ip -j -d rule show',
    sends: 'RTM_GETRULE',
    dump: true,
  },
  {
    name: 'routes-v6',
    setup: [
      PARENT,
      CHILD,
      UP,
      CARRIER,
      'ip addr add fd00::1/64 dev c0 nodad',
      'ip addr add fd01::1/64 dev p1 nodad',
      'ip -6 route add default via fd00::ff metric 50',
      'ip -6 route add fd09::/48 dev c0 src fd00::1 table 100',
      'ip -6 route add fd0a::/48 nexthop via fd00::ff dev c0 weight 3 nexthop via fd01::ff dev p1',
      'ip -6 route add unreachable fd0b::/48',
    ],
    command: 'ip -6 -j -d route show table all',
    sends: 'RTM_GETROUTE',
    dump: true,
  },
  {
    name: 'done-with-error',
    setup: [],
    command: 'ip -j route show table 999',
    sends: 'RTM_GETROUTE',
    dump: true,
    fails: true,
    notes: 'NLMSG_DONE with a negative status and an extended ACK.',
    expect: { errno: 2, message: 'ipv4: FIB table does not exist' },
  },
];

const monitor = (name, what, setup, command, until, keeps, more = {}) => ({
  name: `event-${name}`,
  setup,
  command,
  monitor: `ip -d -o monitor ${what}`,
  until,
  keeps,
  ...more,
});
const events = [
  monitor('link-create', 'link', [PARENT], CHILD, ' c0@', [RTM_NEWLINK]),
  monitor('link-up', 'link', [PARENT, CHILD], 'ip link set c0 up', ' c0@.*UP', [RTM_NEWLINK]),
  monitor(
    'link-move',
    'link',
    ['ip netns add net1', PARENT, CHILD],
    'ip link set c0 netns net1 name eth0',
    'Deleted .* c0',
    [RTM_NEWLINK, RTM_DELLINK],
    { notes: 'RTM_DELLINK carries IFLA_NEW_NETNSID and IFLA_NEW_IFINDEX.' },
  ),
  monitor('link-delete', 'link', [PARENT, CHILD], 'ip link del c0', 'Deleted .* c0', [
    RTM_NEWLINK,
    RTM_DELLINK,
  ]),
  monitor(
    'address-add',
    'address',
    [PARENT, CHILD],
    'ip addr add 52.1.1.151/24 dev c0',
    '52.1.1.151',
    [RTM_NEWADDR],
  ),
  monitor(
    'address-del',
    'address',
    [PARENT, CHILD, 'ip addr add 52.1.1.151/24 dev c0'],
    'ip addr del 52.1.1.151/24 dev c0',
    'Deleted .*52.1.1.151',
    [RTM_DELADDR],
  ),
  monitor(
    'route-add',
    'route',
    [WITHOUT_IPV6, PARENT, 'ip link set p1 up; ip link set p0 up'],
    'ip route add 10.9.0.0/16 dev p0',
    '10.9.0.0/16',
    [RTM_NEWROUTE],
  ),
  monitor(
    'route-del',
    'route',
    [
      WITHOUT_IPV6,
      PARENT,
      'ip link set p1 up; ip link set p0 up',
      'ip route add 10.9.0.0/16 dev p0',
    ],
    'ip route del 10.9.0.0/16 dev p0',
    'Deleted .*10.9.0.0/16',
    [RTM_DELROUTE],
  ),
];

export const replyCases = [...replies, ...events];
