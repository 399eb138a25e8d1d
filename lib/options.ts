/**
 * The types of everything that the package takes. An option that is left out or `undefined` is not asked for.
 * Indexes, MTUs, queue lengths and counts are integers, times are seconds. Each description names the kernel's own
 * term.
 */
import type { Address, Neighbour, Route, Rule } from './results.js';
import type { netnsBrand } from './values.js';

/**
 * What every operation's last argument may hold: the options of `create…`, `moveLink`, `watch`, `openTap`,
 * `checkSupport` and `run`, the changes of `setLink` and `setMacvlan`, the filter of a listing, the route of
 * `addRoute`, `replaceRoute` and `removeRoute`, and the rule of `addRule` and `removeRule`. In JavaScript, arguments
 * beyond the last one are ignored.
 */
export interface OperationOptions {
  /**
   * Withdraws what has not been sent to the kernel yet; the promise then rejects with the signal's
   * reason. What has been sent may still take effect: netlink requests cannot be recalled.
   */
  readonly signal?: AbortSignal | undefined;
}

/** The properties of a network namespace handle. The class `Netns` is the only one that has them. */
export interface NetnsLike {
  /** @internal */
  readonly [netnsBrand]: true;
  /** The file descriptor that holds the namespace open, to hand to a child process. */
  readonly fd: number;
  /** The namespace's inode in nsfs, as in `net:[4026531840]`. */
  readonly inode: number;
  /** Its name under /run/netns, or `null` when it was made or opened without one. */
  readonly name: string | null;
}

/**
 * Names a network namespace: a `Netns`; a name under /run/netns, or a path when it contains a `/`; a process that
 * lives in it; or an open file descriptor of it, which must stay open until the call has ended.
 */
export type NetnsRef = NetnsLike | string | { readonly pid: number } | { readonly fd: number };

/**
 * Names a link: its index, its name or one of its alternative names, or a {@link Link}. A `Link`
 * carries the namespace it was seen in, and is refused in any other.
 */
export type LinkRef = number | string | { readonly index: number };

/**
 * How a macvlan handles traffic between its siblings (`IFLA_MACVLAN_MODE`).
 *
 * - `'private'`: no sibling gets another's broadcasts, and so its ARP, not even sent back by a switch.
 * - `'vepa'`: everything leaves by the parent; a switch port in hairpin mode sends it back.
 * - `'bridge'`: siblings reach each other directly, inside the parent.
 * - `'passthru'`: the parent has this one child, which takes over its MAC.
 * - `'source'`: the child receives only what comes from the listed source MACs.
 */
export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

/** How the kernel makes a link's IPv6 link-local address (`IFLA_INET6_ADDR_GEN_MODE`). */
export type AddrGenMode = 'eui64' | 'none' | 'stable-privacy' | 'random';

/**
 * How IPv4 behaves on a link (`IFLA_INET_CONF`): settings of /proc/sys/net/ipv4/conf/NAME, set in any namespace, and
 * also where /proc/sys cannot be written. For the others there is `setSysctl`. The kernel uses the larger of a link's
 * value and the value in `all`. Documentation/networking/ip-sysctl.rst describes each.
 */
export interface Ipv4Settings {
  /**
   * The link announces its addresses by ARP when it comes up and when its MAC is set
   * (`IPV4_DEVCONF_ARP_NOTIFY`), so that neighbours replace what they knew of them. A new link with `up` and
   * `addresses` announces them once, as the last step. Announcements without a carrier are lost:
   * `setLink(link, { mac: link.mac })` repeats them; a VLAN that was given no MAC then keeps the one that its parent
   * has at that moment. For IPv6 there is the setting `ndisc_notify`, see `setSysctl`.
   */
  readonly arpNotify?: boolean | undefined;
  /**
   * ARP requests are answered only for addresses from which packets to the sender would leave by this link
   * (`IPV4_DEVCONF_ARPFILTER`): of several links in one subnet each then answers for its own, if the routes are so.
   */
  readonly arpFilter?: boolean | undefined;
  /**
   * Which ARP requests are answered. 0: for any address of the machine; 1: for addresses of this link; 2: for
   * those, and only to senders in the same subnet; 3: for none of scope host; 8: none (`IPV4_DEVCONF_ARP_IGNORE`).
   */
  readonly arpIgnore?: number | undefined;
  /**
   * The source address of ARP requests. 0: any; 1: preferably one in the target's subnet; 2: always the best one of
   * this link (`IPV4_DEVCONF_ARP_ANNOUNCE`).
   */
  readonly arpAnnounce?: number | undefined;
  /**
   * Whether the announcement of an unknown address creates an ARP entry. 0: no; 1: yes; 2: if it is in a subnet of
   * this link (`IPV4_DEVCONF_ARP_ACCEPT`).
   */
  readonly arpAccept?: number | undefined;
  /** Answers ARP for addresses that it would forward to (`IPV4_DEVCONF_PROXY_ARP`). */
  readonly proxyArp?: boolean | undefined;
  /**
   * Reverse path filter. 0: off; 1: drops packets whose source is not reached through this link; 2: only those whose
   * source is not reached through any link (`IPV4_DEVCONF_RP_FILTER`).
   */
  readonly rpFilter?: number | undefined;
  /** Accepts packets whose source is an address of this machine (`IPV4_DEVCONF_ACCEPT_LOCAL`). */
  readonly acceptLocal?: boolean | undefined;
  /**
   * When the first address of a subnet is removed, the next one becomes the first; otherwise all in the subnet are
   * removed with it (`IPV4_DEVCONF_PROMOTE_SECONDARIES`).
   */
  readonly promoteSecondaries?: boolean | undefined;
}

