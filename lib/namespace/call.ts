/** One call of the public API, and the errors that it rejects with. */
import { check } from '../check/check.js';
import { operationOptions, signal as signalRule } from '../check/checkValues.js';
import { type Caller, NetlinkError } from '../errors/errors.js';
import { Refusal } from '../errors/refusal.js';
import type { NetnsLike, OperationOptions } from '../types/types.js';

// security/apparmor/file.c: such a file has no place in the tree of files, or is the root of another one.
const REFUSED_BY_PROFILE =
  "A security module refuses the file of a network namespace: AppArmor's profile needs flags=(attach_disconnected), " +
  "and, where it lists files, also the rule '/ r,'.";

/** Hints for refusals of system calls, whatever the operation. */
const HINTS: Readonly<Record<string, string>> = {
  'open(/proc/thread-self) EACCES': REFUSED_BY_PROFILE,
  'fstat EACCES': REFUSED_BY_PROFILE,
  'setns EPERM':
    'Acting in another network namespace takes CAP_SYS_ADMIN, in the user namespace that owns it and ' +
    "in the process's own; a watch, a tap and a Worker also in the one that owns the way back, the " +
    "thread's own network namespace. A filter of system calls may refuse it all the same, such as systemd's " +
    'RestrictNamespaces.',
  'pthread_create EAGAIN':
    "The process may have no more threads: RLIMIT_NPROC, RLIMIT_AS, or its cgroup's pids.max.",
  'open(/proc/thread-self) ENOENT':
    'Network namespaces are opened through /proc/thread-self: is /proc mounted, and does it belong to a PID ' +
    'namespace that the process is in?',
  // Only a listing ends so (NLM_F_DUMP_INTR; native/io/session.cc).
  'recvmsg EINTR': 'What was listed changed during every attempt to list it.',
  'socket EAFNOSUPPORT':
    "Netlink sockets are refused, as by systemd's RestrictAddressFamilies where it does not name AF_NETLINK.",
  'socket EACCES':
    "A security module refuses netlink sockets, as AppArmor does where its profile has no 'network netlink'.",
  'socket EPERM': "Netlink sockets are refused, as by a container's filter of system calls.",
  'mount ENOSPC': 'The mount namespace has as many mounts as fs.mount-max allows.',
  'epoll_ctl ENOSPC': 'The user waits for as many descriptors as fs.epoll.max_user_watches allows.',
  ENOSYS:
    "The system call is refused by a filter, such as a container's seccomp profile, or the kernel is an emulator " +
    'that does not know it.',
  EMFILE: 'The process may have no more descriptors: RLIMIT_NOFILE.',
};

const NO_NAMESPACES: readonly object[] = Object.freeze([]);

/** An operation that was called: from where, what it is about, its signal, and the namespaces that it holds. */
export class Call {
  readonly signal: AbortSignal | undefined;
  /** The options of an operation that takes only a signal in them: checked by {@link checkSignal}. */
  signalOptions: unknown;
  /** The namespace in which it acts. */
  where: NetnsLike | undefined = undefined;
  /** Namespaces that this call may use although a program has closed them meanwhile. */
  held: readonly object[] = NO_NAMESPACES;

  constructor(
    readonly operation: string,
    readonly target: string | number | null,
    readonly caller: Caller | undefined,
    options?: OperationOptions,
  ) {
    this.signal = options?.signal;
  }

  /** Records whose line the stacks of its errors show, while the function that was called still runs. */
  noteCaller(): this {
    this.caller?.capture();
    return this;
  }

  /** The same call about one of its several targets, for its error. */
  about(target: string | number | null): Call {
    const about = new Call(this.operation, target, this.caller);
    about.where = this.where;
    return about;
  }

  /** How an error names that namespace. */
  get #netns(): string | undefined {
    return this.where && (this.where.name ?? `net:[${this.where.inode}]`);
  }

  /** Checks `signalOptions` and the signal, and throws the signal's reason when it has fired. */
  checkSignal(): void {
    if (this.signalOptions !== undefined) {
      check(this.operation, operationOptions, this.signalOptions);
    }
    if (this.signal === undefined) return;
    check(this.operation, signalRule, this.signal, 'options.signal');
    this.signal.throwIfAborted();
  }

  /** The error for a refusal; its stack shows the caller's line. `done`: what has taken effect all the same. */
  error(
    refusal: Refusal,
    more: {
      done?: string | undefined;
      hint?: string | undefined;
      part?: string | undefined;
    } = {},
  ): NetlinkError {
    const general =
      HINTS[`${refusal.syscall} ${refusal.code}`] ??
      // What the kernel answers to a request says nothing of this process's descriptors.
      (refusal.isAnswer ? undefined : HINTS[refusal.code]);
    const reason = general ?? more.hint;
    return new NetlinkError({
      errno: refusal.errno,
      syscall: refusal.syscall,
      operation: this.operation,
      target: this.target,
      netns: this.#netns,
      kernelMessage: refusal.kernelMessage,
      attribute: refusal.attribute,
      caller: this.caller,
      part: more.part,
      hint: [more.done, reason].filter(Boolean).join(' ') || undefined,
    });
  }

  /** The error for a rejection of `fs`; one without an errno is given back as it is. */
  fileError(error: unknown): unknown {
    const { errno, syscall, path } = error as NodeJS.ErrnoException;
    if (errno === undefined || syscall === undefined) return error;
    const about = this.about(path ?? this.target);
    return about.error(new Refusal(errno, syscall));
  }

  /** An error for what was refused without asking the kernel; `reason` stands in place of what the errno says. */
  fail(
    code: string,
    more: { reason?: string; hint?: string | undefined; part?: string },
  ): NetlinkError {
    const { operation, target, caller } = this;
    return new NetlinkError({ code, ...more, operation, target, netns: this.#netns, caller });
  }
}
