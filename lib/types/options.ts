/**
 * The types of what the operations on links take, and `watch`, `checkSupport` and deletions; `optionsInet.ts` has those
 * of addresses, routes, rules and neighbours. An option that is left out or `undefined` is not asked for.
 * Indexes, MTUs, queue lengths and counts are integers, times are seconds. Each description names the kernel's own
 * term.
 */
import type { LinkRef, NetnsRef, OperationOptions } from './optionsCommon.js';
import type { AddressToAdd, RouteToAdd } from './optionsListed.js';

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

/**
 * How the kernel makes a link's IPv6 link-local address (`IFLA_INET6_ADDR_GEN_MODE`). `'stable-privacy'` needs a secret
 * (`EINVAL`): the setting `stable_secret` of net.ipv6.conf.default, whose writing gives this mode to all links of the
 * namespace, or the link's own (net/ipv6/addrconf.c, addrconf_sysctl_stable_secret). For `'random'` the kernel makes
 * one.
 */
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
   * `setLink` with the `mac` that the link has repeats them; a VLAN that was given no MAC then keeps the one that its parent
   * has at that moment. For IPv6 there is `ndiscNotify`.
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

/**
 * How IPv6 behaves on a link: settings of /proc/sys/net/ipv6/conf/NAME. A new link has them before it comes up, and so
 * before a router can advertise anything to it; those omitted are as in `default` in its namespace. On an existing
 * link they are written once everything else has been changed, but before `setLink` brings it up; like other settings
 * they are in no order with later calls. `disableIpv6` is the last of them.
 * What they need and are refused with is as for `setSysctl`; `ENOENT`: the link's MTU is below 1,280, and it has none.
 * Of the namespace's `all` the kernel looks at `accept_dad` as well, of which the larger counts, and at `ndisc_notify`,
 * of which one suffices. Documentation/networking/ip-sysctl.rst describes each. (`forwarding` is not among them: when
 * it is set, the kernel removes the default routes from router advertisements of the whole namespace.)
 */
export interface Ipv6Settings {
  /** No IPv6 on this link (`disable_ipv6`): no address, not even a link-local one, and nothing from routers. */
  readonly disableIpv6?: boolean | undefined;
  /**
   * Whether router advertisements are accepted (`accept_ra`). 0: no; 1: unless the setting `forwarding` of the link is
   * 1, the kernel's default; 2: always.
   */
  readonly acceptRa?: number | undefined;
  /** Whether they make a default route (`accept_ra_defrtr`). */
  readonly acceptRaDefrtr?: boolean | undefined;
  /** Whether the prefixes in them make addresses (`autoconf`). */
  readonly autoconf?: boolean | undefined;
  /**
   * Whether the neighbours are asked before an address is used (`accept_dad`). 0: no, and no address stays tentative;
   * 1: yes; 2: yes, and IPv6 is disabled on the link where a neighbour has its link-local address made of the MAC.
   */
  readonly acceptDad?: number | undefined;
  /** Announces addresses to the neighbours when it comes up and when its MAC is set (`ndisc_notify`). */
  readonly ndiscNotify?: boolean | undefined;
  /**
   * Temporary addresses (`use_tempaddr`). -1: not on links like this; 0: none; 1: beside the others; 2: preferred as
   * source.
   */
  readonly useTempaddr?: number | undefined;
}