/** An address family, named as `os.networkInterfaces()` names it. */
export type IpFamily = 'IPv4' | 'IPv6';

/** How far an address or a route reaches (`RT_SCOPE_*`); a number from 0 to 255 for any other. */
export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere' | number;

/** Who installed a route (`RTPROT_*`); a number from 0 to 255 for any other. */
export type RouteProtocol =
  | 'unspec'
  | 'redirect'
  | 'kernel'
  | 'boot'
  | 'static'
  | 'ra'
  | 'dhcp'
  | number;

/** What a route does with a packet (`RTN_*`). */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

/** A routing table: one of the kernel's three by name, or any by number, from 1 to 2^32 - 1. */
export type RouteTable = 'main' | 'local' | 'default' | number;

/** What a rule does with the packets that it is for (`FR_ACT_*`). */
export type RuleAction = 'table' | 'goto' | 'nop' | 'blackhole' | 'unreachable' | 'prohibit';

/** A protocol above IP: one by name, or any by number, from 1 to 255 (`IPPROTO_*`). */
export type IpProtocol = 'icmp' | 'tcp' | 'udp' | 'icmpv6' | 'sctp' | number;

/** One port, or the first and the last of several. */
export type PortRange = number | readonly [first: number, last: number];

/**
 * A flag that can be set on an address (`IFA_F_*`). IPv4 knows only `noprefixroute` and `autojoin`; the kernel
 * ignores the others there, and ignores `optimistic` unless the sysctl `optimistic_dad` is 1.
 */
export type AddressFlag =
  | 'nodad'
  | 'noprefixroute'
  | 'home'
  | 'mngtmpaddr'
  | 'optimistic'
  | 'autojoin';

/**
 * An address to put on a link (`RTM_NEWADDR`). An IPv6 address is `'tentative'` for a second or two, while the kernel
 * asks whether a neighbour has it, and nothing can bind to it until then; with the flag `'nodad'` the kernel does not
 * ask. See {@link Address.flags}.
 */
export interface AddressOptions {
  /** `'52.1.1.151/24'`, or `'52.1.1.151'` beside `prefixLength` (`IFA_LOCAL`). No zone. */
  readonly address: string;
  /** 0–32 for IPv4, 0–128 for IPv6 (`ifa_prefixlen`). Needed when `address` does not say it. */
  readonly prefixLength?: number | undefined;
  /** The other end of a point-to-point link (`IFA_ADDRESS`). */
  readonly peer?: string | undefined;
  /** IPv4: the broadcast address (`IFA_BROADCAST`). Omitted: none, as with `ip address add`. */
  readonly broadcast?: string | undefined;
  /** IPv4: a label of at most 15 bytes (`IFA_LABEL`), by custom the link's name and a suffix. */
  readonly label?: string | undefined;
  /**
   * IPv4 only; the scope of an IPv6 address follows from the address. Omitted: `'host'` for loopback addresses,
   * otherwise `'global'` (`ifa_scope`).
   */
  readonly scope?: Scope | undefined;
  /** Flags to set (`IFA_FLAGS`). */
  readonly flags?: readonly AddressFlag[] | undefined;
  /** Seconds until the address is removed, or `Infinity` (`ifa_valid`). Omitted: `Infinity`. */
  readonly validLifetime?: number | undefined;
  /** Seconds until no new connection uses it, at most `validLifetime` (`ifa_prefered`). */
  readonly preferredLifetime?: number | undefined;
  /** The metric of the prefix route that comes with the address (`IFA_RT_PRIORITY`). */
  readonly metric?: number | undefined;
}

