/** The settings of a namespace: files below /proc/sys/net, of which each namespace has its own. */
import { badType, type Check, check, integer, text } from '../check/check.js';
import { mtuTooSmallHint, noIPv6Hint } from '../diagnosis/diagnosisInet.js';
import { showValue } from '../errors/errors.js';
import { Refusal } from '../errors/refusal.js';
import type { Call } from '../namespace/call.js';
import { findLink } from '../namespace/lookup.js';
import { describe, type Namespace } from '../namespace/namespace.js';
import { textFault } from '../values/names.js';

const ROOT = '/proc/sys';

/** The file of a setting. As for sysctl(8) the first `.` or `/` of the name tells which of the two separates. */
function pathOf(name: string): string {
  const isDotted = /[./]/.exec(name)?.[0] === '.';
  const path = isDotted ? name.replace(/[./]/g, (one) => (one === '.' ? '/' : '.')) : name;
  return `${ROOT}/${path}`;
}

/** The file of a setting that each link has for IPv6. */
export const ipv6PathOf = (link: string, file: string) => `${ROOT}/net/ipv6/conf/${link}/${file}`;

function isBelowNet(path: string): boolean {
  const [top, ...steps] = path.slice(ROOT.length + 1).split('/');
  return top === 'net' && steps.length > 0 && !steps.some((step) => /^\.{0,2}$/.test(step));
}

const sysctlName = text(
  (name) =>
    textFault(name, 1024) ??
    (isBelowNet(pathOf(name)) ? undefined : "must be below net, such as 'net.ipv4.ip_forward'"),
);

const line = text(
  (value) =>
    (value === '' ? undefined : textFault(value, 4094)) ??
    (value.includes('\n') ? 'must be one line' : undefined),
);
const whole = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const sysctlValue: Check = (value) => {
  if (typeof value === 'number') return whole(value);
  return typeof value === 'string' ? line(value) : badType('must be a string or a number', value);
};

export async function getSysctl(namespace: Namespace, call: Call, name: string): Promise<string> {
  check(call.operation, sysctlName, name, 'name');
  const path = pathOf(name);
  const result = await namespace.readSysctl(path, call.signal);
  call.signal?.throwIfAborted();
  if (result instanceof Refusal) {
    throw call.error(result, { hint: await whySettingRefused(namespace, path, result) });
  }
  return result.replace(/\n$/, '');
}

export async function setSysctl(
  namespace: Namespace,
  call: Call,
  name: string,
  value: string | number,
): Promise<void> {
  check(call.operation, sysctlName, name, 'name');
  check(call.operation, sysctlValue, value, 'value');
  const path = pathOf(name);
  const result = await namespace.writeSysctl(path, `${value}\n`, call.signal);
  call.signal?.throwIfAborted();
  if (result instanceof Refusal) {
    throw call.error(result, { hint: await whySettingRefused(namespace, path, result, value) });
  }
}

const WHY_REFUSED: Readonly<Record<string, string>> = {
  EACCES:
    'The file does not allow that; or it takes root or CAP_NET_ADMIN in the user namespace that owns the network ' +
    "namespace; or a security module refuses it, as AppArmor does in a Docker container, where a link's `ipv4` can be " +
    'set all the same.',
  EPERM:
    'The process lacks a capability: root needs CAP_NET_ADMIN for some settings, and CAP_SYS_ADMIN for a few.',
  EROFS: `${ROOT} is mounted read-only, as in containers without privileges.`,
  EISDIR: 'That is a folder of settings.',
};

/** How settings refuse a value; `ENOENT` where they have no such algorithm or logger. */
const NOT_TAKEN: ReadonlySet<string> = new Set(['EINVAL', 'ENOENT', 'EIO']);

const OF_A_LINK = /\/(net\/ipv[46]\/(?:conf|neigh))\/(?!(?:all|default)\/)([^/]+)\/(.*)/;

/** How the setting of a link is written whose name has dots, such as a VLAN's: each has become a step of the path. */
function dotted(folder: string, link: string, rest: string): string {
  const steps = rest.split('/');
  const setting = steps.pop();
  if (steps.length === 0) return '';
  const name = [link, ...steps].join('.');
  return ` For a link named '${name}' write '${folder}/${name}/${setting}'.`;
}

/** Why the file of a setting could not be read, or written with `value`. */
export async function whySettingRefused(
  namespace: Namespace,
  path: string,
  { code, syscall }: Refusal,
  value?: string | number,
): Promise<string | undefined> {
  if (code === 'ENOENT' && path.startsWith(`${ROOT}/net/ipv6/`)) {
    const noIPv6 = await noIPv6Hint(namespace);
    if (noIPv6 !== undefined) return noIPv6;
  }
  const where = `in the network namespace ${describe(namespace)}`;
  const [, folder = '', link, rest = ''] = (code === 'ENOENT' && OF_A_LINK.exec(path)) || [];
  if (link !== undefined) {
    const found = await findLink(namespace, link);
    if (found === undefined)
      return `There is no link named '${link}' ${where}.${dotted(folder, link, rest)}`;
    const tooSmall = path.includes('/ipv6/') && mtuTooSmallHint('IPv6', found);
    if (tooSmall) return tooSmall;
  }
  if (syscall === 'write' && NOT_TAKEN.has(code)) {
    return `The setting does not take ${showValue(value)}, or has taken only its beginning.`;
  }
  if (code !== 'ENOENT') return WHY_REFUSED[code];
  return `There is no file ${path} ${where}.${link === undefined ? '' : dotted(folder, link, rest)}`;
}
