// Everybody who takes part; the limit first, this package second.
import { cniMacvlan } from './cni-macvlan.mjs';
import { goNetlink } from './go-netlink.mjs';
import { ipBatch, ipExec } from './ip.mjs';
import { limit } from './limit.mjs';
import { macvlanNetlink } from './macvlan-netlink.mjs';
import { node } from './node.mjs';
import { npmNetlink } from './npm-netlink.mjs';
import { pyroute2 } from './pyroute2.mjs';
import { rustRtnetlink } from './rust-rtnetlink.mjs';

export const contestants = Object.freeze([
  limit,
  macvlanNetlink,
  rustRtnetlink,
  goNetlink,
  ipBatch,
  npmNetlink,
  pyroute2,
  ipExec,
  cniMacvlan,
  node,
]);
