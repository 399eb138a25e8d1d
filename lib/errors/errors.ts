/** The errors of the package: what the kernel refused, and what was refused before it was asked. */
import { constants } from 'node:os';
import { builtin } from '../base/builtin.js';

const { getSystemErrorMap, inspect } = builtin('node:util');

/** V8's, as it was when this was imported: a program that hardens itself may take it away. */
const captureStackTrace: typeof Error.captureStackTrace = Error.captureStackTrace ?? (() => {});

const brand: unique symbol = Symbol.for('macvlan-netlink.NetlinkError') as never;

/** Errnos that the kernel answers with and `os.constants.errno` does not list. */
const FURTHER_ERRNOS: Readonly<Record<string, number>> = {
  EXFULL: 54,
  ENOTUNIQ: 76,
  EUSERS: 87,
  ESOCKTNOSUPPORT: 94,
  EPFNOSUPPORT: 96,
  ESHUTDOWN: 108,
  ENOMEDIUM: 123,
  ERFKILL: 132,
  ENOTSUPP: 524, // include/linux/errno.h: meant for the kernel alone, drivers let it out
};

/** Aliases of errnos that the kernel's documentation calls by another name. */
const SECOND_NAMES = new Set(['ENOTSUP', 'EWOULDBLOCK', 'EDEADLOCK']);

const ERRNOS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(constants.errno),
  ...Object.entries(FURTHER_ERRNOS),
]);

const NAMES: ReadonlyMap<number, string> = new Map(
  [...ERRNOS].filter(([name]) => !SECOND_NAMES.has(name)).map(([name, errno]) => [errno, name]),
);

/** Texts to use instead of libuv's, which knows errno 95 only as ENOTSUP, and 54 not at all. */
const REASONS: Readonly<Record<string, string>> = {
  EOPNOTSUPP: 'operation not supported',
  ENOTSUPP: 'operation not supported',
  EXFULL: 'no room left',
};

/** The name of an errno, whichever its sign: `'EINVAL'` for -22 and for 22. */
export function errnoName(errno: number): string {
  const positive = Math.abs(errno);
  return NAMES.get(positive) ?? `ERRNO_${positive}`;
}

/** The errno of a name, negative as in Node; `undefined` for an unknown name. */
export function errnoOf(name: string): number | undefined {
  const errno = ERRNOS.get(name);
  return errno === undefined ? undefined : -errno;
}

/** A function of the package that a program calls. */
export type Operation = (...args: never[]) => unknown;

/**
 * How many of the caller's frames are kept: few, because each costs time in every call, also in those that succeed. A
 * program that raises `Error.stackTraceLimit` above Node's own 10 gets as many as it asked for.
 */
const CALLER_FRAMES = 3;
const NODE_FRAMES = 10;

/**
 * Where an operation was called. An error that comes later, from another turn of the event loop, then shows the line
 * that asked for it.
 */
export class Caller {
  /** V8 formats it only when it is read. */
  readonly stack?: string;
  #operation: Operation | undefined;

  /** @param operation - The function whose caller is meant: one that runs until {@link capture} is called. */
  constructor(operation: Operation) {
    this.#operation = operation;
  }

  /**
   * Records the stack, if that has not been done. It takes longer than the rest of a call, and so it is best done once
   * the request is on its way.
   */
  capture(): this {
    const operation = this.#operation;
    if (operation === undefined) return this;
    this.#operation = undefined;
    const limit = Error.stackTraceLimit;
    if (limit > CALLER_FRAMES && limit <= NODE_FRAMES) {
      // Reflect.set, because an assignment throws where a program froze Error.
      Reflect.set(Error, 'stackTraceLimit', CALLER_FRAMES);
      captureStackTrace(this, operation);
      Reflect.set(Error, 'stackTraceLimit', limit);
    } else {
      captureStackTrace(this, operation);
    }
    return this;
  }
}

/** Gives an error the stack of a caller, where one was recorded. */
export function stackOf<T extends Error>(error: T, caller: Caller | undefined): T {
  const frames = caller && framesOf(caller.capture());
  if (frames !== undefined) error.stack = `${error.name}: ${error.message}${frames}`;
  return error;
}

/** The lines of a stack below its message. */
function framesOf(caller: Caller): string | undefined {
  let stack: unknown;
  // A program may install an Error.prepareStackTrace that makes something else than text, or throws.
  try {
    stack = caller.stack;
  } catch {
    return undefined;
  }
  if (typeof stack !== 'string') return undefined;
  const at = stack.indexOf('\n    at ');
  return at < 0 ? undefined : stack.slice(at);
}

/** What a {@link NetlinkError} is made from. */
interface NetlinkErrorDetails {
  /** `'EEXIST'`, or a code of the package's own such as `'ERR_NETNS_CLOSED'`. */
  readonly code?: string | undefined;
  /** The kernel's errno, of either sign; `code` follows from it. */
  readonly errno?: number | undefined;
  /** The request's type or the system call: `'RTM_NEWLINK'`, `'setns'`. */
  readonly syscall?: string | undefined;
  readonly operation: string;
  readonly target?: string | number | null | undefined;
  readonly netns?: string | undefined;
  readonly part?: string | undefined;
  readonly kernelMessage?: string | undefined;
  readonly attribute?: string | undefined;
  readonly hint?: string | undefined;
  /** What went wrong, for a `code` that is no errno. */
  readonly reason?: string | undefined;
  /** Whose line the stack shows. */
  readonly caller?: Caller | undefined;
}

