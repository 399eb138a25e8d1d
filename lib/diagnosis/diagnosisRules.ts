/** Why a rule of policy routing cannot be added or removed. */
import { Refusal } from '../errors/refusal.js';
import type { Namespace } from '../namespace/namespace.js';
import type { RuleRecord } from '../records/requests.js';
import { ruleRecord, toldBy } from '../records/ruleRecord.js';
import { FAMILIES, nameOf } from '../values/values.js';
import type { About, Hint } from './diagnosisCommon.js';

/** net/core/fib_rules.c, rule_exists, and the families' compare. */
export const RULE_EXISTS =
  "There is a rule with this priority already that the kernel takes for the same: it compares neither 'invert' nor " +
  "'goto', and 'from', 'to' and 'tos' only where the new rule has them.";

export async function whyNoSuchRule(namespace: Namespace, { asked }: About): Promise<Hint> {
  const wanted = asked as RuleRecord;
  const { priority, family } = wanted;
  if (priority === undefined) return 'There is no such rule.';
  const all = await namespace.ask('listRules', { family });
  if (all instanceof Refusal) return undefined;
  const rules = all.filter((rule) => rule.priority === priority);
  const told = [...toldBy(wanted)];
  const [nearest] = rules
    .map((rule) => {
      const theirs = toldBy(ruleRecord(rule));
      return { rule, different: told.filter(([field, value]) => theirs.get(field) !== value) };
    })
    .sort((one, another) => one.different.length - another.different.length);
  if (nearest === undefined)
    return `There is no rule of ${nameOf(FAMILIES, family ?? 0)} with priority ${priority}.`;
  const [field] = nearest.different[0] ?? [];
  if (field === undefined) return undefined;
  const which = rules.length === 1 ? 'The rule' : `The nearest of the ${rules.length} rules`;
  const value = JSON.stringify(nearest.rule[field]);
  return `${which} with priority ${priority} has another '${field}': ${value}.`;
}