/** What a new link of any kind takes. */
export interface LinkOptions extends OperationOptions {
  /**
   * 1–15 bytes without `/`, `:`, `%` or white space, and not `.` or `..` (`IFLA_IFNAME`); the kernel takes neither
   * `all` nor `default` (`EINVAL`). `%` is refused because the kernel reads `eth%d` as a template. Omitted: the kernel
   * names the link after its kind with a number (`macvlan0`, `veth0`, …). For that it searches all names: among 5,000
   * links the creation takes 1.4 ms instead of 0.8 (Linux 6.18, measured).
   */
  readonly name?: string | undefined;
  /** The namespace in which the link is created (`IFLA_NET_NS_FD`). Omitted: this one. */
  readonly netns?: NetnsRef | undefined;
  /**
   * The link's index, from 1 to 2^31 - 1 (`ifi_index`). Omitted: the library chooses one from 65,536 on, so that
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
  /**
   * Packets that the queueing discipline may hold, and of a macvtap the frames that each of its queues may
   * (`IFLA_TXQLEN`): with 0 a macvtap receives nothing. Beyond 524,288 there is no room where such a queue is made:
   * `openTap` and `setLink` fail with `ENOMEM`, or `setLink` of a macvtap that is open with `EPERM` (linux/ptr_ring.h,
   * Linux 6.18; others refuse such a length itself, with `ERANGE`).
   */
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
  /**
   * A free text of 1–255 bytes (`IFLA_IFALIAS`). It is set before the addresses and routes, so it does not tell that the
   * link is finished: `setLink` afterwards does.
   */
  readonly alias?: string | undefined;
  /**
   * Alternative names by which the link is found, too: 400 at most, of 1–127 bytes without `/` or white space
   * (`IFLA_PROP_LIST`).
   */
  readonly altNames?: readonly string[] | undefined;
  /** Addresses to put on it; a text is address and prefix length. */
  readonly addresses?: readonly (string | AddressToAdd)[] | undefined;
  /**
   * Routes to add after the addresses; they leave by this link unless they name another, as those do that were listed:
   * `{ ...route, link: undefined }` is by this link.
   */
  readonly routes?: readonly RouteToAdd[] | undefined;
  /** `IFF_PROMISC`. */
  readonly promiscuous?: boolean | undefined;
  /**
   * `IFF_ALLMULTI`: receives frames to every multicast address, also to groups that nobody here has joined. For a
   * macvlan in mode passthru use `promiscuous`, which includes them: the kernel counts `allMulticast` on the parent
   * when it is set or cleared on a link that is up, but not when such a link comes up or goes down
   * (drivers/net/macvlan.c, macvlan_open and macvlan_stop, Linux 6.18), so the parent may keep it for ever. A bridge
   * sets it on its ports, so take a passthru macvlan out of its bridge (`setLink` with `master: null`) while it is up.
   */
  readonly allMulticast?: boolean | undefined;
  /** The bridge, bond or VRF that the link joins, in the namespace that it is created in (`IFLA_MASTER`). */
  readonly master?: LinkRef | undefined;
  /**
   * How its IPv6 link-local address is made (`IFLA_INET6_ADDR_GEN_MODE`). Use `'none'` for thousands of links in one
   * namespace: among 5,000 links with an address each, bringing up one more takes 18 ms, and 1.7 ms without the
   * addresses (Linux 6.18, measured). `EAFNOSUPPORT`: the kernel has no IPv6. On a link that is up the kernel neither
   * makes nor removes an address for it until the link goes down and comes up again (net/ipv6/addrconf.c,
   * inet6_set_link_af); the setting `addr_gen_mode` makes one at once, see `setSysctl`.
   */
  readonly addrGenMode?: AddrGenMode | undefined;
  /** How IPv4 behaves on it. Only what is named changes. */
  readonly ipv4?: Ipv4Settings | undefined;
  /** How IPv6 behaves on it. */
  readonly ipv6?: Ipv6Settings | undefined;
}

/** The options of a new macvlan in any mode. */
export interface MacvlanCommonOptions extends LinkOptions {
  /**
   * The link that the macvlan is on, in this namespace (`IFLA_LINK`). When that is a macvlan itself, the kernel uses
   * its parent instead.
   */
  readonly parent: LinkRef;
  /**
   * How many broadcast and multicast packets that arrive at the parent may wait for delivery to its children
   * (`IFLA_MACVLAN_BC_QUEUE_LEN`, Linux 5.11). The parent uses the largest of its children's. What finds
   * no room is counted in the parent's `stats.rxDropped`. When the length is 0, all that
   * goes through the queue is lost, and with it the network's ARP; what a child in mode bridge sends reaches its
   * siblings in that mode without the queue (drivers/net/macvlan.c, macvlan_queue_xmit). Since Linux 7.3, more than
   * 1,000 needs `CAP_NET_ADMIN` in the initial user namespace, and a change of it, or of `bcCutoff`, the same capability
   * in the parent's network namespace (`EPERM`).
   */
  readonly bcQueueLen?: number | undefined;
  /**
   * A multicast packet that arrives for at most this many receivers is delivered at once instead of through the queue
   * (`IFLA_MACVLAN_BC_CUTOFF`, Linux 6.4); negative: never through the queue. Broadcasts go through the queue unless it
   * is negative, and so does everything while the parent is promiscuous or receives all multicasts: always if it cannot
   * filter unicast MACs, as a veth, bridge, tap or VXLAN cannot (drivers/net/macvlan.c, macvlan_compute_filter). All
   * children of a parent share one value, the last one set, and keep it when that child is gone; so also when its
   * creation is aborted after this was sent. The kernel's default is 1.
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
       * Frames from a listed sender go to this child only, and not to their destination as well; while the child is
       * down, to nobody (`MACVLAN_FLAG_NODST`, Linux 5.13; drivers/net/macvlan.c, macvlan_forward_source).
       */
      readonly nodst?: boolean | undefined;
      readonly nopromisc?: undefined;
    };

/**
 * What `createMacvlan` takes: an option that the mode does not take does not compile. With a mode that is known only
 * when the program runs, as from a configuration, `mac` does not compile either, because mode passthru does not take
 * it: write `{ mode, mac, … } as CreateMacvlanOptions`, and what the mode does not take is a `TypeError`.
 */
export type CreateMacvlanOptions = MacvlanCommonOptions & MacvlanModeOptions;

