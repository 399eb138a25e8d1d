/**
 * What the package takes, and nothing that runs. An option that is left out, or is `undefined`, is
 * not asked for. Indexes, MTUs, queue lengths and counts are integers, times are seconds. Each
 * description names the kernel's own term for the thing.
 */
import type { Address, Route } from './results.js';
import type { netnsBrand } from './values.js';

/**
 * What every operation's last argument may carry: that of its signature, which are the options of `create…`,
 * `moveLink`, `watch`, `openTap`, `checkSupport` and `run`, the changes of `setLink` and `setMacvlan`, the filter
 * of a listing, and the route of `addRoute`, `replaceRoute` and `removeRoute`. In JavaScript an argument more
 * than that is not looked at.
 */
export interface OperationOptions {
  /**
   * Withdraws what has not been sent to the kernel yet; the promise then rejects with the signal's
   * reason. What has been sent may still take effect: netlink requests cannot be recalled.
   */
  readonly signal?: AbortSignal | undefined;
}

/** What a handle on a network namespace shows of itself. The class `Netns` is the only one. */
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
 * Names a network namespace: a `Netns`; a name under /run/netns, or a path when it has a `/`; the
 * process that lives in it; or an open file descriptor of it, which stays open until the call it is
 * an option of has ended.
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
 * How IPv4 behaves on a link (`IFLA_INET_CONF`): what /proc/sys/net/ipv4/conf/NAME shows, set without it,
 * in any namespace and also where /proc/sys cannot be written. What holds in the end is the larger of this
 * and of what stands below `all`. Documentation/networking/ip-sysctl.rst tells more of each.
 */
export interface Ipv4Settings {
  /**
   * The link announces its addresses by ARP when it comes up and when its MAC is set
   * (`IPV4_DEVCONF_ARP_NOTIFY`), so that neighbours forget whose they were before. A new link with
   * `up` and `addresses` does so once, when all else has been done. What is announced while there is no
   * carrier is lost: `setLink(link, { mac: link.mac })` does it again. A VLAN that was given no MAC keeps its
   * parent's of that moment then. Of IPv6 there is only the sysctl `ndisc_notify`.
   */
  readonly arpNotify?: boolean | undefined;
  /**
   * 0: answers ARP for any address of the machine; 1: for those of this link; 2: and to askers in
   * their subnet only; 3: for none of scope host; 8: for none (`IPV4_DEVCONF_ARP_IGNORE`).
   */
  readonly arpIgnore?: number | undefined;
  /**
   * The source address in questions: 0, any; 1, rather one in the target's subnet; 2, always the best
   * of this link (`IPV4_DEVCONF_ARP_ANNOUNCE`).
   */
  readonly arpAnnounce?: number | undefined;
  /**
   * Whether an announcement of an address that is not known makes an entry: 0, no; 1, yes; 2, of
   * this link's subnets (`IPV4_DEVCONF_ARP_ACCEPT`).
   */
  readonly arpAccept?: number | undefined;
  /** Answers ARP for what it would forward to (`IPV4_DEVCONF_PROXY_ARP`). */
  readonly proxyArp?: boolean | undefined;
  /**
   * Drops what comes from a source that is not reached this way: 0, no; 1, strictly by this link; 2,
   * by any link (`IPV4_DEVCONF_RP_FILTER`).
   */
  readonly rpFilter?: number | undefined;
  /** Takes packets whose source is an address of this machine (`IPV4_DEVCONF_ACCEPT_LOCAL`). */
  readonly acceptLocal?: boolean | undefined;
  /**
   * When the first address of a subnet goes, the next one becomes the first, instead of all in the
   * subnet going with it (`IPV4_DEVCONF_PROMOTE_SECONDARIES`).
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

/**
 * A flag that can be asked for with an address (`IFA_F_*`). IPv4 knows `noprefixroute` and `autojoin`; the
 * kernel passes over the others there, and over `optimistic` unless the sysctl `optimistic_dad` is 1.
 */
export type AddressFlag =
  | 'nodad'
  | 'noprefixroute'
  | 'home'
  | 'mngtmpaddr'
  | 'optimistic'
  | 'autojoin';

/**
 * An address to put on a link (`RTM_NEWADDR`). One of IPv6 is `'tentative'` for a second or two, while the kernel asks
 * whether a neighbour has it, and cannot be bound to before; with the flag `'nodad'` nobody is asked. See
 * {@link Address.flags}.
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
   * Of IPv4; an IPv6 address has its own. Omitted: `'host'` for loopback addresses, otherwise `'global'`
   * (`ifa_scope`).
   */
  readonly scope?: Scope | undefined;
  /** Flags to set (`IFA_FLAGS`). */
  readonly flags?: readonly AddressFlag[] | undefined;
  /** Seconds until the address goes, or `Infinity` (`ifa_valid`). Omitted: `Infinity`. */
  readonly validLifetime?: number | undefined;
  /** Seconds until no new connection uses it, at most `validLifetime` (`ifa_prefered`). */
  readonly preferredLifetime?: number | undefined;
  /** The metric of the prefix route that comes with the address (`IFA_RT_PRIORITY`). */
  readonly metric?: number | undefined;
}