/** An address to remove: as it was added, or an {@link Address} as it was listed. */
export type AddressToRemove = AddressOptions | Address;

/** What `addAddress` takes besides a text: a new address, or an {@link Address} as it was listed. */
export type AddressToAdd = AddressOptions | Address;

/** A route to add or remove (`RTM_NEWROUTE`, `RTM_DELROUTE`). */
export interface RouteOptions {
  /**
   * `'default'`, or a prefix without host bits such as `'10.1.0.0/16'`; a bare address is a host
   * route (`RTA_DST`).
   */
  readonly to: string;
  /** IPv6: only packets from this prefix take the route (`RTA_SRC`). Omitted: from anywhere. */
  readonly from?: string | undefined;
  /**
   * IPv4: only packets of this type of service take the route (`rtm_tos`), 0–255 without the two lowest
   * bits; 0, or omitted: any.
   */
  readonly tos?: number | undefined;
  /**
   * The gateway (`RTA_GATEWAY`), of the same family as `to`. An IPv4 route with `family: 'IPv4'` may also have an IPv6
   * gateway (`RTA_VIA`, Linux 5.2).
   */
  readonly via?: string | undefined;
  /**
   * The link it leaves by (`RTA_OIF`). Among the `routes` of a new link: that link. Of a VRF the kernel takes the port
   * that reaches an IPv4 gateway, and lists and removes the route by that one (net/ipv4/fib_semantics.c,
   * fib_check_nh_v4_gw).
   */
  readonly link?: LinkRef | undefined;
  /** Lower is preferred (`RTA_PRIORITY`). Omitted: 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number | undefined;
  /** Omitted: `'main'` (`RTA_TABLE`). */
  readonly table?: RouteTable | undefined;
  /** The source address that packets of this route prefer (`RTA_PREFSRC`). */
  readonly source?: string | undefined;
  /**
   * IPv4 only; IPv6 routes have no scope. Omitted: `'host'` for type `'local'`; `'link'` without a gateway, and for
   * `'broadcast'`, `'multicast'` and `'anycast'`; otherwise `'global'` (`rtm_scope`).
   */
  readonly scope?: Scope | undefined;
  /** Omitted: `'static'` (`rtm_protocol`). */
  readonly protocol?: RouteProtocol | undefined;
  /**
   * Omitted: `'unicast'` (`rtm_type`). Not among the `routes` of a new link: `'blackhole'`,
   * `'unreachable'`, `'prohibit'` and `'throw'`, which lead to no link.
   */
  readonly type?: RouteType | undefined;
  /**
   * The gateway counts as reachable although no prefix of the link covers it (`RTNH_F_ONLINK`). With `nextHops`: the
   * gateways of those that do not say otherwise.
   */
  readonly onlink?: boolean | undefined;
  /** The path MTU of this route, in bytes (`RTAX_MTU`). */
  readonly mtu?: number | undefined;
  /** The segment size that TCP announces to the other end, in bytes (`RTAX_ADVMSS`). */
  readonly advmss?: number | undefined;
  /**
   * An object of `ip nexthop`, in place of `via` and `link` (`RTA_NH_ID`, Linux 5.3). Not among the
   * `routes` of a new link.
   */
  readonly nexthopId?: number | undefined;
  /**
   * Several ways, in place of `via` and `link` (`RTA_MULTIPATH`). Not among the `routes` of a new link.
   */
  readonly nextHops?: readonly NextHopOptions[] | undefined;
  /**
   * Adds the route beside those to the same destination with the same metric, instead of `EEXIST`
   * (`NLM_F_APPEND`). An IPv4 route is put behind them, and is used when they are gone; IPv6 routes by gateways
   * become the ways of one route. An identical route is still `EEXIST`. Not for `replaceRoute`; among the `routes`
   * of a new link not together with `link`.
   */
  readonly append?: boolean | undefined;
  /**
   * The family of `to: 'default'` when neither `via` nor `source` tells it. Omitted: IPv4. Must be said of an IPv4
   * route with an IPv6 gateway.
   */
  readonly family?: IpFamily | undefined;
}

/** One of the ways of a route that has several: by `via`, by `link`, or both. */
export interface NextHopOptions {
  /** As {@link RouteOptions.via}. */
  readonly via?: string | undefined;
  /** The link it leaves by (`rtnh_ifindex`). */
  readonly link?: LinkRef | undefined;
  /** Its share among the others, 1–256 (`rtnh_hops` + 1). Omitted: 1. */
  readonly weight?: number | undefined;
  /** See {@link RouteOptions.onlink}. */
  readonly onlink?: boolean | undefined;
}

