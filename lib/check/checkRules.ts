/** What the operations on rules take: a row for each option. */
import { removalRecord, toldBy } from '../records/ruleRecord.js';
import type {
  DeleteOptions,
  OperationOptions,
  RuleFilter,
  RuleOptions,
  RuleToAdd,
  RuleToRemove,
} from '../types/types.js';
import { parsePrefix } from '../values/ip.js';
import { ruleLinkFault } from '../values/names.js';
import { ADDRESS_SIZES, IP_PROTOCOLS, ROUTE_PROTOCOLS, RULE_ACTIONS } from '../values/values.js';
import {
  badType,
  badValue,
  type Check,
  type Fault,
  integer,
  listedWordOf,
  needed,
  optionsOf,
  orNull,
  outOfRange,
  table,
  text,
  under,
} from './check.js';
import {
  family,
  flag,
  prefix,
  routeProtocol,
  routeTable,
  signal,
  tos,
  U32_MAX,
  u8,
  u32,
} from './checkValues.js';

/** The first and the last of a range. */
function rangeOf(one: Check): Check {
  return (value) => {
    if (!Array.isArray(value) || value.length !== 2) {
      return badType('must be a list of the first and the last', value);
    }
    const fault = under('[0]', one(value[0])) ?? under('[1]', one(value[1]));
    if (fault !== undefined || value[0] <= value[1]) return fault;
    return outOfRange('must not end before it begins', value);
  };
}

/** The kernel refuses 65,535 (include/net/fib_rules.h, fib_rule_port_range_valid). */
const port = integer(1, 65_534);
const portRange = rangeOf(port);
const ports: Check = (value) => (typeof value === 'number' ? port : portRange)(value);

/** `null` is what a listing has where a rule does not say. */
const RULE_ROWS = {
  priority: u32,
  family,
  from: orNull(prefix),
  to: orNull(prefix),
  tos,
  iif: orNull(text(ruleLinkFault)),
  oif: orNull(text(ruleLinkFault)),
  fwmark: orNull(u32),
  fwmask: orNull(u32),
  ipProtocol: orNull(listedWordOf(IP_PROTOCOLS, integer(1, 255))),
  sourcePorts: orNull(ports),
  destinationPorts: orNull(ports),
  uidRange: orNull(rangeOf(integer(0, U32_MAX - 1))),
  invert: flag,
  action: listedWordOf(RULE_ACTIONS, u8),
  table: orNull(routeTable),
  goto: orNull(u32),
  l3mdev: flag,
  // The kernel takes all but 2^32 - 1, which means none (net/core/fib_rules.c).
  suppressPrefixLength: orNull(integer(0, U32_MAX - 1)),
  suppressGroup: orNull(integer(0, U32_MAX - 1)),
  protocol: listedWordOf(ROUTE_PROTOCOLS, u8),
};

function sizeOf(prefixText: string | null | undefined): number | undefined {
  return prefixText == null ? undefined : parsePrefix(prefixText)?.bytes.length;
}

/** What is wrong with a rule whose fields are each valid: do they fit together? */
function ruleFault(rule: RuleToRemove): Fault | undefined {
  const { from, to, family: said, fwmark, fwmask } = rule;
  const size = sizeOf(from) ?? sizeOf(to);
  if (size !== (sizeOf(to) ?? size))
    return under('.to', badValue("must be of the family of 'from'", to));
  if (size !== undefined && said !== undefined && size !== ADDRESS_SIZES[said]) {
    return under('.family', badValue("must be the addresses'", said));
  }
  if (fwmark === 0 && fwmask == null) {
    return under('.fwmark', badValue('of 0 matches any mark, unless there is a fwmask', fwmark));
  }
  if (rule.l3mdev === true && rule.table != null) {
    return under('.table', badValue('is given by the VRF with l3mdev: leave it out', rule.table));
  }
  const { goto = null, action = 'goto', priority } = rule;
  if (goto !== null && action !== 'goto') {
    return under('.goto', badValue("is for the action 'goto'", goto));
  }
  if (goto !== null && priority !== undefined && goto <= priority) {
    return under('.goto', outOfRange(`must be above the priority, which is ${priority}`, goto));
  }
  return undefined;
}

function newRuleFault(rule: RuleToAdd): Fault | undefined {
  if (rule.action === 'goto' && rule.goto == null) {
    return under('.goto', badType("is required with the action 'goto'", rule.goto));
  }
  // The kernel would take a mark of 0: only packets without any of those bits.
  if (rule.fwmark == null && rule.fwmask != null) {
    return under('.fwmask', badValue('is for a fwmark, which may be 0', rule.fwmask));
  }
  return ruleFault(rule);
}

const ROWS = { ...RULE_ROWS, signal };

/** A rule to add: also a `Rule` as it was listed. */
export const rule: Check = optionsOf(
  table<RuleOptions & OperationOptions>(ROWS, 'priority'),
  newRuleFault,
);

/** What the kernel's rule for the table `local` says, but for the table. It is the first of all rules. */
const FIRST_RULE = toldBy(removalRecord({ priority: 0, action: 'table', protocol: 'kernel' }));

/** Without anything that tells it from the first rule, the kernel would remove that one. */
function removalFault(rule: RuleToRemove & OperationOptions): Fault | undefined {
  const fault = ruleFault(rule);
  if (fault !== undefined) return fault;
  const told = [...toldBy(removalRecord(rule))];
  if (told.some(([field, value]) => FIRST_RULE.get(field) !== value)) return undefined;
  const says =
    "must say which one, by more than is true of the kernel's rule for the table 'local' too";
  return badValue(says, rule);
}

/** A rule to remove: as it was added, or a `Rule` as it was listed. */
export const ruleToRemove: Check = needed(
  optionsOf(table<RuleOptions & DeleteOptions>({ ...ROWS, ifExists: flag }), removalFault),
);

/** What `listRules` takes. */
export const ruleFilter: Check = optionsOf(
  table<RuleFilter>({ family, priority: u32, table: routeTable, protocol: routeProtocol, signal }),
);