/** An address to remove: as it was added, or an {@link Address} as it was listed. */
export type AddressToRemove = AddressOptions | Address;

/** What `addAddress` takes besides a text: an address to be, or one as it was listed. */
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
  /** The gateway (`RTA_GATEWAY`), of the same family as `to`. */
  readonly via?: string | undefined;
  /** The link it leaves by (`RTA_OIF`). Among the `routes` of a new link: that link. */
  readonly link?: LinkRef | undefined;
  /** Lower is preferred (`RTA_PRIORITY`). Omitted: 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number | undefined;
  /** Omitted: `'main'` (`RTA_TABLE`). */
  readonly table?: RouteTable | undefined;
  /** The source address that packets of this route prefer (`RTA_PREFSRC`). */
  readonly source?: string | undefined;
  /**
   * Of IPv4; the kernel knows none of IPv6 routes. Omitted: `'host'` for type `'local'`; `'link'` without a
   * gateway, and for `'broadcast'`, `'multicast'` and `'anycast'`; otherwise `'global'` (`rtm_scope`).
   */
  readonly scope?: Scope | undefined;
  /** Omitted: `'static'` (`rtm_protocol`). */
  readonly protocol?: RouteProtocol | undefined;
  /**
   * Omitted: `'unicast'` (`rtm_type`). Not among the `routes` of a new link: `'blackhole'`,
   * `'unreachable'`, `'prohibit'` and `'throw'`, which lead to no link.
   */
  readonly type?: RouteType | undefined;
  /** The gateway counts as reachable although no prefix of the link covers it (`RTNH_F_ONLINK`). */
  readonly onlink?: boolean | undefined;
  /** The path MTU of this route, in bytes (`RTAX_MTU`). */
  readonly mtu?: number | undefined;
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
   * When it is added: beside those to the same destination with the same metric, instead of `EEXIST`
   * (`NLM_F_APPEND`). Of IPv4 it stands behind them, and is used when they are gone; of IPv6 those by gateways
   * become the ways of one route. One that is there just so is `EEXIST` all the same. Not with
   * `replaceRoute`; among the `routes` of a new link not beside `link`.
   */
  readonly append?: boolean | undefined;
  /** Which default route `to: 'default'` means when neither `via` nor `source` tells: IPv4. */
  readonly family?: IpFamily | undefined;
}

/** One of the ways of a route that has several: by `via`, by `link`, or both. */
export interface NextHopOptions {
  /** The gateway (`RTA_GATEWAY`). */
  readonly via?: string | undefined;
  /** The link it leaves by (`rtnh_ifindex`). */
  readonly link?: LinkRef | undefined;
  /** Its share among the others, 1–256 (`rtnh_hops` + 1). Omitted: 1. */
  readonly weight?: number | undefined;
}

/** What `addRoute` takes: a route to be, or one as it was listed. */
export type RouteToAdd = RouteOptions | (Route & Pick<RouteOptions, 'append'>);

/** What `removeRoute` takes: a route as it was added, or as it was listed. */
export type RouteToRemove = RouteOptions | Route;

