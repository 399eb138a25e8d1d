/** What a request says of a rule of policy routing. */
import type { RuleRecord } from './requests.js';
import type { RuleToRemove } from './types.js';
import {
  FAMILIES,
  FIB_RULE_INVERT,
  familyOf,
  IP_PROTOCOLS,
  parsePrefix,
  prefixLengthOf,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  RULE_ACTIONS,
  wordNumber,
} from './values.js';

/** The record of a rule that has been checked. What it does not say, matches any in a removal. */
export function ruleRecord(rule: RuleToRemove): RuleRecord {
  const from = rule.from == null ? null : parsePrefix(rule.from);
  const to = rule.to == null ? null : parsePrefix(rule.to);
  const known = from ?? to;
  const table = rule.table == null ? 0 : wordNumber(ROUTE_TABLES, rule.table);
  return {
    family: known === null ? FAMILIES[rule.family ?? 'IPv4'] : familyOf(known.bytes),
    toLength: prefixLengthOf(to),
    fromLength: prefixLengthOf(from),
    tos: rule.tos,
    // A table above 255 does not fit the header, and is only in its attribute.
    table: table < 256 ? table : 0,
    tableId: table < 256 ? undefined : table,
    action: numberOf(RULE_ACTIONS, rule.action),
    flags: rule.invert === true ? FIB_RULE_INVERT : 0,
    to: to?.bytes,
    from: from?.bytes,
    iif: rule.iif ?? undefined,
    oif: rule.oif ?? undefined,
    goto: rule.goto ?? undefined,
    priority: rule.priority,
    fwmark: rule.fwmark ?? undefined,
    fwmask: rule.fwmask ?? undefined,
    suppressGroup: rule.suppressGroup ?? undefined,
    suppressPrefixLength: rule.suppressPrefixLength ?? undefined,
    l3mdev: rule.l3mdev === true ? 1 : undefined,
    uidRange: rangeOf(rule.uidRange),
    protocol: numberOf(ROUTE_PROTOCOLS, rule.protocol),
    ipProtocol: numberOf(IP_PROTOCOLS, rule.ipProtocol),
    sourcePorts: rangeOf(rule.sourcePorts),
    destinationPorts: rangeOf(rule.destinationPorts),
  };
}

/** The number for a word, if there is one. */
export function numberOf(
  words: Readonly<Record<string, number>>,
  word: string | number | null | undefined,
): number | undefined {
  return word == null ? undefined : wordNumber(words, word);
}

function rangeOf(
  range: number | readonly [first: number, last: number] | null | undefined,
): { start: number; end: number } | undefined {
  if (range == null) return undefined;
  const [start, end] = typeof range === 'number' ? [range, range] : range;
  return { start, end };
}
