/** The types of what is told of addresses, routes, rules and neighbours. */
import type { IpFamily } from './optionsInet.js';

/** An IP address on a link (`RTM_NEWADDR`); the names follow `os.networkInterfaces()`. */
export interface Address {
  /**
   * The address without its prefix length, in the form of `inet_ntop`, like `SocketAddress` of `node:net`:
   * `fd00::0:1` is listed as `fd00::1` (`IFA_LOCAL`, or `IFA_ADDRESS` where there is none).
   */
  readonly address: string;
  /** `ifa_prefixlen`. */
  readonly prefixLength: number;
  /** `address` and `prefixLength`, joined by a slash. */
  readonly cidr: string;
  readonly family: IpFamily;
  /** `ifa_index`. */
  readonly linkIndex: number;
  /** `'global'`, `'link'`, `'host'`, …, or its number where it has no name (`ifa_scope`). */
  readonly scope: string;
  /**
   * `IFA_LABEL`; `null` for IPv6. When a listed address is added again, a label without a colon is taken for the name
   * of its former link, and left out.
   */
  readonly label: string | null;
  /** `IFA_BROADCAST`. */
  readonly broadcast: string | null;
  /** The other end of a point-to-point link (`IFA_ADDRESS` where it differs from `IFA_LOCAL`). */
  readonly peer: string | null;
  /**
   * As `ip` names them: `'permanent'`, `'tentative'`, `'nodad'`, … (`IFA_FLAGS`). Nothing can bind to an IPv6 address
   * that is `'tentative'`; `settleAddresses` waits until it no longer is. With `'dadfailed'` as well, a neighbour has it.
   */
  readonly flags: readonly string[];
  /** Seconds, or `Infinity` (`ifa_valid`). */
  readonly validLifetime: number;
  /** Seconds, or `Infinity` (`ifa_prefered`). */
  readonly preferredLifetime: number;
  /** The metric of its prefix route; 0: the kernel's own choice (`IFA_RT_PRIORITY`). */
  readonly metric: number;
}

/** A route (`RTM_NEWROUTE`). */
export interface Route {
  /** `'default'`, or a prefix (`RTA_DST`). */
  readonly to: string;
  /** The prefix of the sources that an IPv6 route is for (`RTA_SRC`); `null`: all. */
  readonly from: string | null;
  /** The type of service that an IPv4 route is for (`rtm_tos`); 0: any. */
  readonly tos: number;
  readonly family: IpFamily;
  /** `RTA_GATEWAY`, or `RTA_VIA` where the gateway is of the other family. */
  readonly via: string | null;
  /** The index of the link it leaves by (`RTA_OIF`). */
  readonly link: number | null;
  /** `RTA_PRIORITY`. */
  readonly metric: number;
  /** `RTA_TABLE`: 254 is `main`. */
  readonly table: number;
  /** `RTA_PREFSRC`. */
  readonly source: string | null;
  /** `'global'`, `'link'`, …, or the number where it has no name (`rtm_scope`). */
  readonly scope: string;
  /** `'kernel'`, `'static'`, …, or the number where it has no name (`rtm_protocol`). */
  readonly protocol: string;
  /** `'unicast'`, `'local'`, …, or the number where it has no name (`rtm_type`). */
  readonly type: string;
  /** `RTNH_F_ONLINK`; each one of `nextHops` has its own. */
  readonly onlink: boolean;
  /** Bytes (`RTAX_MTU`); `null`: the link's. */
  readonly mtu: number | null;
  /** Bytes (`RTAX_ADVMSS`); `null`: what the MTU allows. */
  readonly advmss: number | null;
  /** The ways of a route that has several (`RTA_MULTIPATH`); `via` and `link` are `null` then. */
  readonly nextHops: readonly NextHop[];
  /** The object of `ip nexthop` that `via`, `link` and `nextHops` come from (`RTA_NH_ID`). */
  readonly nexthopId: number | null;
}

/** One of the ways of a route that has several (`struct rtnexthop`). */
export interface NextHop {
  /** The gateway (`RTA_GATEWAY`, or `RTA_VIA` where it is of the other family). */
  readonly via: string | null;
  /** The index of the link it leaves by (`rtnh_ifindex`). */
  readonly link: number | null;
  /** Its share among the others, from 1 (`rtnh_hops` + 1). */
  readonly weight: number;
  /** `RTNH_F_ONLINK`. */
  readonly onlink: boolean;
}

