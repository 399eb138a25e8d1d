/** Why a rule of policy routing cannot be removed. */
import type { Namespace } from './namespace.js';
import { Refusal } from './native.js';
import type { About, Hint } from './refused.js';
import type { RuleRecord } from './requests.js';
import { ruleRecord } from './ruleRecord.js';
import type { Rule } from './types.js';
import { FAMILIES, nameOf } from './values.js';

/** The fields of a rule that the kernel compares, in the order in which they are named. */
const COMPARED = [
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

/** What a record says of a field, in a form that can be compared; `undefined` when that matches any. */
function said(record: RuleRecord, field: Compared): string | undefined {
  if (field === 'from' || field === 'to') {
    const length = record[`${field}Length`];
    return length ? JSON.stringify([record[field], length]) : undefined;
  }
  const value = field === 'table' ? (record.tableId ?? record.table) : record[field];
  const meansAny = value === undefined || (value === 0 && !field.startsWith('suppress'));
  return meansAny ? undefined : JSON.stringify(value);
}

export async function whyNoSuchRule(namespace: Namespace, { asked }: About): Promise<Hint> {
  const wanted = asked as RuleRecord;
  const { priority, family } = wanted;
  if (priority === undefined) return 'There is no such rule.';
  const rules = await namespace.ask('listRules', { family });
  if (rules instanceof Refusal) return undefined;
  const [there] = rules.filter((rule) => rule.priority === priority);
  if (there === undefined)
    return `There is no rule of ${nameOf(FAMILIES, family ?? 0)} with priority ${priority}.`;
  const record = ruleRecord(there);
  const other = COMPARED.find((field) => {
    const value = said(wanted, field);
    return value !== undefined && value !== said(record, field);
  });
  return (
    other &&
    `The rule with priority ${priority} has another '${other}': ${JSON.stringify(there[other])}.`
  );
}
