/** What the operations on neighbours take: a row for each option. */
import {
  anything,
  badType,
  badValue,
  type Check,
  type Fault,
  optionsOf,
  table,
  text,
  under,
  wordOf,
} from './check.js';
import { family, flag, ip, linkRef, routeProtocol, signal } from './checkValues.js';
import type { NeighbourFilter, NeighbourOptions } from './types.js';
import { hardwareAddressFault, NEIGHBOUR_STATES } from './values.js';

/** What is wrong with a neighbour whose fields are each valid: do they fit together? */
function neighbourFault({ mac, state, router, proxy }: NeighbourOptions): Fault | undefined {
  if (proxy !== true) {
    // Without one the kernel refuses the entry, and keeps it all the same (net/core/neighbour.c, neigh_add).
    return mac === undefined
      ? under('.mac', badType('is required but for a proxy', mac))
      : undefined;
  }
  const said = Object.entries({ mac, state, router }).find(([, value]) => value !== undefined);
  return said && under(`.${said[0]}`, badValue('is not for a proxy', said[1]));
}

/** A neighbour to add or replace. */
export const neighbour: Check = optionsOf(
  table<NeighbourOptions>(
    {
      address: ip,
      mac: text(hardwareAddressFault),
      state: wordOf(NEIGHBOUR_STATES),
      router: flag,
      proxy: flag,
      protocol: routeProtocol,
    },
    'address',
  ),
  neighbourFault,
);

const neighbourObject = optionsOf(
  table(
    // The kernel looks at nothing else; the rest is what a listing has.
    {
      address: ip,
      proxy: flag,
      family: anything,
      linkIndex: anything,
      mac: anything,
      state: anything,
      router: anything,
      protocol: anything,
    },
    'address',
  ),
);

/** A neighbour to remove: its address, or a `Neighbour` as it was listed. */
export const neighbourToRemove: Check = (value) => {
  if (typeof value === 'string') return ip(value);
  return typeof value === 'object' && value !== null
    ? neighbourObject(value)
    : badType("must be an address such as '10.0.0.1', or an object", value);
};

/** What `listNeighbours` takes. */
export const neighbourFilter: Check = optionsOf(
  table<NeighbourFilter>({ link: linkRef, family, signal }),
);