/** What `addRoute` takes: a new route, or one as it was listed. */
export type RouteToAdd = RouteOptions | (Route & Pick<RouteOptions, 'append'>);

/** What `removeRoute` takes: a route as it was added, or as it was listed. */
export type RouteToRemove = RouteOptions | Route;

/**
 * A rule of policy routing to add (`RTM_NEWRULE`): which packets it is for, all that is said of them together, and
 * which table their route is looked up in.
 */
export interface RuleOptions {
  /**
   * Rules are tried from the lowest on (`FRA_PRIORITY`). The kernel's own are 0 for the table `local`, 32766 for `main`
   * and 32767 for `default`. It would choose one itself, a different one each time, so that a rule could be added
   * twice.
   */
  readonly priority: number;
  /** The family of a rule without `from` and `to`. Omitted: IPv4. */
  readonly family?: IpFamily | undefined;
  /** The prefix of the sources that it is for (`FRA_SRC`). Omitted: all. */
  readonly from?: string | undefined;
  /** The prefix of the destinations that it is for (`FRA_DST`). Omitted: all. */
  readonly to?: string | undefined;
  /** The type of service that it is for, 0–255 without the two lowest bits; 0, or omitted: any. */
  readonly tos?: number | undefined;
  /**
   * The name of the link that the packets come in by, or `'lo'` for those that the machine itself sends
   * (`FRA_IIFNAME`). It need not exist yet.
   */
  readonly iif?: string | undefined;
  /** The name of the link that the sending socket is bound to (`FRA_OIFNAME`). It need not exist yet. */
  readonly oif?: string | undefined;
  /** The mark that the packets have, in the bits of `fwmask` (`FRA_FWMARK`). */
  readonly fwmark?: number | undefined;
  /** Which bits of the mark count (`FRA_FWMASK`). Omitted: all, with a `fwmark`. */
  readonly fwmask?: number | undefined;
  /** The protocol that IP carries, by its name or number (`FRA_IP_PROTO`). */
  readonly ipProtocol?: IpProtocol | undefined;
  /** One port from 1 to 65,534, or the first and the last of a range (`FRA_SPORT_RANGE`). */
  readonly sourcePorts?: PortRange | undefined;
  /** One port from 1 to 65,534, or the first and the last of a range (`FRA_DPORT_RANGE`). */
  readonly destinationPorts?: PortRange | undefined;
  /** The first and the last user whose sockets it is for (`FRA_UID_RANGE`). */
  readonly uidRange?: readonly [first: number, last: number] | undefined;
  /** For all packets but those that the rest describes (`FIB_RULE_INVERT`). */
  readonly invert?: boolean | undefined;
  /**
   * `'table'`: the route is looked up in `table`, and where there is none the next rule is tried; `'goto'`: the rules
   * go on with that priority; `'nop'`: nothing; `'blackhole'`, `'unreachable'` and `'prohibit'`: there is no route
   * (`FR_ACT_*`). Omitted: `'goto'` if there is one, otherwise `'table'`.
   */
  readonly action?: RuleAction | undefined;
  /** Omitted: `'main'` (`FRA_TABLE`). */
  readonly table?: RouteTable | undefined;
  /** The priority of the rule to go on with, above this one's (`FRA_GOTO`). */
  readonly goto?: number | undefined;
  /** In place of `table`: that of the VRF that the packet is in (`FRA_L3MDEV`). */
  readonly l3mdev?: boolean | undefined;
  /**
   * A route whose prefix has at most this length does not count, and the next rule is tried; with 0 a default route
   * does not (`FRA_SUPPRESS_PREFIXLEN`).
   */
  readonly suppressPrefixLength?: number | undefined;
  /** A route by a link of this group does not count (`FRA_SUPPRESS_IFGROUP`). */
  readonly suppressGroup?: number | undefined;
  /** Who made it. Omitted: `'static'` (`FRA_PROTOCOL`). */
  readonly protocol?: RouteProtocol | undefined;
}

/** What `addRule` takes: a new rule, or one as it was listed. */
export type RuleToAdd = RuleOptions | Rule;

/** What `removeRule` takes: a rule as it was added, in whole or in part, or as it was listed. */
export type RuleToRemove = Partial<RuleOptions> | Rule;

