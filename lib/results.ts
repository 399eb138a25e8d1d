/**
 * The types of everything that the package returns. A field is `null` where the kernel says nothing.
 */
import type { AddrGenMode, IpFamily, MacvlanMode } from './options.js';

/**
 * A network device of a namespace, as it was when it was read (`RTM_NEWLINK`). Parts that many links have alike, such
 * as the names of flags, are frozen objects that these links share.
 */
export interface Link {
  /** The index, unique within its namespace (`ifi_index`). */
  readonly index: number;
  /** `IFLA_IFNAME`. */
  readonly name: string;
  /** The inode of the namespace that it was seen in. The kernel may reuse it once that namespace is gone. */
  readonly netns: number;
  /** `'macvlan'`, `'veth'`, … (`IFLA_INFO_KIND`); `null` for a device without a driver kind. */
  readonly kind: string | null;
  /** `'ether'`, `'loopback'`, … (`ifi_type`, `ARPHRD_*`). */
  readonly type: string;
  /** `IFLA_ADDRESS`, lower case with colons; `null` when the device has none. */
  readonly mac: string | null;
  /** `IFLA_BROADCAST`. */
  readonly broadcast: string | null;
  /** Bytes (`IFLA_MTU`). */
  readonly mtu: number;
  /** Bytes (`IFLA_MIN_MTU`). */
  readonly minMtu: number;
  /** Bytes (`IFLA_MAX_MTU`); 0: the driver sets no limit. */
  readonly maxMtu: number;
  /** `IFF_UP`: somebody set it up. */
  readonly up: boolean;
  /** `IFF_LOWER_UP`: the device has a carrier and is up. */
  readonly lowerUp: boolean;
  /** `IFF_RUNNING`: it is operational. */
  readonly running: boolean;
  /** `IFLA_CARRIER`. */
  readonly carrier: boolean;
  /** `IFF_PROMISC`: a program asked for it. {@link Link.promiscuity} tells whether the device is. */
  readonly promiscuous: boolean;
  /** How many users keep it promiscuous, those inside the kernel included (`IFLA_PROMISCUITY`). */
  readonly promiscuity: number;
  /** `IFF_ALLMULTI`. */
  readonly allMulticast: boolean;
  /** Not `IFF_NOARP`. */
  readonly arp: boolean;
  /** `IFF_MULTICAST`. */
  readonly multicast: boolean;
  /**
   * All flags as `ip` prints them: `'UP'`, `'BROADCAST'`, `'LOWER_UP'`, … (`ifi_flags`); without `M-DOWN`, for which
   * `ip` looks at the parent.
   */
  readonly flags: readonly string[];
  /**
   * `'up'`, `'down'`, `'unknown'`, `'dormant'`, `'lowerlayerdown'`, `'notpresent'` or `'testing'`
   * (`IFLA_OPERSTATE`, RFC 2863).
   */
  readonly operState: string;
  /** The queueing discipline (`IFLA_QDISC`). */
  readonly qdisc: string | null;
  /** Packets (`IFLA_TXQLEN`). */
  readonly txQueueLen: number;
  /** `IFLA_NUM_TX_QUEUES`. */
  readonly numTxQueues: number;
  /** `IFLA_NUM_RX_QUEUES`. */
  readonly numRxQueues: number;
  /** `IFLA_GROUP`. */
  readonly group: number;
  /** `IFLA_IFALIAS`. */
  readonly alias: string | null;
  /** `IFLA_ALT_IFNAME`. */
  readonly altNames: readonly string[];
  /** The index of the bridge, bond or VRF it belongs to (`IFLA_MASTER`). */
  readonly master: number | null;
  /** The link that it is on (`IFLA_LINK`), or for a veth the other end. */
  readonly parent: LinkParent | null;
  /** How its IPv6 link-local address is made; `null` without IPv6 (`IFLA_INET6_ADDR_GEN_MODE`). */
  readonly addrGenMode: AddrGenMode | null;
  /** Its counters since it was made (`IFLA_STATS64`). */
  readonly stats: LinkStats | null;
  /**
   * Present when `kind` is `'macvlan'` or `'macvtap'`. To TypeScript `kind` is any string, so a test of `kind` does not
   * narrow the type: test `link.macvlan` itself.
   */
  readonly macvlan?: MacvlanInfo | undefined;
  /** Present when `kind` is `'vlan'`. */
  readonly vlan?: VlanInfo | undefined;
  /** Present while the link is a port of a bridge. */
  readonly bridgePort?: BridgePortInfo | undefined;
}

/** The data of a VLAN (`IFLA_INFO_DATA`). */
export interface VlanInfo {
  /** `IFLA_VLAN_ID`. */
  readonly id: number;
  /** `IFLA_VLAN_PROTOCOL`. */
  readonly protocol: '802.1Q' | '802.1ad';
}

/** The data of a bridge port (`IFLA_INFO_SLAVE_DATA`). */
export interface BridgePortInfo {
  /** Frames may leave by the port that they came in by (`IFLA_BRPORT_MODE`). */
  readonly hairpin: boolean;
}

/** Where a link's parent is. */
export interface LinkParent {
  /** Its index, in the namespace that `netnsid` names. */
  readonly index: number;
  /** The id that this namespace has for the parent's (`IFLA_LINK_NETNSID`); `null`: it is the same namespace. */
  readonly netnsid: number | null;
}

/**
 * Counters of a link: packets, or bytes where the name says so. Named as in `struct rtnl_link_stats64`
 * (`rx_bytes`, …).
 */
export interface LinkStats {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
  readonly multicast: number;
  readonly collisions: number;
}