/** A rule of policy routing (`RTM_NEWRULE`): the selectors that say for which packets it is, and what it does. */
export interface Rule {
  /** Rules are tried from the lowest on (`FRA_PRIORITY`). */
  readonly priority: number;
  readonly family: IpFamily;
  /** The prefix of the sources that it is for (`FRA_SRC`); `null`: all. */
  readonly from: string | null;
  /** The prefix of the destinations that it is for (`FRA_DST`); `null`: all. */
  readonly to: string | null;
  /** The type of service that it is for (`struct fib_rule_hdr`); 0: any. */
  readonly tos: number;
  /** The name of the link that a packet came in by; `'lo'` for the machine's own (`FRA_IIFNAME`). */
  readonly iif: string | null;
  /** The name of the link that a socket is bound to (`FRA_OIFNAME`). */
  readonly oif: string | null;
  /** The mark that a packet must have in the bits of `fwmask` (`FRA_FWMARK`); `null`: any. */
  readonly fwmark: number | null;
  /** Which bits of the mark count (`FRA_FWMASK`); `null`: none. */
  readonly fwmask: number | null;
  /** `'tcp'`, `'udp'`, …, or the number where it has no name here (`FRA_IP_PROTO`); `null`: any. */
  readonly ipProtocol: string | null;
  /** The first and the last (`FRA_SPORT_RANGE`). */
  readonly sourcePorts: readonly [first: number, last: number] | null;
  /** The first and the last (`FRA_DPORT_RANGE`). */
  readonly destinationPorts: readonly [first: number, last: number] | null;
  /** The first and the last user whose sockets it is for (`FRA_UID_RANGE`). */
  readonly uidRange: readonly [first: number, last: number] | null;
  /** It is for the packets that the selectors do not match (`FIB_RULE_INVERT`). */
  readonly invert: boolean;
  /** `'table'`, `'goto'`, `'blackhole'`, …, or the number where it has no name (`FR_ACT_*`). */
  readonly action: string;
  /** The table that the route is looked up in: 254 is `main` (`FRA_TABLE`); `null`: none. */
  readonly table: number | null;
  /** The priority of the rule to go on with (`FRA_GOTO`). */
  readonly goto: number | null;
  /** The table is that of the VRF that the packet is in (`FRA_L3MDEV`). */
  readonly l3mdev: boolean;
  /** A route whose prefix has at most this length does not count (`FRA_SUPPRESS_PREFIXLEN`); `null`: every one does. */
  readonly suppressPrefixLength: number | null;
  /** A route by a link of this group does not count (`FRA_SUPPRESS_IFGROUP`); `null`: every one does. */
  readonly suppressGroup: number | null;
  /** Who made it: `'kernel'`, `'static'`, …, or the number where it has no name (`FRA_PROTOCOL`). */
  readonly protocol: string;
}

/**
 * Which MAC an IP address has on a link (`RTM_NEWNEIGH`), as ARP or neighbour discovery has found out or a program has
 * said; or, with `proxy`, an address that the machine itself answers for.
 */
export interface Neighbour {
  /** `NDA_DST`. */
  readonly address: string;
  readonly family: IpFamily;
  /** `ndm_ifindex`; `null` for a proxy on every link, which only other programs can make and remove. */
  readonly linkIndex: number | null;
  /** `NDA_LLADDR`; `null` while it is not known. */
  readonly mac: string | null;
  /**
   * `'permanent'`, `'noarp'`, `'reachable'`, `'stale'`, `'delay'`, `'probe'`, `'incomplete'`, `'failed'` or, of a
   * proxy, `'none'` (`ndm_state`); its number in decimal where another program has combined several. In state `'noarp'`
   * are the addresses that nobody needs to ask for, such as those of groups; `ip neigh` leaves them out.
   */
  readonly state: string;
  /** An IPv6 router (`NTF_ROUTER`). */
  readonly router: boolean;
  /** The machine answers for the address (`NTF_PROXY`). */
  readonly proxy: boolean;
  /** Who made it: `'static'`, …, or the number where it has no name; `'unspec'`: not said (`NDA_PROTOCOL`). */
  readonly protocol: string;
}