/** Which rules `listRules` gives. */
export interface RuleFilter extends OperationOptions {
  /** Omitted: both. */
  readonly family?: IpFamily | undefined;
  /** `FRA_PRIORITY`. */
  readonly priority?: number | undefined;
  /** `FRA_TABLE`. */
  readonly table?: RouteTable | undefined;
  /** `FRA_PROTOCOL`. */
  readonly protocol?: RouteProtocol | undefined;
}

/** A neighbour to add or replace (`RTM_NEWNEIGH`). */
export interface NeighbourOptions {
  /** Its IP address (`NDA_DST`). */
  readonly address: string;
  /** Its MAC, six bytes, a multicast address included (`NDA_LLADDR`). Required, except for a `proxy`. */
  readonly mac?: string | undefined;
  /**
   * `'permanent'`: for good; `'noarp'`: until it is removed or the kernel needs the room; `'reachable'`: for a time as
   * if it had answered; `'stale'`: until it is used, and then asked for (`ndm_state`). Omitted: `'permanent'`.
   */
  readonly state?: 'permanent' | 'noarp' | 'reachable' | 'stale' | undefined;
  /** An IPv6 router (`NTF_ROUTER`). */
  readonly router?: boolean | undefined;
  /**
   * Not a neighbour: the machine itself answers for the address on that link (`NTF_PROXY`), if it forwards and its
   * route to the address leaves by another link; for IPv6 net.ipv6.conf.NAME.proxy_ndp must be 1, too.
   */
  readonly proxy?: boolean | undefined;
  /** Who made it. Omitted: not said (`NDA_PROTOCOL`). */
  readonly protocol?: RouteProtocol | undefined;
}

/** What `removeNeighbour` takes besides a text: which one, or a {@link Neighbour} as it was listed. */
export type NeighbourToRemove = Pick<NeighbourOptions, 'address' | 'proxy'> | Neighbour;

/** Which neighbours `listNeighbours` gives. */
export interface NeighbourFilter extends OperationOptions {
  /** The link they are on (`NDA_IFINDEX`). */
  readonly link?: LinkRef | undefined;
  /** Omitted: both (`ndm_family`). */
  readonly family?: IpFamily | undefined;
}

/** What a new link of any kind takes. */
export interface LinkOptions extends OperationOptions {
  /**
   * 1–15 bytes without `/`, `:`, `%` or white space, and not `.` or `..` (`IFLA_IFNAME`). `%` is
   * refused because the kernel reads `eth%d` as a template. Omitted: the kernel names the link after its kind with
   * a number (`macvlan0`, `veth0`, …). For that it searches all names: among 5,000 links the creation takes 1.4 ms
   * instead of 0.8 (Linux 6.18, measured).
   */
  readonly name?: string | undefined;
  /** The namespace in which the link is created (`IFLA_NET_NS_FD`). Omitted: this one. */
  readonly netns?: NetnsRef | undefined;
  /**
   * The link's index, from 1 to 2^31 - 1 (`ifi_index`). Omitted: the library chooses one above 65,536, so that
   * the requests that follow can name the link at once.
   */
  readonly index?: number | undefined;
  /**
   * `'02:00:5e:10:00:01'`, a unicast address that is not all zero (`IFLA_ADDRESS`). Omitted: a random, locally
   * administered one, chosen by the library so that no daemon rewrites it later; for a VLAN, and for a macvlan in
   * passthru mode, the parent's.
   */
  readonly mac?: string | undefined;
  /** Bytes (`IFLA_MTU`). Omitted: the parent's, or the kind's own default. */
  readonly mtu?: number | undefined;
  /** Brings the link up as part of its creation (`IFF_UP`). */
  readonly up?: boolean | undefined;
  /** Packets that the queueing discipline may hold (`IFLA_TXQLEN`). */
  readonly txQueueLen?: number | undefined;
  /** 1–4096 (`IFLA_NUM_TX_QUEUES`); fixed for the link's life. */
  readonly numTxQueues?: number | undefined;
  /** 1–4096 (`IFLA_NUM_RX_QUEUES`); fixed for the link's life. */
  readonly numRxQueues?: number | undefined;
  /**
   * The group that bulk operations address (`IFLA_GROUP`). Omitted: 0. While the link is being deleted together with
   * others it is in another group, see `deleteLinks`.
   */
  readonly group?: number | undefined;
  /** A free text of 1–255 bytes (`IFLA_IFALIAS`). */
  readonly alias?: string | undefined;
  /** Alternative names of 1–127 bytes by which the link is found, too (`IFLA_PROP_LIST`). */
  readonly altNames?: readonly string[] | undefined;
  /** Addresses to put on it; a text is address and prefix length. */
  readonly addresses?: readonly (string | AddressToAdd)[] | undefined;
  /** Routes to add after the addresses; they leave by this link unless they name another. */
  readonly routes?: readonly RouteOptions[] | undefined;
  /** `IFF_PROMISC`. */
  readonly promiscuous?: boolean | undefined;
  /**
   * `IFF_ALLMULTI`: receives frames to every multicast address, also to groups that nobody here has joined. For a
   * macvlan in mode passthru use `promiscuous`, which includes them: the kernel counts `allMulticast` on the parent
   * when it is set or cleared on a link that is up, but not when such a link comes up or goes down
   * (drivers/net/macvlan.c, macvlan_open and macvlan_stop, Linux 6.18), so the parent may keep it for ever.
   */
  readonly allMulticast?: boolean | undefined;
  /** The bridge, bond or VRF that the link joins, in the namespace that it is created in (`IFLA_MASTER`). */
  readonly master?: LinkRef | undefined;
  /**
   * How its IPv6 link-local address is made (`IFLA_INET6_ADDR_GEN_MODE`). Use `'none'` for thousands of links in one
   * namespace: among 5,000 links with an address each, bringing up one more takes 18 ms, and 1.7 ms without the
   * addresses (Linux 6.18, measured). `EAFNOSUPPORT`: the kernel has no IPv6.
   */
  readonly addrGenMode?: AddrGenMode | undefined;
  /** How IPv4 behaves on it. Only what is named changes. */
  readonly ipv4?: Ipv4Settings | undefined;
}