/** What a new link of any kind takes. */
export interface LinkOptions extends OperationOptions {
  /**
   * 1–15 bytes without `/`, `:`, `%` or white space, and not `.` or `..` (`IFLA_IFNAME`). `%` is
   * refused because the kernel reads `eth%d` as a template. Omitted: the kernel numbers the link
   * after its kind (`macvlan0`, `veth0`, …), for which it looks through all names: with 5,000 links there
   * the creation takes 1.4 ms instead of 0.8 (Linux 6.18, measured).
   */
  readonly name?: string | undefined;
  /** The namespace the link is born in, directly (`IFLA_NET_NS_FD`). Omitted: this one. */
  readonly netns?: NetnsRef | undefined;
  /**
   * The link's index, from 1 to 2^31 - 1 (`ifi_index`). Omitted: one above 65,536 is chosen here, so
   * that what follows can name the link at once.
   */
  readonly index?: number | undefined;
  /**
   * `'02:00:5e:10:00:01'`, a unicast address that is not all zero (`IFLA_ADDRESS`). Omitted: a
   * random, locally administered one, chosen here so that no daemon rewrites it later; of a VLAN, and of a
   * macvlan in passthru mode, the parent's.
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
   * The group that bulk operations address (`IFLA_GROUP`). Omitted: 0. Another one takes its place while the link is
   * deleted together with others, see `deleteLinks`.
   */
  readonly group?: number | undefined;
  /** A free text of 1–255 bytes (`IFLA_IFALIAS`). */
  readonly alias?: string | undefined;
  /** Further names of 1–127 bytes by which the link is found (`IFLA_PROP_LIST`). */
  readonly altNames?: readonly string[] | undefined;
  /** Addresses to put on it; a text is address and prefix length. */
  readonly addresses?: readonly (string | AddressToAdd)[] | undefined;
  /** Routes to add once the addresses are on; they leave by this link unless they say otherwise. */
  readonly routes?: readonly RouteOptions[] | undefined;
  /** `IFF_PROMISC`. */
  readonly promiscuous?: boolean | undefined;
  /**
   * `IFF_ALLMULTI`: frames to every multicast address, also to those that nobody here has joined. Of a macvlan in
   * mode passthru rather `promiscuous`, which brings them too: the kernel counts `allMulticast` on the parent when
   * it is set or cleared on a link that is up, but not when such a link comes up or goes down
   * (drivers/net/macvlan.c, macvlan_open and macvlan_stop, Linux 6.18), so that the parent may keep it for ever.
   */
  readonly allMulticast?: boolean | undefined;
  /** The bridge, bond or VRF that takes the link in, where the link is born (`IFLA_MASTER`). */
  readonly master?: LinkRef | undefined;
  /**
   * How its IPv6 link-local address is made (`IFLA_INET6_ADDR_GEN_MODE`). `'none'` for thousands of links
   * in one namespace: with an address each, bringing up one more takes 18 ms at 5,000, and 1.7 ms
   * without (Linux 6.18, measured). `EAFNOSUPPORT`: the kernel has no IPv6.
   */
  readonly addrGenMode?: AddrGenMode | undefined;
  /** How IPv4 behaves on it. Only what is named changes. */
  readonly ipv4?: Ipv4Settings | undefined;
}

/** What a macvlan takes in every mode. */
export interface MacvlanCommonOptions extends LinkOptions {
  /**
   * The link it rides on, in this namespace (`IFLA_LINK`). When that is a macvlan itself, the
   * kernel takes the macvlan's own parent instead.
   */
  readonly parent: LinkRef;
  /**
   * How many broadcast and multicast packets may wait for delivery to the siblings
   * (`IFLA_MACVLAN_BC_QUEUE_LEN`, Linux 5.11). The parent uses the largest of its children's.
   */
  readonly bcQueueLen?: number | undefined;
  /**
   * Up to how many receivers a multicast packet is delivered at once instead of through the queue
   * (`IFLA_MACVLAN_BC_CUTOFF`, Linux 6.4); negative: never through the queue. One value for all
   * children of a parent: the last writer's. The kernel's default is 1.
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
      /** Not in this mode: the kernel ignores it at creation and takes the parent's. */
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
       * A listed sender's frames go to this child alone, no longer to the destination as well
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
  /** The namespace that end is born in (`IFLA_NET_NS_FD`). Omitted: that of the first end. */
  readonly netns?: NetnsRef | undefined;
  /** `IFLA_ADDRESS`. Omitted: a random, locally administered one. */
  readonly mac?: string | undefined;
  /** Bytes (`IFLA_MTU`). Omitted: 1500, whatever the first end has. */
  readonly mtu?: number | undefined;
  /** Brings that end up (`IFF_UP`). */
  readonly up?: boolean | undefined;
  /** The bridge, bond or VRF that takes that end in, where it is born (`IFLA_MASTER`). */
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
  /** Whether the link answers and asks by ARP: `IFF_NOARP`, the other way round. */
  readonly arp?: boolean | undefined;
  /** `IFF_MULTICAST`. */
  readonly multicast?: boolean | undefined;
  /** Packets (`IFLA_TXQLEN`). */
  readonly txQueueLen?: number | undefined;
  /** `IFLA_GROUP`. */
  readonly group?: number | undefined;
  /** The new alias (`IFLA_IFALIAS`); `null` or an empty text takes it away. */
  readonly alias?: string | null | undefined;
  /** The link that takes this one in, or `null` to leave it (`IFLA_MASTER`). */
  readonly master?: LinkRef | null | undefined;
  /** Alternative names to add (`RTM_NEWLINKPROP`). */
  readonly addAltNames?: readonly string[] | undefined;
  /** Alternative names to take away (`RTM_DELLINKPROP`). */
  readonly removeAltNames?: readonly string[] | undefined;
  /** See {@link LinkOptions.addrGenMode}. */
  readonly addrGenMode?: AddrGenMode | undefined;
  /** How IPv4 behaves on it. Only what is named changes. */
  readonly ipv4?: Ipv4Settings | undefined;
  /** What holds for the link as a port of the bridge it belongs to. */
  readonly bridgePort?: BridgePortOptions | undefined;
}

