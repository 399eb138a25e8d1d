/**
 * The types of what the operations on addresses, routes, rules and neighbours take. They follow the conventions of
 * options.ts.
 */
import type { LinkRef, OperationOptions } from './optionsCommon.js';

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
 * A flag that can be set on an address (`IFA_F_*`). IPv4 knows only `noprefixroute` and `autojoin` (of multicast
 * addresses, 20 in a namespace unless net.ipv4.igmp_max_memberships says more; one whose link is deleted still counts);
 * the kernel ignores the others there, and ignores `optimistic` unless the sysctl `optimistic_dad` is 1.
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
  /** `'192.0.2.151/24'`, or `'192.0.2.151'` beside `prefixLength` (`IFA_LOCAL`). No zone. */
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
   * IPv4 only, ignored for IPv6, where the scope follows from the address. Omitted: `'host'` for loopback addresses,
   * otherwise `'global'` (`ifa_scope`).
   */
  readonly scope?: Scope | undefined;
  /** Flags to set (`IFA_FLAGS`). */
  readonly flags?: readonly AddressFlag[] | undefined;
  /** Seconds until the address is removed, or `Infinity` (`ifa_valid`). Omitted: `Infinity`. */
  readonly validLifetime?: number | undefined;
  /**
   * Seconds until no new connection uses it, at most `validLifetime` (`ifa_prefered`). Omitted: as long as that. Of an
   * IPv4 address that stays for ever only 0 or `Infinity`: the kernel ignores the others (net/ipv4/devinet.c,
   * check_lifetime).
   */
  readonly preferredLifetime?: number | undefined;
  /** The metric of the prefix route that comes with the address (`IFA_RT_PRIORITY`). */
  readonly metric?: number | undefined;
}

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
  /** Omitted: `'main'` (`RTA_TABLE`). One of its own counts for the packets that a rule says, see `addRule`. */
  readonly table?: RouteTable | undefined;
  /** The source address that packets of this route prefer (`RTA_PREFSRC`). */
  readonly source?: string | undefined;
  /**
   * IPv4 only, ignored for IPv6, whose routes have no scope. Omitted: `'host'` for type `'local'`; `'link'` for `'broadcast'`,
   * `'multicast'` and `'anycast'`, and for a unicast route that says a link alone; otherwise `'global'` (`rtm_scope`).
   */
  readonly scope?: Scope | undefined;
  /**
   * Omitted: `'static'` (`rtm_protocol`). For `'unspec'` an IPv6 route gets `'boot'` (net/ipv6/route.c,
   * ip6_route_info_create).
   */
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
  /** The path MTU of this route, in bytes (`RTAX_MTU`). The kernel makes 65,520 of what is more. */
  readonly mtu?: number | undefined;
  /**
   * The segment size that TCP announces to the other end, in bytes (`RTAX_ADVMSS`). The kernel makes 65,495 of what is
   * more.
   */
  readonly advmss?: number | undefined;
  /**
   * An object of `ip nexthop`, in place of `via` and `link` (`RTA_NH_ID`, Linux 5.3). Not among the
   * `routes` of a new link.
   */
  readonly nexthopId?: number | undefined;
  /**
   * Several ways, at most 1,000 of a new route, in place of `via` and `link` (`RTA_MULTIPATH`). Not among the `routes`
   * of a new link.
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
   * The family of `to: 'default'` when no address of the route tells it. Omitted: IPv4. Must be said of an IPv4
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

/**
 * A rule of policy routing to add (`RTM_NEWRULE`): which packets it is for, all that is said of them together, and
 * which table their route is looked up in.
 */
export interface RuleOptions {
  /**
   * Rules are tried from the lowest on (`FRA_PRIORITY`). The kernel's own are 0 for the table `local`, 32766 for `main`
   * and, of IPv4, 32767 for `default`. It would choose one itself, a different one each time, so that a rule could be
   * added twice.
   */
  readonly priority: number;
  /** The family of a rule without `from` and `to`. Omitted: IPv4. */
  readonly family?: IpFamily | undefined;
  /** The prefix of the sources that it is for (`FRA_SRC`). Omitted: all. */
  readonly from?: string | undefined;
  /** The prefix of the destinations that it is for (`FRA_DST`). Omitted: all. */
  readonly to?: string | undefined;
  /** The type of service that it is for, without the two lowest bits, of IPv4 at most 28; 0, or omitted: any. */
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
  /** Which bits of the mark count, with a `fwmark` (`FRA_FWMASK`). Omitted: all. */
  readonly fwmask?: number | undefined;
  /** The protocol that IP carries, by its name or number (`FRA_IP_PROTO`). */
  readonly ipProtocol?: IpProtocol | undefined;
  /** One port from 1 to 65,534, or the first and the last of a range (`FRA_SPORT_RANGE`). */
  readonly sourcePorts?: PortRange | undefined;
  /** One port from 1 to 65,534, or the first and the last of a range (`FRA_DPORT_RANGE`). */
  readonly destinationPorts?: PortRange | undefined;
  /** The first and the last user whose sockets it is for (`FRA_UID_RANGE`). */
  readonly uidRange?: readonly [first: number, last: number] | undefined;
  /** The rule is for all packets but those that the rest describes (`FIB_RULE_INVERT`). */
  readonly invert?: boolean | undefined;
  /**
   * `'table'`: the route is looked up in `table`, and where there is none the next rule is tried; `'goto'`: the rules
   * go on with that priority; `'nop'`: nothing; `'blackhole'`, `'unreachable'` and `'prohibit'`: there is no route
   * (`FR_ACT_*`). Omitted: `'goto'` if there is one, otherwise `'table'`.
   */
  readonly action?: RuleAction | undefined;
  /** Omitted: `'main'` with the action `'table'`, otherwise none (`FRA_TABLE`). */
  readonly table?: RouteTable | undefined;
  /** The priority of the rule to go on with, above this one's (`FRA_GOTO`). While there is none, the next is tried. */
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
   * Not a neighbour: the machine itself answers for the address on that link (`NTF_PROXY`), if it forwards. For IPv4
   * its route to the address must leave by another link, for IPv6 net.ipv6.conf.NAME.proxy_ndp must be 1, too.
   */
  readonly proxy?: boolean | undefined;
  /** Who made it (`NDA_PROTOCOL`). Omitted or `'unspec'`: not said, and of an entry that is replaced, unchanged. */
  readonly protocol?: RouteProtocol | undefined;
}

/** Which neighbours `listNeighbours` gives. */
export interface NeighbourFilter extends OperationOptions {
  /** The link they are on (`NDA_IFINDEX`). */
  readonly link?: LinkRef | undefined;
  /** Omitted: both (`ndm_family`). */
  readonly family?: IpFamily | undefined;
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