/** The options of a new macvlan in any mode. */
export interface MacvlanCommonOptions extends LinkOptions {
  /**
   * The link that the macvlan is on, in this namespace (`IFLA_LINK`). When that is a macvlan itself, the kernel uses
   * its parent instead.
   */
  readonly parent: LinkRef;
  /**
   * How many broadcast and multicast packets may wait for delivery to the siblings
   * (`IFLA_MACVLAN_BC_QUEUE_LEN`, Linux 5.11). The parent uses the largest of its children's.
   */
  readonly bcQueueLen?: number | undefined;
  /**
   * A multicast packet for at most this many receivers is delivered at once instead of through the queue
   * (`IFLA_MACVLAN_BC_CUTOFF`, Linux 6.4); negative: never through the queue. All children of a parent share one
   * value, the last one set. The kernel's default is 1.
   */
  readonly bcCutoff?: number | undefined;
}

/** The mode of a new macvlan, and what only that mode takes. */
export type MacvlanModeOptions =
  | {
      /** Omitted: the kernel's default, `'vepa'`. */
      readonly mode?: 'private' | 'vepa' | 'bridge' | undefined;
      readonly nopromisc?: undefined;
      readonly sources?: undefined;
      readonly nodst?: undefined;
    }
  | {
      /** The parent's only child, with the parent's own MAC. */
      readonly mode: 'passthru';
      /** Leaves the parent's promiscuity alone (`MACVLAN_FLAG_NOPROMISC`). */
      readonly nopromisc?: boolean | undefined;
      /** Not in this mode: at creation the kernel ignores it and takes the parent's. */
      readonly mac?: undefined;
      readonly sources?: undefined;
      readonly nodst?: undefined;
    }
  | {
      /** Receives only what the listed source MACs send. */
      readonly mode: 'source';
      /** The source MACs, at most 5,455 (`IFLA_MACVLAN_MACADDR_DATA`). */
      readonly sources?: readonly string[] | undefined;
      /**
       * Frames from a listed sender go to this child only, and not to their destination as well
       * (`MACVLAN_FLAG_NODST`, Linux 5.13).
       */
      readonly nodst?: boolean | undefined;
      readonly nopromisc?: undefined;
    };

/** What `createMacvlan` takes: an option that the mode does not take does not compile. */
export type CreateMacvlanOptions = MacvlanCommonOptions & MacvlanModeOptions;

/** What `createMacvtap` takes: the same as `createMacvlan`. */
export type CreateMacvtapOptions = CreateMacvlanOptions;

