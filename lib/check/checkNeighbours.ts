/** What the operations on neighbours take: a row for each option. */
import type { Neighbour, NeighbourFilter, NeighbourOptions } from '../types/types.js';
import { hardwareAddressFault } from '../values/mac.js';
import { LISTED_STATES, NEIGHBOUR_STATES, ROUTE_PROTOCOLS } from '../values/values.js';
import {
  anything,
  badType,
  badValue,
  type Check,
  type Fault,
  listedWordOf,
  optionsOf,
  orNull,
  table,
  text,
  under,
  wordOf,
} from './check.js';
import {
  family,
  familyFault,
  flag,
  ip,
  linkRef,
  routeProtocol,
  signal,
  u8,
} from './checkValues.js';
import { isListedNeighbour } from './listed.js';

/** What is wrong with a neighbour whose fields are each valid: do they fit together? */
function neighbourFault({
  mac,
  state,
  proxy,
}: Partial<Record<keyof NeighbourOptions, unknown>>): Fault | undefined {
  if (proxy !== true) {
    // Without one the kernel refuses the entry, and keeps it all the same (net/core/neighbour.c, neigh_add).
    return mac == null ? under('.mac', badType('is required but for a proxy', mac)) : undefined;
  }
  const said = Object.entries({ mac, state }).find(([, value]) => value != null);
  return said && under(`.${said[0]}`, badValue('is not for a proxy', said[1]));
}

const mac = text(hardwareAddressFault);

const newNeighbour = optionsOf(
  table<NeighbourOptions>(
    {
      address: ip,
      mac,
      state: wordOf(NEIGHBOUR_STATES),
      router: flag,
      proxy: flag,
      protocol: routeProtocol,
    },
    'address',
  ),
  neighbourFault,
);

/** A listing has something in each field, also where an option would be left out. */
function listedFault(neighbour: Neighbour): Fault | undefined {
  const { mac, state, proxy } = neighbour;
  if (proxy !== true && state === 'none') return under('.state', badValue('is for a proxy', state));
  const said = {
    mac,
    state: state === 'none' ? undefined : state,
    proxy,
  };
  return neighbourFault(said) ?? familyFault(neighbour);
}

const listedNeighbour = optionsOf(
  table<Neighbour>(
    {
      address: ip,
      family,
      linkIndex: anything,
      mac: orNull(mac),
      state: wordOf(LISTED_STATES),
      router: flag,
      proxy: flag,
      protocol: listedWordOf(ROUTE_PROTOCOLS, u8),
    },
    'address',
  ),
  listedFault,
);

/** A neighbour to add or replace: also a `Neighbour` as it was listed. */
export const neighbour: Check = (value) =>
  isListedNeighbour(value) ? listedNeighbour(value) : newNeighbour(value);

const neighbourObject = optionsOf(
  table(
    // The kernel looks at nothing else; the rest is what a listing has.
    {
      address: ip,
      proxy: flag,
      family,
      linkIndex: anything,
      mac: anything,
      state: anything,
      router: anything,
      protocol: anything,
    },
    'address',
  ),
  familyFault,
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