/** What `createMacvtap` takes: the same as `createMacvlan`. */
export type CreateMacvtapOptions = CreateMacvlanOptions;

/**
 * The other end of a new veth pair, a bridge's port for example: the end that is to have addresses, routes and the rest
 * is the first one. Its index is `parent.index` of the link that `createLink` returns.
 */
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
  /**
   * Bytes (`IFLA_MTU`). Lowering a parent's lowers its macvlans', raising it does not raise them. Below 1,280 a link
   * loses its IPv6 addresses, routes and settings.
   */
  readonly mtu?: number | undefined;
  /**
   * `IFF_UP`. A link that goes down loses the routes that were added to it, and its IPv6 addresses (not with the
   * setting net.ipv6.conf.NAME.keep_addr_on_down), and does not get them back when it comes up: list them before. A
   * macvlan's MAC and MTU can be changed while it is up, and from Linux 6.2 on its name (net/core/dev.c).
   */
  readonly up?: boolean | undefined;
  /** `IFF_PROMISC`. */
  readonly promiscuous?: boolean | undefined;
  /** See {@link LinkOptions.allMulticast}. */
  readonly allMulticast?: boolean | undefined;
  /** Whether the link uses ARP: `IFF_NOARP` inverted. */
  readonly arp?: boolean | undefined;
  /** `IFF_MULTICAST`. */
  readonly multicast?: boolean | undefined;
  /** See {@link LinkOptions.txQueueLen}. */
  readonly txQueueLen?: number | undefined;
  /** `IFLA_GROUP`. */
  readonly group?: number | undefined;
  /** The new alias (`IFLA_IFALIAS`); `null` or an empty text removes it. */
  readonly alias?: string | null | undefined;
  /**
   * The bridge, bond or VRF to join; `null`: leave it (`IFLA_MASTER`). The kernel takes the link out of the master that
   * it has before it looks at the new one (net/core/rtnetlink.c, do_set_master): when the new one is refused, or
   * there is none with that index, the link belongs to none.
   */
  readonly master?: LinkRef | null | undefined;
  /**
   * Alternative names to add, 400 at most (`RTM_NEWLINKPROP`). The kernel adds them one by one, and those before one
   * that is refused stay.
   */
  readonly addAltNames?: readonly string[] | undefined;
  /** Alternative names to remove, 400 at most (`RTM_DELLINKPROP`). */
  readonly removeAltNames?: readonly string[] | undefined;
  /** See {@link LinkOptions.addrGenMode}. */
  readonly addrGenMode?: AddrGenMode | undefined;
  /** How IPv4 behaves on it. Only what is named changes. */
  readonly ipv4?: Ipv4Settings | undefined;
  /** How IPv6 behaves on it. Only what is named changes. */
  readonly ipv6?: Ipv6Settings | undefined;
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
  /**
   * Its index there (`IFLA_NEW_IFINDEX`). Before Linux 5.13 only its own one will do (any other is `EOPNOTSUPP`), which
   * the kernel replaces if another link takes it at that moment. Omitted: the same as now, if that is free.
   */
  readonly index?: number | undefined;
}

/** How what deletes or removes takes what is not there. */
export interface DeleteOptions extends OperationOptions {
  /**
   * What is not there, or not any more, counts as deleted, and so does what a link had that is gone: no `ENODEV` of a
   * link, no `ENOENT` of a name, none of the errors that say so of an address, a route, a rule or a neighbour.
   */
  readonly ifExists?: boolean | undefined;
}

/** Which links `listLinks` gives: those that match everything named. */
export interface LinkFilter extends OperationOptions {
  /** `'macvlan'`, `'veth'`, … (`IFLA_INFO_KIND`); `null`: links without a driver kind. */
  readonly kind?: string | null | undefined;
  /**
   * The link that they are on, in this namespace; of a veth also its other end. Those that are in other namespaces are
   * not listed: see `deleteLink`.
   */
  readonly parent?: LinkRef | undefined;
  /** The bridge, bond or VRF that they belong to; `null`: links that belong to none. */
  readonly master?: LinkRef | null | undefined;
  /** `IFLA_GROUP`. */
  readonly group?: number | undefined;
  /** `IFF_UP`. */
  readonly up?: boolean | undefined;
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
  /** Only in {@link LevelWatchOptions}. */
  readonly level?: undefined;
}

/** The options of a watch that also reports when the program's picture is complete. */
export interface LevelWatchOptions extends Omit<WatchOptions, 'level'> {
  /** Also report a {@link LevelEvent}: at the beginning, after the `initial` events, and after those of a `resync`. */
  readonly level?: boolean | undefined;
}

/** What `checkSupport` may do besides reading. */
export interface SupportOptions extends OperationOptions {
  /** Make the kernel load the modules macvlan and macvtap, by asking it for a link of that kind. */
  readonly load?: boolean | undefined;
}