/** The other end of a new veth pair. */
export interface VethPeerOptions {
  /** By the rules of {@link LinkOptions.name} (`IFLA_IFNAME`). Omitted: the kernel numbers it. */
  readonly name?: string | undefined;
  /** The namespace in which that end is created (`IFLA_NET_NS_FD`). Omitted: that of the first end. */
  readonly netns?: NetnsRef | undefined;
  /** `IFLA_ADDRESS`. Omitted: a random, locally administered one. */
  readonly mac?: string | undefined;
  /** Bytes (`IFLA_MTU`). Omitted: 1500, whatever the first end has. */
  readonly mtu?: number | undefined;
  /** Brings that end up (`IFF_UP`). */
  readonly up?: boolean | undefined;
  /** The bridge, bond or VRF that this end joins, in the namespace that it is created in (`IFLA_MASTER`). */
  readonly master?: LinkRef | undefined;
}

/** What `createLink` takes for a pair of Ethernet devices joined back to back. */
export interface CreateVethOptions extends LinkOptions {
  readonly kind: 'veth';
  /** The other end (`VETH_INFO_PEER`). */
  readonly peer?: VethPeerOptions | undefined;
}

/** What `createLink` takes for a bridge. */
export interface CreateBridgeOptions extends LinkOptions {
  readonly kind: 'bridge';
}

/** What `createLink` takes for a device that drops whatever is sent to it. */
export interface CreateDummyOptions extends LinkOptions {
  readonly kind: 'dummy';
}

/** What `createLink` takes for a VLAN on a parent. */
export interface CreateVlanOptions extends LinkOptions {
  readonly kind: 'vlan';
  /** The link that carries the tagged frames, in this namespace (`IFLA_LINK`). */
  readonly parent: LinkRef;
  /** The VLAN's number, 1–4094 (`IFLA_VLAN_ID`). */
  readonly id: number;
  /** The tag's protocol (`IFLA_VLAN_PROTOCOL`). Omitted: `'802.1Q'`. */
  readonly protocol?: '802.1Q' | '802.1ad' | undefined;
}

/** What `createLink` takes, told apart by `kind`. */
export type CreateLinkOptions =
  | ({ readonly kind: 'macvlan' | 'macvtap' } & CreateMacvlanOptions)
  | CreateVethOptions
  | CreateBridgeOptions
  | CreateDummyOptions
  | CreateVlanOptions;

/** What `setLink` changes. Only what is named changes, flags included. */
export interface LinkChanges extends OperationOptions {
  /** The new name (`IFLA_IFNAME`), by the rules of {@link LinkOptions.name}. */
  readonly name?: string | undefined;
  /** The new MAC (`IFLA_ADDRESS`). On a passthru macvlan it becomes the parent's as well. */
  readonly mac?: string | undefined;
  /** Bytes (`IFLA_MTU`). Lowering a parent's lowers its macvlans', raising it does not raise them. */
  readonly mtu?: number | undefined;
  /** `IFF_UP`. */
  readonly up?: boolean | undefined;
  /** `IFF_PROMISC`. */
  readonly promiscuous?: boolean | undefined;
  /** See {@link LinkOptions.allMulticast}. */
  readonly allMulticast?: boolean | undefined;
  /** Whether the link uses ARP: `IFF_NOARP` inverted. */
  readonly arp?: boolean | undefined;
  /** `IFF_MULTICAST`. */
  readonly multicast?: boolean | undefined;
  /** Packets (`IFLA_TXQLEN`). */
  readonly txQueueLen?: number | undefined;
  /** `IFLA_GROUP`. */
  readonly group?: number | undefined;
  /** The new alias (`IFLA_IFALIAS`); `null` or an empty text removes it. */
  readonly alias?: string | null | undefined;
  /** The bridge, bond or VRF to join; `null`: leave it (`IFLA_MASTER`). */
  readonly master?: LinkRef | null | undefined;
  /** Alternative names to add (`RTM_NEWLINKPROP`). */
  readonly addAltNames?: readonly string[] | undefined;
  /** Alternative names to remove (`RTM_DELLINKPROP`). */
  readonly removeAltNames?: readonly string[] | undefined;
  /** See {@link LinkOptions.addrGenMode}. */
  readonly addrGenMode?: AddrGenMode | undefined;
  /** How IPv4 behaves on it. Only what is named changes. */
  readonly ipv4?: Ipv4Settings | undefined;
  /** Settings of the link as a port of its bridge. */
  readonly bridgePort?: BridgePortOptions | undefined;
}

/** Settings of a bridge port. */
export interface BridgePortOptions {
  /** Frames may leave by the port that they came in by (`IFLA_BRPORT_MODE`): reflective relay. */
  readonly hairpin?: boolean | undefined;
}

