/**
 * What the package gives, and nothing that runs. A result says `null` where the kernel says nothing.
 */
import type { AddrGenMode, IpFamily, MacvlanMode } from './options.js';

/**
 * A network device of a namespace, as it was when it was read (`RTM_NEWLINK`). What many links have
 * alike, such as the names of flags, is one frozen object in all of them.
 */
export interface Link {
  /** The index, unique within its namespace (`ifi_index`). */
  readonly index: number;
  /** `IFLA_IFNAME`. */
  readonly name: string;
  /** The inode of the namespace it was seen in; the kernel gives that of one that is gone to a later one. */
  readonly netns: number;
  /** `'macvlan'`, `'veth'`, … (`IFLA_INFO_KIND`); `null` for a device that no driver kind names. */
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
  /** Bytes (`IFLA_MAX_MTU`); 0: the driver names no limit. */
  readonly maxMtu: number;
  /** `IFF_UP`: somebody set it up. */
  readonly up: boolean;
  /** `IFF_LOWER_UP`: the device has a carrier and is up. */
  readonly lowerUp: boolean;
  /** `IFF_RUNNING`: it is operational. */
  readonly running: boolean;
  /** `IFLA_CARRIER`. */
  readonly carrier: boolean;
  /** `IFF_PROMISC`: somebody asked for it. See {@link Link.promiscuity} for what holds. */
  readonly promiscuous: boolean;
  /** How many hold it promiscuous, the kernel's own holders included (`IFLA_PROMISCUITY`). */
  readonly promiscuity: number;
  /** `IFF_ALLMULTI`. */
  readonly allMulticast: boolean;
  /** Not `IFF_NOARP`. */
  readonly arp: boolean;
  /** `IFF_MULTICAST`. */
  readonly multicast: boolean;
  /**
   * All flags as `ip` prints them: `'UP'`, `'BROADCAST'`, `'LOWER_UP'`, … (`ifi_flags`); without
   * `M-DOWN`, for which it looks at the parent.
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
  /** The link it rides on (`IFLA_LINK`), or for a veth the other end. */
  readonly parent: LinkParent | null;
  /** How its IPv6 link-local address is made; `null` without IPv6 (`IFLA_INET6_ADDR_GEN_MODE`). */
  readonly addrGenMode: AddrGenMode | null;
  /** Its counters since it was made (`IFLA_STATS64`). */
  readonly stats: LinkStats | null;
  /**
   * What only a macvlan or macvtap has: there when `kind` is `'macvlan'` or `'macvtap'`. To TypeScript the `kind`
   * is any text and tells nothing of this: test `link.macvlan` itself.
   */
  readonly macvlan?: MacvlanInfo | undefined;
  /** What only a VLAN has: there when `kind` is `'vlan'`. */
  readonly vlan?: VlanInfo | undefined;
  /** What only a port of a bridge has: there while one is its master. */
  readonly bridgePort?: BridgePortInfo | undefined;
}

/** What a VLAN has beside what every link has (`IFLA_INFO_DATA`). */
export interface VlanInfo {
  /** `IFLA_VLAN_ID`. */
  readonly id: number;
  /** `IFLA_VLAN_PROTOCOL`. */
  readonly protocol: '802.1Q' | '802.1ad';
}

/** What a port of a bridge has beside what every link has (`IFLA_INFO_SLAVE_DATA`). */
export interface BridgePortInfo {
  /** Frames may leave by the port they came in by (`IFLA_BRPORT_MODE`). */
  readonly hairpin: boolean;
}

