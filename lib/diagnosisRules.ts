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
  const rules = await namespace.ask('listRules', { family });
  if (rules instanceof Refusal) return undefined;
  const [there] = rules.filter((rule) => rule.priority === priority);
  if (there === undefined)
    return `There is no rule of ${nameOf(FAMILIES, family ?? 0)} with priority ${priority}.`;
  const theirs = toldBy(ruleRecord(there));
  const other = [...toldBy(wanted)].find(([field, value]) => theirs.get(field) !== value)?.[0];
  return (
    other &&
    `The rule with priority ${priority} has another '${other}': ${JSON.stringify(there[other])}.`
  );
}
