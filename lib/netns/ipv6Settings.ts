/** A link's settings of IPv6: files below net/ipv6/conf/NAME, for which there is no request. */
import type { NetlinkError } from '../errors/errors.js';
import { type Codes, isRefusal, type Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { findLink, linkRecord } from '../namespace/lookup.js';
import type { Namespace } from '../namespace/namespace.js';
import type { Ipv6Settings } from '../types/types.js';
import { IPV6_SETTINGS } from '../values/values.js';
import { ipv6PathOf, whySettingRefused } from './sysctl.js';

/** A file, what to write into it, and the option that asks for that. */
export interface Setting {
  readonly option: string;
  readonly file: string;
  readonly value: number;
}

const NAMES = Object.keys(
  IPV6_SETTINGS satisfies Record<keyof Ipv6Settings, unknown>,
) as (keyof Ipv6Settings)[];

export function settingsOf(asked: Ipv6Settings | undefined): readonly Setting[] {
  if (asked === undefined) return [];
  return NAMES.flatMap((name) => {
    const value = asked[name];
    if (value === undefined) return [];
    return [{ option: `ipv6.${name}`, file: IPV6_SETTINGS[name].file, value: Number(value) }];
  });
}

/** How the files of a link are refused that has been renamed, or is gone; also where it has no such file. */
const NOT_UNDER_THAT_NAME: Codes = new Set(['ENOENT', 'ENODEV']);
const MAX_ATTEMPTS = 20;

/**
 * Writes settings of the link with that index: a result for each, up to a refusal, or until the call is aborted. The
 * files are found by the link's name, and what has been written stays when that changes.
 */
export async function writeSettings(
  namespace: Namespace,
  call: Call,
  index: number,
  settings: readonly Setting[],
  knownName?: string,
): Promise<readonly (undefined | Refusal)[]> {
  const results: (undefined | Refusal)[] = [];
  let name = knownName ?? (await nameOf(namespace, index));
  for (let attempts = 1; results.length < settings.length && call.signal?.aborted !== true; ) {
    if (isRefusal(name)) return [...results, name];
    const { file, value } = settings[results.length] as Setting;
    const path = ipv6PathOf(name, file);
    const result = await namespace.writeSysctlOf({ name, index }, path, `${value}\n`);
    if (!isRefusal(result)) {
      results.push(result);
      continue;
    }
    const isLast = !NOT_UNDER_THAT_NAME.has(result.code) || attempts++ === MAX_ATTEMPTS;
    const now = isLast ? result : await nameOf(namespace, index);
    if (isRefusal(now)) return [...results, result];
    name = now;
  }
  return results;
}

async function nameOf(namespace: Namespace, index: number): Promise<string | Refusal> {
  const link = await namespace.ask('getLink', linkRecord(index));
  return isRefusal(link) ? link : link.name;
}

/** The error for a setting of the link with that index that was refused; `gone` is the hint where there is none. */
export async function settingError(
  namespace: Namespace,
  call: Call,
  index: number,
  { option, file, value }: Setting,
  refusal: Refusal,
  gone: string,
): Promise<NetlinkError> {
  const link = await findLink(namespace, index);
  const hint =
    link === undefined
      ? gone
      : await whySettingRefused(namespace, ipv6PathOf(link.name, file), refusal, value);
  return call.error(refusal, { hint, part: option });
}

const GONE = 'The link has been deleted meanwhile, or moved to another namespace.';

/** Writes what is asked for of the link with that index; throws the first refusal. */
export async function changeSettings(
  namespace: Namespace,
  call: Call,
  index: number,
  asked: Ipv6Settings | undefined,
): Promise<void> {
  const settings = settingsOf(asked);
  if (settings.length === 0) return;
  const results = await writeSettings(namespace, call, index, settings);
  const failed = results.findIndex(isRefusal);
  if (failed >= 0) {
    const [setting, refusal] = [settings[failed], results[failed]];
    throw await settingError(namespace, call, index, setting as Setting, refusal as Refusal, GONE);
  }
  if (results.length < settings.length) call.checkSignal();
}