/** Where a link's parent is. */
export interface LinkParent {
  /** Its index, in the namespace that `netnsid` names. */
  readonly index: number;
  /** The id this namespace gives to the parent's (`IFLA_LINK_NETNSID`); `null`: it is the same. */
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

/** What a macvlan or macvtap has beside what every link has (`IFLA_INFO_DATA`). */
export interface MacvlanInfo {
  /** `IFLA_MACVLAN_MODE`; of a mode newer than this package the number, as a text. */
  readonly mode: MacvlanMode;
  /** `MACVLAN_FLAG_NOPROMISC`. */
  readonly nopromisc: boolean;
  /** `MACVLAN_FLAG_NODST`. */
  readonly nodst: boolean;
  /** Source mode's list (`IFLA_MACVLAN_MACADDR_DATA`); empty in every other mode. */
  readonly sources: readonly string[];
  /** What this link asked for; `null`: this kernel does not know it (`IFLA_MACVLAN_BC_QUEUE_LEN`). */
  readonly bcQueueLen: number | null;
  /** What its parent uses: the largest that a child asked for (`IFLA_MACVLAN_BC_QUEUE_LEN_USED`). */
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
   * Without its prefix length, in the form that `inet_ntop` gives it, as `SocketAddress` of `node:net` does:
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
  /** `'global'`, `'link'`, `'host'`, …, or the number where it has no name (`ifa_scope`). */
  readonly scope: string;
  /**
   * `IFA_LABEL`; `null` for IPv6. Where a listed address is added again, one without a colon is taken for
   * the name of its link, and left out.
   */
  readonly label: string | null;
  /** `IFA_BROADCAST`. */
  readonly broadcast: string | null;
  /** The other end of a point-to-point link (`IFA_ADDRESS` where it differs from `IFA_LOCAL`). */
  readonly peer: string | null;
  /**
   * As `ip` names them: `'permanent'`, `'tentative'`, `'nodad'`, … (`IFA_FLAGS`). Of IPv6, `'tentative'` is one that
   * nobody can bind to yet; `watch` tells when it no longer is. With `'dadfailed'` beside it a neighbour has it.
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
  /** The sources that an IPv6 route is for, when not for all (`RTA_SRC`): a prefix. */
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
  /** `RTNH_F_ONLINK`. */
  readonly onlink: boolean;
  /** Bytes (`RTAX_MTU`); `null`: the link's. */
  readonly mtu: number | null;
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
}

/** Something that changed in a namespace, told apart by `type`. */
export type NetlinkEvent =
  | { readonly type: 'link'; readonly action: 'added' | 'changed'; readonly link: Link }
  | {
      readonly type: 'link';
      readonly action: 'removed';
      /** The link as it was last told of; its counters may be older. */
      readonly link: Link;
      /**
       * Where it went, when it was moved and not deleted: the namespace's id in this one and the
       * index it has there (`IFLA_NEW_NETNSID`, `IFLA_NEW_IFINDEX`).
       */
      readonly movedTo?: { readonly netnsid: number; readonly index: number };
    }
  | {
      readonly type: 'address';
      readonly action: 'added' | 'changed' | 'removed';
      /**
       * The kernel tells IPv4 addresses of a link apart by `cidr` and `peer`, and IPv6 addresses by
       * `address` alone: one that gets another prefix length or peer has changed.
       */
      readonly address: Address;
    }
  | {
      readonly type: 'route';
      readonly action: 'added' | 'changed' | 'removed';
      readonly route: Route;
    }
  | {
      /** Events were lost in the kernel's queue; what follows brings the reader level again. */
      readonly type: 'resync';
    };

/**
 * The reader is level: all that was there when the watch began, or when events had been lost, has been told of. Told
 * when `watch` is asked for it with `level`; a program that keeps what it is told of may go by it from here on, until
 * a `resync`.
 */
export interface LevelEvent {
  readonly type: 'level';
}

/**
 * Where a kernel module stands: `'builtin'` in the kernel, `'loaded'`, `'loadable'` but not loaded,
 * or `'missing'`: not in the kernel, and not in /lib/modules either. A container seldom has its host's
 * /lib/modules: there a module that the kernel would load is `'missing'` until it has done so, for which
 * a link of the kind is made, or `checkSupport({ load: true })` asks.
 */
export type ModuleState = 'builtin' | 'loaded' | 'loadable' | 'missing';

/** What this kernel and this process can do. */
export interface Support {
  /** The kernel's release, as `uname -r` gives it. */
  readonly kernel: string;
  /** Whether the process has `CAP_NET_ADMIN` over the namespace. */
  readonly netAdmin: boolean;
  /** Where the module stands that brings the kind `macvlan`. */
  readonly macvlan: ModuleState;
  /** Where the module stands that brings the kind `macvtap`. */
  readonly macvtap: ModuleState;
  /**
   * What the kernel knows: found out by setting it and reading it back; by the kernel's version where that
   * cannot be done, as without `CAP_SYS_ADMIN`, or where it would load a module.
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