/** What `setMacvlan` changes on a living macvlan or macvtap, whatever its mode. */
export interface MacvlanCommonChanges extends OperationOptions {
  /** See {@link MacvlanCommonOptions.bcQueueLen}. */
  readonly bcQueueLen?: number | undefined;
  /** See {@link MacvlanCommonOptions.bcCutoff}. */
  readonly bcCutoff?: number | undefined;
}

/** The changes of a macvlan that depend on its mode: the new one, or else the one that it has. */
export type MacvlanModeChanges =
  | {
      /** The kernel refuses to change to or from passthru; leaving mode source empties the list. */
      readonly mode?: 'private' | 'vepa' | 'bridge' | undefined;
      readonly nopromisc?: undefined;
      readonly sources?: undefined;
      readonly nodst?: undefined;
    }
  | {
      readonly mode?: 'passthru' | undefined;
      /**
       * Refused while the link is down: the kernel would miscount the parent's promiscuity. It would, too, if the link
       * were set down in the middle of this change, so await it first.
       */
      readonly nopromisc?: boolean | undefined;
      readonly sources?: undefined;
      readonly nodst?: undefined;
    }
  | {
      readonly mode?: 'source' | undefined;
      /** The whole new list, at most 5,455; an empty one removes all. */
      readonly sources?: readonly string[] | undefined;
      /** See {@link MacvlanModeOptions}. */
      readonly nodst?: boolean | undefined;
      readonly nopromisc?: undefined;
    };

/** What `setMacvlan` takes. */
export type MacvlanChanges = MacvlanCommonChanges & MacvlanModeChanges;

/** How a link arrives in the namespace it is moved to. */
export interface MoveOptions extends OperationOptions {
  /** Its name there (`IFLA_IFNAME`). Omitted: the same as now. */
  readonly name?: string | undefined;
  /** Its index there (`IFLA_NEW_IFINDEX`). Omitted: the same as now, if that is free. */
  readonly index?: number | undefined;
}

/** Which links `listLinks` gives: those that match everything named. */
export interface LinkFilter extends OperationOptions {
  /** `'macvlan'`, `'veth'`, … (`IFLA_INFO_KIND`); `null`: links without a driver kind. */
  readonly kind?: string | null | undefined;
  /** The link that they are on, in this namespace. */
  readonly parent?: LinkRef | undefined;
  /** The bridge, bond or VRF that they belong to; `null`: links that belong to none. */
  readonly master?: LinkRef | null | undefined;
  /** `IFLA_GROUP`. */
  readonly group?: number | undefined;
  /** `IFF_UP`. */
  readonly up?: boolean | undefined;
}

/** Which addresses `listAddresses` gives. */
export interface AddressFilter extends OperationOptions {
  /** The link they are on (`ifa_index`). */
  readonly link?: LinkRef | undefined;
  /** Omitted: both (`ifa_family`). */
  readonly family?: IpFamily | undefined;
}

/** Which routes `listRoutes` gives. */
export interface RouteFilter extends OperationOptions {
  /** Omitted: both (`rtm_family`). */
  readonly family?: IpFamily | undefined;
  /** The link by which they, or one of their ways, leave (`RTA_OIF`, `rtnh_ifindex`). */
  readonly link?: LinkRef | undefined;
  /** Omitted: every table (`RTA_TABLE`). */
  readonly table?: RouteTable | undefined;
  /** `rtm_protocol`. */
  readonly protocol?: RouteProtocol | undefined;
  /** `rtm_type`. */
  readonly type?: RouteType | undefined;
}

/** What `watch` reports besides the events of links. */
export interface WatchOptions extends OperationOptions {
  /**
   * Begin with an `added` for everything that exists. With {@link LevelWatchOptions} an event marks the end of that.
   */
  readonly initial?: boolean | undefined;
  /** Also the events of addresses. */
  readonly addresses?: boolean | undefined;
  /** Also the events of routes. */
  readonly routes?: boolean | undefined;
  /**
   * Bytes that the kernel may queue for this watch (`SO_RCVBUF`, which the kernel doubles) before it drops events and
   * a `resync` follows. Omitted: 8 MiB, or as much as an ordinary user may have.
   */
  readonly receiveBuffer?: number | undefined;
}

/** The options of a watch that also reports when the program's picture is complete. */
export interface LevelWatchOptions extends WatchOptions {
  /** Also report a {@link LevelEvent}: at the beginning, after the `initial` events, and after those of a `resync`. */
  readonly level: boolean | undefined;
}

/** What `checkSupport` may do besides reading. */
export interface SupportOptions extends OperationOptions {
  /** Make the kernel load a missing module, by asking it for a link of that kind. */
  readonly load?: boolean | undefined;
}
