/** What was refused: the errno, and who said so. */
import { errnoName } from './errors.js';

/** Codes of refusals, such as `'ENODEV'`. */
export type Codes = ReadonlySet<string>;

/** The kernel's answer about a link that is not there. */
export const NO_LINK: Codes = new Set(['ENODEV']);

/** A request that the kernel, or a system call on the way to it, refused. */
export class Refusal {
  constructor(
    /** Negative, as in Node. */
    readonly errno: number,
    /** `'RTM_NEWLINK'`, or the system call. */
    readonly syscall: string,
    readonly kernelMessage?: string,
    readonly attribute?: string,
  ) {}

  /** The errno's name, such as `'ENODEV'`; `'ECANCELED'` for what was withdrawn. */
  get code(): string {
    return errnoName(this.errno);
  }

  /** Whether the kernel has refused the request itself, and no system call has failed on the way to it. */
  get isAnswer(): boolean {
    return this.syscall.startsWith('RTM_');
  }

  /** Whether it is the kernel's answer to the request, with one of these codes. */
  isAnswerOf(codes: Codes): boolean {
    return this.isAnswer && codes.has(this.code);
  }
}

/** Whether a result is one. */
export const isRefusal = (result: unknown): result is Refusal => result instanceof Refusal;
