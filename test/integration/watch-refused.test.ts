/** What watch refuses, at the call. */
import { describe, expect, test } from 'vitest';
import type { WatchOptions } from '../../lib/types.js';
import { useTestbed } from '../support/testbed.js';

const bed = useTestbed();

describe('options', () => {
  test.each([
    [{ initial: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.initial'],
    [{ addresses: 'yes' }, 'ERR_INVALID_ARG_TYPE', 'options.addresses'],
    [{ routes: null }, 'ERR_INVALID_ARG_TYPE', 'options.routes'],
    [{ receiveBuffer: 0 }, 'ERR_OUT_OF_RANGE', 'options.receiveBuffer'],
    [{ receiveBuffer: 2 ** 31 }, 'ERR_OUT_OF_RANGE', 'options.receiveBuffer'],
    [{ receiveBuffer: 1.5 }, 'ERR_OUT_OF_RANGE', 'options.receiveBuffer'],
    [{ signal: {} }, 'ERR_INVALID_ARG_TYPE', 'options.signal'],
    [{ links: true }, 'ERR_INVALID_ARG_VALUE', 'options.links'],
    [7, 'ERR_INVALID_ARG_TYPE', 'options'],
  ])('%j is refused at the call', async (options, code, path) => {
    const { netns } = await bed.makeNetns();
    expect(() => netns.watch(options as WatchOptions)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(path) }),
    );
  });

  test('a namespace that is closed is refused at the call', async () => {
    const { netns } = await bed.makeNetns();
    await netns.close();
    expect(() => netns.watch()).toThrow(
      expect.objectContaining({ code: 'ERR_NETNS_CLOSED', operation: 'watch' }),
    );
  });
});
