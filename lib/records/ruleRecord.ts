/** What a request says of a rule of policy routing. */
import type { Rule, RuleToAdd, RuleToRemove } from '../types/types.js';
import { familyOf, parsePrefix, prefixLengthOf } from '../values/ip.js';
import {
  FAMILIES,
  FIB_RULE_INVERT,
  IP_PROTOCOLS,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  RULE_ACTIONS,
  tableFields,
  wordNumber,
} from '../values/values.js';
import type { RuleRecord } from './requests.js';

const ALL_BITS = 2 ** 32 - 1;

/** The record of a rule that has been checked. What it does not say, matches any in a removal. */
export function ruleRecord(rule: RuleToRemove): RuleRecord {
  const from = rule.from == null ? null : parsePrefix(rule.from);
  const to = rule.to == null ? null : parsePrefix(rule.to);
  const known = from ?? to;
  return {
    family: known === null ? FAMILIES[rule.family ?? 'IPv4'] : familyOf(known.bytes),
    toLength: prefixLengthOf(to),
    fromLength: prefixLengthOf(from),
    tos: rule.tos,
    ...tableFields(wordNumber(ROUTE_TABLES, rule.table) ?? 0),
    action: wordNumber(RULE_ACTIONS, rule.action),
    flags: rule.invert === true ? FIB_RULE_INVERT : 0,
    to: to?.bytes,
    from: from?.bytes,
    iif: rule.iif ?? undefined,
    oif: rule.oif ?? undefined,
    goto: rule.goto ?? undefined,
    priority: rule.priority,
    fwmark: rule.fwmark ?? undefined,
    // As the kernel has it, which does so in a removal, too.
    fwmask: rule.fwmask ?? (rule.fwmark == null ? undefined : ALL_BITS),
    suppressGroup: rule.suppressGroup ?? undefined,
    suppressPrefixLength: rule.suppressPrefixLength ?? undefined,
    l3mdev: rule.l3mdev === true ? 1 : undefined,
    uidRange: rangeOf(rule.uidRange),
    protocol: wordNumber(ROUTE_PROTOCOLS, rule.protocol),
    ipProtocol: wordNumber(IP_PROTOCOLS, rule.ipProtocol),
    sourcePorts: rangeOf(rule.sourcePorts),
    destinationPorts: rangeOf(rule.destinationPorts),
  };
}

/**
 * The record of a new rule: what `ip rule` adds where nothing is said, but for the protocol, which is that of new routes.
 */
export function additionRecord(rule: RuleToAdd): RuleRecord {
  const { action = rule.goto == null ? 'table' : 'goto', protocol = 'static' } = rule;
  const looksUp = wordNumber(RULE_ACTIONS, action) === RULE_ACTIONS.table && rule.l3mdev !== true;
  const table = rule.table ?? (looksUp ? 'main' : null);
  return {
    ...ruleRecord(rule),
    ...tableFields(wordNumber(ROUTE_TABLES, table) ?? 0),
    action: wordNumber(RULE_ACTIONS, action),
    protocol: wordNumber(ROUTE_PROTOCOLS, protocol),
  };
}

const LAST_PRIORITY = 2 ** 32 - 1;

/**
 * The record of a rule to remove. The kernel does not compare where a rule goes on, but refuses a removal that does not
 * say it, or that goes back, which without a priority is to below the rules that are there (net/core/fib_rules.c,
 * fib_nl2rule_rtnl).
 */
export function removalRecord(rule: RuleToRemove): RuleRecord {
  const record = ruleRecord(rule);
  const goesOn = record.goto !== undefined || record.action === RULE_ACTIONS.goto;
  return goesOn ? { ...record, action: RULE_ACTIONS.goto, goto: LAST_PRIORITY } : record;
}

/** The fields of a rule that the kernel compares, in the order in which hints name them. */
const COMPARED = [
  'priority',
  'from',
  'to',
  'tos',
  'iif',
  'oif',
  'fwmark',
  'fwmask',
  'ipProtocol',
  'sourcePorts',
  'destinationPorts',
  'uidRange',
  'action',
  'table',
  'l3mdev',
  'suppressPrefixLength',
  'suppressGroup',
  'protocol',
] as const satisfies readonly (keyof Rule)[];

type Compared = (typeof COMPARED)[number];

/** The fields of which 0 is a value like any other; elsewhere it matches any (net/core/fib_rules.c, rule_find). */
const ZERO_COUNTS: ReadonlySet<Compared> = new Set([
  'priority',
  'suppressPrefixLength',
  'suppressGroup',
]);

/** What a record says of each field by which it tells a rule from others, in a form that can be compared. */
export function toldBy(record: RuleRecord): ReadonlyMap<Compared, string> {
  const { from, fromLength, to, toLength, table, tableId = table } = record;
  const fields = {
    ...record,
    from: fromLength ? [from, fromLength] : undefined,
    to: toLength ? [to, toLength] : undefined,
    table: tableId,
  };
  const told = new Map<Compared, string>();
  for (const field of COMPARED) {
    const value = fields[field];
    const meansAny = value === undefined || (value === 0 && !ZERO_COUNTS.has(field));
    if (!meansAny) told.set(field, JSON.stringify(value));
  }
  return told;
}

function rangeOf(
  range: number | readonly [first: number, last: number] | null | undefined,
): { start: number; end: number } | undefined {
  if (range == null) return undefined;
  const [start, end] = typeof range === 'number' ? [range, range] : range;
  return { start, end };
}