/**
 * The kernel refused a request, or a handle could not take it. Its stack shows the line that made the call; for a call
 * beyond the first 32 in a turn of the event loop, the line that awaits it, if any.
 *
 * @example
 * ```ts
 * try {
 *   await createMacvlan({ parent: 'eth0', name: 'macv1' });
 * } catch (error) {
 *   if (isNetlinkError(error, 'EEXIST')) console.log(error.target, 'is there already');
 *   else throw error;
 * }
 * ```
 */
export class NetlinkError extends Error {
  declare readonly name: 'NetlinkError';
  /** The errno's name, such as `'EEXIST'`; `'ERR_NETNS_CLOSED'` for a handle that is closed. */
  readonly code: string;
  /** The errno, negative as in Node; 0 when the code is the package's own. */
  readonly errno: number;
  /** The request or system call that was refused, such as `'RTM_NEWLINK'` or `'setns'`; empty when nothing was asked. */
  readonly syscall: string;
  /** The function of this package that was called, such as `'createMacvlan'`. */
  readonly operation: string;
  /** The name or index of what the operation was about; `null` for nothing in particular, or a new link without. */
  readonly target: string | number | null;
  /**
   * The namespace in which the operation was called: its name, or its inode as in `'net:[4026531840]'`. Not of what is
   * static, such as `Netns.open`.
   */
  declare readonly netns?: string;
  /**
   * The option that could not be carried out, where an operation has several requests and the refused one was for that
   * option alone; also a link or namespace that is not there, such as `parent`, `netns`, `peer.master`
   * or `routes[0].link`.
   */
  declare readonly part?: string;
  /** The kernel's own words (`NLMSGERR_ATTR_MSG`), where it gives any. */
  declare readonly kernelMessage?: string;
  /** The attribute at fault (`NLMSGERR_ATTR_OFFS`), such as `'IFLA_MACVLAN_MODE'`. */
  declare readonly attribute?: string;
  /** The reason, in a sentence, found by looking around after the refusal. */
  declare readonly hint?: string;

  /** @hidden */
  constructor(details: NetlinkErrorDetails) {
    const errno = -Math.abs(details.errno ?? errnoOf(details.code ?? '') ?? 0) || 0;
    const code = details.code ?? errnoName(errno);
    const hint = details.hint ? printable(details.hint) : undefined;
    super(printable(describe(code, errno, { ...details, hint })));
    this.code = code;
    this.errno = errno;
    this.syscall = details.syscall ?? '';
    this.operation = details.operation;
    this.target = details.target ?? null;
    if (details.netns) this.netns = details.netns;
    if (details.part) this.part = details.part;
    if (details.kernelMessage) this.kernelMessage = details.kernelMessage;
    if (details.attribute) this.attribute = details.attribute;
    if (hint) this.hint = hint;
    stackOf(this, details.caller);
  }

  /** Marks the error, also for other copies of this package. */
  get [brand](): true {
    return true;
  }
}

// On the prototype, as for Node's own errors: V8 writes the stack's first line before fields exist.
Object.defineProperty(NetlinkError.prototype, 'name', {
  value: 'NetlinkError',
  configurable: true,
  writable: true,
});

/**
 * Escapes control characters: a hint, or the kernel's own words, may name somebody else's link, whose name may hold
 * terminal escape sequences.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => {
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

/** `createMacvlan 'macv1': EINVAL, invalid argument (RTM_NEWLINK, IFLA_MTU): why. Hint.` */
function describe(code: string, errno: number, details: NetlinkErrorDetails): string {
  const { operation, target, part, syscall, kernelMessage, attribute, hint } = details;
  const reason = details.reason ?? REASONS[code] ?? getSystemErrorMap().get(errno)?.[1];
  const where = [syscall, attribute].filter(Boolean).join(', ');
  let text = operation;
  if (target !== undefined && target !== null) text += ` ${inspect(target)}`;
  if (part) text += `, ${part}`;
  text += `: ${code}`;
  if (reason) text += `, ${reason}`;
  if (where) text += ` (${where})`;
  if (kernelMessage) text += `: ${kernelMessage}`;
  if (hint) text += `${/[.!?]$/.test(text) ? '' : '.'} ${hint}`;
  return text;
}

/** Whether an error is a {@link NetlinkError}, and of that `code` when one is given. */
export function isNetlinkError<Code extends string = string>(
  error: unknown,
  code?: Code,
): error is NetlinkError & { readonly code: Code } {
  if (typeof error !== 'object' || error === null) return false;
  const candidate = error as { readonly [brand]?: unknown; readonly code?: unknown };
  return candidate[brand] === true && (code === undefined || candidate.code === code);
}

/** The codes of Node's own argument errors. */
export type ArgumentErrorCode =
  | 'ERR_INVALID_ARG_TYPE'
  | 'ERR_INVALID_ARG_VALUE'
  | 'ERR_OUT_OF_RANGE';

/** An argument error as Node makes it: a `RangeError` for out of range, a `TypeError` otherwise. */
type ArgumentError = (TypeError | RangeError) & { readonly code: ArgumentErrorCode };

/**
 * Makes the error for an argument that is refused before anything is sent.
 *
 * @param above - The function that the stack begins below, so that it begins at the caller's line.
 */
export function argumentError(
  code: ArgumentErrorCode,
  message: string,
  above?: Operation,
): ArgumentError {
  const Base = code === 'ERR_OUT_OF_RANGE' ? RangeError : TypeError;
  const error = Object.assign(new Base(message), { code });
  if (above !== undefined) captureStackTrace(error, above);
  return error;
}

/** A value as an error's message shows it: on one line, cut short, without running its code. */
export function showValue(value: unknown): string {
  const text = inspect(value, {
    depth: 0,
    compact: true,
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 120,
    maxArrayLength: 5,
    customInspect: false,
  });
  // An Error in it is shown with its stack, on several lines.
  const line = text.replaceAll(/\s*\n\s*/g, ' ');
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
