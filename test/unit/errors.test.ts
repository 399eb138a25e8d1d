import { constants } from 'node:os';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  argumentError,
  Caller,
  errnoName,
  errnoOf,
  isNetlinkError,
  NetlinkError,
  showValue,
} from '../../lib/errors/errors.js';
import { Refusal } from '../../lib/errors/refusal.js';
import { Call } from '../../lib/namespace/call.js';

describe('NetlinkError', () => {
  test('says which operation failed, what the kernel answered and why', () => {
    const error = new NetlinkError({
      errno: constants.errno.EINVAL,
      syscall: 'RTM_NEWLINK',
      operation: 'createMacvlan',
      target: 'macv1',
      kernelMessage: 'mtu greater than device maximum',
      attribute: 'IFLA_MTU',
      hint: 'The parent eth0 has an MTU of 1500, and 9000 was asked for.',
    });
    expect(error.message).toBe(
      "createMacvlan 'macv1': EINVAL, invalid argument (RTM_NEWLINK, IFLA_MTU): " +
        'mtu greater than device maximum. ' +
        'The parent eth0 has an MTU of 1500, and 9000 was asked for.',
    );
    expect(error).toMatchObject({
      name: 'NetlinkError',
      code: 'EINVAL',
      errno: -22,
      syscall: 'RTM_NEWLINK',
      operation: 'createMacvlan',
      target: 'macv1',
      kernelMessage: 'mtu greater than device maximum',
      attribute: 'IFLA_MTU',
      hint: 'The parent eth0 has an MTU of 1500, and 9000 was asked for.',
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.stack).toMatch(/^NetlinkError: createMacvlan 'macv1': EINVAL/);
  });

  test('leaves out what is unknown', () => {
    const error = new NetlinkError({
      errno: -19,
      syscall: 'RTM_GETLINK',
      operation: 'getLink',
      target: 7,
    });
    expect(error.message).toBe('getLink 7: ENODEV, no such device (RTM_GETLINK)');
    expect(Object.keys(error).sort()).toEqual(['code', 'errno', 'operation', 'syscall', 'target']);
    expect(inspect(error)).not.toContain('undefined');
    const bare = new NetlinkError({ code: 'EPERM', operation: 'listLinks' });
    expect(bare.message).toBe('listLinks: EPERM, operation not permitted');
    expect(bare).toMatchObject({ errno: -1, syscall: '', target: null });
  });

  test('says which part of an operation failed', () => {
    const error = new NetlinkError({
      errno: 17,
      syscall: 'RTM_NEWADDR',
      operation: 'createMacvlan',
      target: 'macv1',
      part: 'addresses[1]',
    });
    expect(error.part).toBe('addresses[1]');
    expect(error.message).toBe(
      "createMacvlan 'macv1', addresses[1]: EEXIST, file already exists (RTM_NEWADDR)",
    );
  });

  test('escapes control characters of a name in the hint, so that none reaches a terminal', () => {
    const hint = "The parent 'eth\u001b[31m' has 'a\u0007\u009b'.";
    const shown = "The parent 'eth\\x1b[31m' has 'a\\x07\\x9b'.";
    const error = new NetlinkError({ errno: 22, operation: 'setLink', hint });
    expect(error.hint).toBe(shown);
    expect(error.message).toBe(`setLink: EINVAL, invalid argument. ${shown}`);
  });

  test('escapes them in the kernel’s words as well, in the message alone', () => {
    const kernelMessage = 'An interface with the altname \u001b[2J exists';
    const error = new NetlinkError({ errno: 17, operation: 'moveLink', kernelMessage });
    expect(error.kernelMessage).toBe(kernelMessage);
    const shown = 'An interface with the altname \\x1b[2J exists';
    expect(error.message).toBe(`moveLink: EEXIST, file already exists: ${shown}`);
    expect(error.stack).not.toContain('\u001b');
  });

  test('ends a sentence with one full stop', () => {
    const details = { errno: 22, operation: 'setLink', target: 'a', hint: 'Why.' } as const;
    const withStop = new NetlinkError({ ...details, kernelMessage: 'It says.' });
    expect(withStop.message).toBe("setLink 'a': EINVAL, invalid argument: It says. Why.");
    const without = new NetlinkError(details);
    expect(without.message).toBe("setLink 'a': EINVAL, invalid argument. Why.");
  });

  test('can have a code of the package’s own, which is no errno', () => {
    const error = new NetlinkError({
      code: 'ERR_NETNS_CLOSED',
      operation: 'getLink',
      target: 'macv1',
      reason: 'the handle is closed',
    });
    expect(error.message).toBe("getLink 'macv1': ERR_NETNS_CLOSED, the handle is closed");
    expect(error).toMatchObject({ code: 'ERR_NETNS_CLOSED', errno: 0 });
    expect(Object.is(error.errno, -0)).toBe(false);
  });

  test('quotes a name that holds quotes or control characters', () => {
    const error = new NetlinkError({ code: 'ENODEV', operation: 'getLink', target: "a'b\n" });
    expect(error.message).toContain('getLink "a\'b\\n": ENODEV');
  });
});

describe('isNetlinkError', () => {
  const error = new NetlinkError({ code: 'EEXIST', operation: 'createMacvlan' });

  test('looks at the code when one is given', () => {
    expect(isNetlinkError(error)).toBe(true);
    expect(isNetlinkError(error, 'EEXIST')).toBe(true);
    expect(isNetlinkError(error, 'ENODEV')).toBe(false);
  });

  test.each([
    undefined,
    null,
    'EEXIST',
    new Error('EEXIST'),
    Object.assign(new Error('other'), { code: 'EEXIST', name: 'NetlinkError' }),
    { code: 'EEXIST' },
  ])('%o is none', (other) => {
    expect(isNetlinkError(other)).toBe(false);
    expect(isNetlinkError(other, 'EEXIST')).toBe(false);
  });

  test('knows the error of another copy of the package', async () => {
    vi.resetModules();
    const copy = await import('../../lib/errors/errors.js');
    expect(copy.NetlinkError).not.toBe(NetlinkError);
    const foreign = new copy.NetlinkError({ code: 'EEXIST', operation: 'createMacvlan' });
    expect(foreign).not.toBeInstanceOf(NetlinkError);
    expect(isNetlinkError(foreign, 'EEXIST')).toBe(true);
    expect(copy.isNetlinkError(error, 'EEXIST')).toBe(true);
  });
});

describe('errnos', () => {
  test('are converted to names and back', () => {
    for (const [name, errno] of Object.entries(constants.errno)) {
      expect(errnoOf(name)).toBe(-errno);
      expect(errnoName(errno)).toBe(errnoName(-errno));
      expect(errnoOf(errnoName(errno))).toBe(-errno);
    }
  });

  test('get the name that the kernel uses when there are two', () => {
    expect(errnoName(95)).toBe('EOPNOTSUPP');
    expect(errnoName(11)).toBe('EAGAIN');
    expect(new NetlinkError({ errno: 95, operation: 'createLink' }).message).toBe(
      'createLink: EOPNOTSUPP, operation not supported',
    );
  });

  test('get names also when Node does not know them', () => {
    expect(errnoName(-524)).toBe('ENOTSUPP');
    // include/uapi/asm-generic/errno.h
    const names = { ENOTUNIQ: 76, EUSERS: 87, ESOCKTNOSUPPORT: 94, EPFNOSUPPORT: 96 };
    const more = { ESHUTDOWN: 108, ENOMEDIUM: 123, ERFKILL: 132 };
    for (const [name, errno] of Object.entries({ ...names, ...more })) {
      expect(errnoName(errno)).toBe(name);
      expect(errnoOf(name)).toBe(-errno);
    }
    expect(errnoName(4000)).toBe('ERRNO_4000');
    expect(errnoOf('ERRNO_4000')).toBeUndefined();
    expect(new NetlinkError({ errno: -4000, operation: 'a' })).toMatchObject({
      code: 'ERRNO_4000',
      errno: -4000,
    });
  });
});

/** The file, line and column of each frame. */
function places(stack: string | undefined): string[] {
  return [...(stack ?? '').matchAll(/([^/\s(]+:\d+:\d+)\)?$/gm)].map((match) => String(match[1]));
}

function lineOf(place: string | undefined): number {
  return Number(place?.split(':').at(-2));
}

describe('Caller', () => {
  const { stackTraceLimit: limit, prepareStackTrace } = Error;
  beforeEach(() => {
    Error.stackTraceLimit = 10;
  });
  afterEach(() => {
    Object.defineProperty(Error, 'stackTraceLimit', {
      value: limit,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    Object.assign(Error, { prepareStackTrace });
  });

  /** An operation of the package: what it throws, it throws long after it was called. */
  async function operation(): Promise<never> {
    const caller = new Caller(operation).capture();
    await new Promise((resolve) => setImmediate(resolve));
    throw new NetlinkError({ code: 'EEXIST', operation: 'operation', target: 'macv1', caller });
  }

  async function failure(promise: Promise<never>): Promise<NetlinkError> {
    const error = await promise.catch((reason: unknown) => reason);
    if (!isNetlinkError(error)) throw new Error('not a NetlinkError', { cause: error });
    return error;
  }

  test('makes the stack begin at the line that called, whoever awaits it, and when', async () => {
    const here = lineOf(places(new Error('here').stack)[0]);
    const promise = operation();
    const error = await failure(promise);
    expect(error.stack?.split('\n')[0]).toBe(`NetlinkError: ${error.message}`);
    expect(places(error.stack)[0]).toMatch(/^errors\.test\.ts:/);
    expect(lineOf(places(error.stack)[0])).toBe(here + 1);
  });

  test('keeps a few frames above the caller', async () => {
    const four = () => operation();
    const three = () => four();
    const two = () => three();
    const error = await failure(two());
    expect(places(error.stack)).toHaveLength(3);
    expect(error.stack).toMatch(/at four .*\n.*at three .*\n.*at two /);
    expect(Error.stackTraceLimit).toBe(10);
  });

  test('keeps as many as the program asks for, when it asks for more than Node does', async () => {
    Error.stackTraceLimit = 50;
    const deep = (levels: number): Promise<never> =>
      levels === 0 ? operation() : deep(levels - 1);
    expect(places((await failure(deep(20))).stack).length).toBeGreaterThan(20);
    Error.stackTraceLimit = 11;
    expect(places((await failure(deep(20))).stack)).toHaveLength(11);
    Error.stackTraceLimit = 1;
    expect(places((await failure(deep(20))).stack)).toHaveLength(1);
  });

  test('leaves the error’s own stack when there are no frames', async () => {
    Error.stackTraceLimit = 0;
    const error = await failure(operation());
    expect(error.stack).toBe(`NetlinkError: ${error.message}`);
    Error.stackTraceLimit = 10;
    Error.prepareStackTrace = (_, frames) => frames;
    const unformatted: unknown = (await failure(operation())).stack;
    expect(Array.isArray(unformatted)).toBe(true);
  });

  test('works where Error is frozen', async () => {
    Object.defineProperty(Error, 'stackTraceLimit', { value: 10, writable: false });
    const error = await failure(operation());
    expect(places(error.stack)[0]).toMatch(/^errors\.test\.ts:/);
  });
});

describe('argumentError', () => {
  test('is of the class that Node uses for the code', () => {
    for (const code of ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE'] as const) {
      const error = argumentError(code, 'no');
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code, message: 'no' });
    }
    const error = argumentError('ERR_OUT_OF_RANGE', 'too much');
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE', message: 'too much' });
  });

  test('begins its stack below the function it is told', () => {
    function checked(): Error {
      return argumentError('ERR_OUT_OF_RANGE', 'too much', checked);
    }
    const here = lineOf(places(new Error('here').stack)[0]);
    const error = checked();
    expect(lineOf(places(error.stack)[0])).toBe(here + 1);
    expect(error.stack).toMatch(/^RangeError: too much\n/);
  });
});

describe('showValue', () => {
  test('shows a value on one short line', () => {
    expect(showValue('a\nb')).toBe("'a\\nb'");
    expect(showValue(-0)).toBe('-0');
    expect(showValue(10n)).toBe('10n');
    expect(showValue(undefined)).toBe('undefined');
    expect(showValue({ a: { b: 1 } })).toBe('{ a: [Object] }');
    const everything = [
      'x'.repeat(10_000),
      new Array(10_000).fill('x'.repeat(100)),
      { long: 'x'.repeat(500) },
      new Error('of the user'),
      { reason: new Error('of the user') },
      AbortSignal.abort(new Error('of the user')),
    ];
    for (const value of everything) {
      expect(showValue(value).length).toBeLessThanOrEqual(160);
      expect(showValue(value)).not.toContain('\n');
    }
  });

  test('does not run the code of a value', () => {
    const ran = vi.fn(() => 'ran');
    const value = { [inspect.custom]: ran, toString: ran, toJSON: ran };
    Object.defineProperty(value, 'accessor', { get: ran, enumerable: true });
    expect(showValue(value)).toContain('[Getter]');
    expect(ran).not.toHaveBeenCalled();
  });
});

test('an interrupted listing says that what it lists has changed meanwhile, and nothing else does', () => {
  const call = new Call('listLinks', null, undefined);
  const { hint } = call.error(new Refusal(-constants.errno.EINTR, 'recvmsg'));
  expect(hint).toBe('What was listed changed during every attempt to list it.');
  expect(call.error(new Refusal(-constants.errno.EINTR, 'RTM_NEWLINK')).hint).toBeUndefined();
});
