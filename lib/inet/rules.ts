/** The rules of policy routing: which table the kernel looks a packet's route up in. */
import { check } from '../check/check.js';
import * as ruleChecks from '../check/checkRules.js';
import { explain } from '../diagnosis/diagnosis.js';
import { type Codes, Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import type { Namespace } from '../namespace/namespace.js';
import type { RuleRecord } from '../records/requests.js';
import { additionRecord, removalRecord } from '../records/ruleRecord.js';
import type { DeleteOptions, Rule, RuleFilter, RuleToAdd, RuleToRemove } from '../types/types.js';
import { familiesOf, ROUTE_PROTOCOLS, ROUTE_TABLES, wordNumber } from '../values/values.js';

export async function addRule(namespace: Namespace, call: Call, rule: RuleToAdd): Promise<void> {
  check(call.operation, ruleChecks.rule, rule, 'rule');
  await change(namespace, call, 'addRule', additionRecord(rule));
}

export async function removeRule(
  namespace: Namespace,
  call: Call,
  rule: RuleToRemove & DeleteOptions,
): Promise<void> {
  check(call.operation, ruleChecks.ruleToRemove, rule, 'rule');
  await change(namespace, call, 'removeRule', removalRecord(rule), rule.ifExists);
}

const NO_RULE: Codes = new Set(['ENOENT']);

async function change(
  namespace: Namespace,
  call: Call,
  operation: 'addRule' | 'removeRule',
  asked: RuleRecord,
  ifExists = false,
): Promise<void> {
  const result = await namespace.ask(operation, asked, call.signal);
  if (!(result instanceof Refusal)) return;
  if (ifExists && result.isAnswerOf(NO_RULE)) return;
  throw call.error(result, { hint: await explain(namespace, result, { asked }) });
}

export async function listRules(
  namespace: Namespace,
  call: Call,
  filter: RuleFilter = {},
): Promise<Rule[]> {
  check(call.operation, ruleChecks.ruleFilter, filter, 'filter');
  const lists = await Promise.all(
    familiesOf(filter.family).map(async (family) => {
      const rules = await namespace.ask('listRules', { family }, call.signal);
      if (!(rules instanceof Refusal)) return rules;
      // The kernel has no rules of that family, as with ipv6.disable=1.
      if (rules.code === 'EAFNOSUPPORT' && rules.syscall === 'RTM_GETRULE') return [];
      throw call.error(rules);
    }),
  );
  const table = wordNumber(ROUTE_TABLES, filter.table);
  const protocol = wordNumber(ROUTE_PROTOCOLS, filter.protocol);
  return lists
    .flat()
    .filter(
      (rule) =>
        (filter.priority === undefined || rule.priority === filter.priority) &&
        (table === undefined || rule.table === table) &&
        (protocol === undefined || wordNumber(ROUTE_PROTOCOLS, rule.protocol) === protocol),
    );
}
