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
 * Writes settings of a link: a result for each, up to a refusal, or until the call is aborted. The files are found by the
 * link's name, and what has been written stays when that changes.
 */
export async function writeSettings(
  namespace: Namespace,
  call: Call,
  link: { readonly index: number; readonly name: string },
  settings: readonly Setting[],
): Promise<readonly (undefined | Refusal)[]> {
  const { index } = link;
  let { name } = link;
  const results: (undefined | Refusal)[] = [];
  for (let attempts = 1; results.length < settings.length && call.signal?.aborted !== true; ) {
    const { file, value } = settings[results.length] as Setting;
    const path = ipv6PathOf(name, file);
    const result = await namespace.writeSysctlOf({ name, index }, path, `${value}\n`);
    if (!isRefusal(result)) {
      results.push(result);
      continue;
    }
    const mayBeRenamed = NOT_UNDER_THAT_NAME.has(result.code) && attempts++ < MAX_ATTEMPTS;
    const now = mayBeRenamed ? await namespace.ask('getLink', linkRecord(index)) : result;
    if (isRefusal(now)) return [...results, now];
    name = now.name;
  }
  return results;
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

/** {@link writeSettings}; throws the first refusal. */
export async function changeSettings(
  namespace: Namespace,
  call: Call,
  link: { readonly index: number; readonly name: string },
  settings: readonly Setting[],
): Promise<void> {
  const results = await writeSettings(namespace, call, link, settings);
  call.checkSignal();
  const failed = results.findIndex(isRefusal);
  if (failed < 0) return;
  const [setting, refusal] = [settings[failed] as Setting, results[failed] as Refusal];
  throw await settingError(namespace, call, link.index, setting, refusal, GONE);
}
