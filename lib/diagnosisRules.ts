/** Why a rule of policy routing cannot be removed. */
import type { Namespace } from './namespace.js';
import { Refusal } from './native.js';
import type { About, Hint } from './refused.js';
import type { RuleRecord } from './requests.js';
import { ruleRecord, toldBy } from './ruleRecord.js';
import { FAMILIES, nameOf } from './values.js';

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