/** What holds for a port of a bridge. */
export interface BridgePortOptions {
  /** Frames may leave by the port they came in by (`IFLA_BRPORT_MODE`): reflective relay. */
  readonly hairpin?: boolean | undefined;
}

/** What `setMacvlan` changes on a living macvlan or macvtap, whatever its mode. */
export interface MacvlanCommonChanges extends OperationOptions {
  /** See {@link MacvlanCommonOptions.bcQueueLen}. */
  readonly bcQueueLen?: number | undefined;
  /** See {@link MacvlanCommonOptions.bcCutoff}. */
  readonly bcCutoff?: number | undefined;
}

/** The changes of a macvlan that depend on its mode: the new one, or the one it has. */
export type MacvlanModeChanges =
  | {
      /** The kernel refuses to change to or from passthru; leaving source empties its list. */
      readonly mode?: 'private' | 'vepa' | 'bridge' | undefined;
      readonly nopromisc?: undefined;
      readonly sources?: undefined;
      readonly nodst?: undefined;
    }
  | {
      readonly mode?: 'passthru' | undefined;
      /** Refused while the link is down: the kernel would miscount the parent's promiscuity. */
      readonly nopromisc?: boolean | undefined;
      readonly sources?: undefined;
      readonly nodst?: undefined;
    }
  | {
      readonly mode?: 'source' | undefined;
      /** The whole new list, at most 5,455; an empty one takes all away. */
      readonly sources?: readonly string[] | undefined;
      /** See {@link MacvlanModeOptions}. */
      readonly nodst?: boolean | undefined;
      readonly nopromisc?: undefined;
    };

/** What `setMacvlan` takes. */
export type MacvlanChanges = MacvlanCommonChanges & MacvlanModeChanges;

/** How a link arrives in the namespace it is moved to. */
export interface MoveOptions extends OperationOptions {
  /** Its name there (`IFLA_IFNAME`). Omitted: the one it has. */
  readonly name?: string | undefined;
  /** Its index there (`IFLA_NEW_IFINDEX`). Omitted: the one it has, when that is free. */
  readonly index?: number | undefined;
}

/** Which links `listLinks` gives: those that match everything named. */
export interface LinkFilter extends OperationOptions {
  /** `'macvlan'`, `'veth'`, … (`IFLA_INFO_KIND`); `null`: those that no driver kind names. */
  readonly kind?: string | null | undefined;
  /** The link they ride on, in this namespace. */
  readonly parent?: LinkRef | undefined;
  /** The bridge, bond or VRF they belong to; `null`: to none. */
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
  /** The link they leave by, or one of their ways does (`RTA_OIF`, `rtnh_ifindex`). */
  readonly link?: LinkRef | undefined;
  /** Omitted: every table (`RTA_TABLE`). */
  readonly table?: RouteTable | undefined;
  /** `rtm_protocol`. */
  readonly protocol?: RouteProtocol | undefined;
  /** `rtm_type`. */
  readonly type?: RouteType | undefined;
}

/** What `watch` tells, besides the events of links. */
export interface WatchOptions extends OperationOptions {
  /**
   * Begin with an `added` for everything that exists. {@link LevelWatchOptions} have the end of that told as well.
   */
  readonly initial?: boolean | undefined;
  /** Also the events of addresses. */
  readonly addresses?: boolean | undefined;
  /** Also the events of routes. */
  readonly routes?: boolean | undefined;
  /**
   * Bytes that the kernel may queue for this watcher (`SO_RCVBUF`, which the kernel doubles) before
   * it drops events and a `resync` follows. Omitted: 8 MiB, or what an ordinary user may have.
   */
  readonly receiveBuffer?: number | undefined;
}

/** What `watch` tells to a program that has to know when it knows all. */
export interface LevelWatchOptions extends WatchOptions {
  /** Also a {@link LevelEvent}: at the beginning, after what `initial` tells, and after what follows a `resync`. */
  readonly level: boolean | undefined;
}

/** What `checkSupport` may do besides looking. */
export interface SupportOptions extends OperationOptions {
  /** Make the kernel load a missing module, by asking it for a link of that kind. */
  readonly load?: boolean | undefined;
}
