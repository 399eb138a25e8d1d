/**
 * The types of what is told of links, of events, and of what the kernel supports; `resultsInet.ts` has those of
 * addresses, routes, rules and neighbours. A field is `null` where the kernel says nothing.
 */
import type { AddrGenMode, MacvlanMode } from './options.js';
import type { NetnsRef } from './optionsCommon.js';
import type { Address, Route } from './resultsInet.js';

/**
 * A network device of a namespace, as it was when it was read (`RTM_NEWLINK`). Parts that many links have alike, such
 * as the names of flags, are frozen objects that these links share.
 */
export interface Link {
  /** The index, unique within its namespace (`ifi_index`). */
  readonly index: number;
  /**
   * `IFLA_IFNAME`. The kernel takes any bytes for a name: of those that are no UTF-8 each is U+FFFD here, and then no
   * link is found by that name, but by the index. The same goes for `altNames` and for the `label` of an address.
   */
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
   * All flags as `ip` prints them: `'UP'`, `'BROADCAST'`, `'LOWER_UP'`, … (`ifi_flags`), those newer than this package
   * together in hexadecimal; without `M-DOWN`, for which `ip` looks at the parent.
   */
  readonly flags: readonly string[];
  /**
   * `'up'`, `'down'`, `'unknown'`, `'dormant'`, `'lowerlayerdown'`, `'notpresent'` or `'testing'`
   * (`IFLA_OPERSTATE`, RFC 2863); a state newer than this package is its number, as a string.
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
  /**
   * How its IPv6 link-local address is made; `null` without IPv6 (`IFLA_INET6_ADDR_GEN_MODE`). A mode newer than this
   * package is its number, as a string.
   */
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
  /** `IFLA_VLAN_PROTOCOL`; one newer than this package is its number, as a string. */
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
  /**
   * The id that this namespace has for the parent's (`IFLA_LINK_NETNSID`); `null`: it is the same namespace; -1: it has
   * none, because that namespace is being taken down.
   */
  readonly netnsid: number | null;
}

/**
 * Counters of a link: packets, or bytes where the name says so. Named as in `struct rtnl_link_stats64`
 * (`rx_bytes`, …). Those above 2^53 are rounded.
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
  /** `MACVLAN_FLAG_NODST`; the kernel keeps it when the mode changes, and it counts in mode source alone. */
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
  readonly mac: string;
  readonly macvlan: MacvlanInfo;
}

/** A link of kind macvtap. */
export interface MacvtapLink extends Link {
  readonly kind: 'macvtap';
  readonly mac: string;
  readonly macvlan: MacvlanInfo;
}

/** The result type for a link of kind `K`. */
export type LinkOfKind<K> = K extends 'macvlan'
  ? MacvlanLink
  : K extends 'macvtap'
    ? MacvtapLink
    : Link;

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
      /**
       * Where a field of a route changes, the route that was is `removed`, and one is `added`: nothing but all of its
       * fields tells a route from others.
       */
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

/** A link on another one, and where it is: what `findChildren` finds. */
export interface Child {
  /** The link, as `listLinks` of its namespace gives it. */
  readonly link: Link;
  /**
   * Its namespace, for `Netns.open`: a `Netns`, a name, a process that is in it, or a descriptor of this process. By
   * then it may lead elsewhere, when the name, the process or the descriptor is gone: a {@link Netns} refuses a `Link`
   * of another namespace.
   */
  readonly netns: NetnsRef;
}

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
  /** The modules of the other kinds that `createLink` makes. `load` does not load these, but making such a link does. */
  readonly veth: ModuleState;
  readonly vlan: ModuleState;
  readonly bridge: ModuleState;
  readonly dummy: ModuleState;
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
