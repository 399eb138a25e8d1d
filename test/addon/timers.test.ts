// The package in a program whose timers are replaced, as tests do.
import { expect, test } from 'vitest';
import { resultOf } from '../support/program.js';

test('calls are made and answered while timers are fakes, and afterwards', async () => {
  const program = `
    import { mock } from 'node:test';
    import { listLinks, Netns } from 'macvlan-netlink';
    const ask = () => Promise.all(Array.from({ length: 100 }, () => listLinks()));
    const named = () => Netns.current().getNetnsid('/proc/self/ns/net');
    mock.timers.enable();
    const during = [(await ask()).length, await named()];
    mock.timers.reset();
    console.log(JSON.stringify([during, [(await ask()).length, await named()]]));
  `;
  const result = await resultOf(program);
  expect(result).toEqual([
    [100, null],
    [100, null],
  ]);
});