/** The data of a macvlan or macvtap (`IFLA_INFO_DATA`). */
export interface MacvlanInfo {
  /** `IFLA_MACVLAN_MODE`; a mode newer than this package is its number, as a string. */
  readonly mode: MacvlanMode;
  /** `MACVLAN_FLAG_NOPROMISC`. */
  readonly nopromisc: boolean;
  /** `MACVLAN_FLAG_NODST`. */
  readonly nodst: boolean;
  /** The source list of mode source (`IFLA_MACVLAN_MACADDR_DATA`); empty in every other mode. */
  readonly sources: readonly string[];
  /** The length that this link asked for (`IFLA_MACVLAN_BC_QUEUE_LEN`); `null`: this kernel does not know it. */
  readonly bcQueueLen: number | null;
  /** The length that its parent uses: the largest that a child asked for (`IFLA_MACVLAN_BC_QUEUE_LEN_USED`). */
  readonly bcQueueLenUsed: number | null;
  /** The parent's cutoff (`IFLA_MACVLAN_BC_CUTOFF`); `null`: this kernel does not know it. */
  readonly bcCutoff: number | null;
}

/** A link of kind macvlan. */
export interface MacvlanLink extends Link {
  readonly kind: 'macvlan';
  readonly macvlan: MacvlanInfo;
}

/** A link of kind macvtap. */
export interface MacvtapLink extends Link {
  readonly kind: 'macvtap';
  readonly macvlan: MacvlanInfo;
}

/** The result type for a link of kind `K`. */
export type LinkOfKind<K> = K extends 'macvlan'
  ? MacvlanLink
  : K extends 'macvtap'
    ? MacvtapLink
    : Link;

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
   * that is `'tentative'`; `watch` reports when it no longer is. With `'dadfailed'` as well, a neighbour has it.
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
  /** `ndm_ifindex`; `null` for a proxy on every link. */
  readonly linkIndex: number | null;
  /** `NDA_LLADDR`; `null` while it is not known. */
  readonly mac: string | null;
  /**
   * `'permanent'`, `'noarp'`, `'reachable'`, `'stale'`, `'delay'`, `'probe'`, `'incomplete'`, `'failed'` or, of a proxy,
   * `'none'` (`ndm_state`). In state `'noarp'` are the addresses that nobody needs to ask for, such as those of groups;
   * `ip neigh` leaves them out.
   */
  readonly state: string;
  /** An IPv6 router (`NTF_ROUTER`). */
  readonly router: boolean;
  /** The machine answers for the address (`NTF_PROXY`). */
  readonly proxy: boolean;
  /** Who made it: `'static'`, …, or the number where it has no name; `'unspec'`: not said (`NDA_PROTOCOL`). */
  readonly protocol: string;
}

/** Something that changed in a namespace, told apart by `type`. */
export type NetlinkEvent =
  | { readonly type: 'link'; readonly action: 'added' | 'changed'; readonly link: Link }
  | {
      readonly type: 'link';
      readonly action: 'removed';
      /** The link as it was last reported; its counters may be older. */
      readonly link: Link;
      /**
       * Where it went, when it was moved and not deleted: the id that this namespace has for the other one, and the
       * link's index there (`IFLA_NEW_NETNSID`, `IFLA_NEW_IFINDEX`).
       */
      readonly movedTo?: { readonly netnsid: number; readonly index: number };
    }
  | {
      readonly type: 'address';
      readonly action: 'added' | 'changed' | 'removed';
      /**
       * The kernel identifies a link's IPv4 addresses by `cidr` and `peer`, and IPv6 addresses by `address` alone: an
       * IPv6 address that gets another prefix length or peer is `changed`.
       */
      readonly address: Address;
    }
  | {
      readonly type: 'route';
      readonly action: 'added' | 'changed' | 'removed';
      readonly route: Route;
    }
  | {
      /** The kernel has dropped events; those that follow bring the reader up to date again. */
      readonly type: 'resync';
    };

/**
 * The reader is up to date: everything that existed when the watch began, or that differed after events had been lost,
 * has been reported. Reported when `watch` is called with `level`. A program that keeps its own picture can rely on it
 * from here on, until a `resync`.
 */
export interface LevelEvent {
  readonly type: 'level';
}

/**
 * The state of a kernel module: `'builtin'` in the kernel, `'loaded'`, `'loadable'` but not loaded, or `'missing'`:
 * neither in the kernel nor in /lib/modules. A container seldom has its host's /lib/modules: there a module that the
 * kernel could load is `'missing'` until it is loaded, by making a link of the kind or by
 * `checkSupport({ load: true })`.
 */
export type ModuleState = 'builtin' | 'loaded' | 'loadable' | 'missing';

/** What this kernel and this process can do. */
export interface Support {
  /** The kernel's release, as `uname -r` gives it. */
  readonly kernel: string;
  /** Whether the process has `CAP_NET_ADMIN` over the namespace. */
  readonly netAdmin: boolean;
  /** The state of the module for the kind `macvlan`. */
  readonly macvlan: ModuleState;
  /** The state of the module for the kind `macvtap`. */
  readonly macvtap: ModuleState;
  /**
   * What the kernel knows. This is found out by setting each and reading it back, or from the kernel's version where
   * that cannot be done, as without `CAP_SYS_ADMIN`, or would load a module.
   */
  readonly features: {
    /** `IFLA_MACVLAN_BC_QUEUE_LEN` (Linux 5.11). */
    readonly bcQueueLen: boolean;
    /** `IFLA_MACVLAN_BC_CUTOFF` (Linux 6.4). */
    readonly bcCutoff: boolean;
    /** `MACVLAN_FLAG_NODST` (Linux 5.13). */
    readonly nodst: boolean;
    /** `MACVLAN_MODE_SOURCE` (Linux 3.18). */
    readonly source: boolean;
  };
}
