// Parts of listings that get lost on the way: nothing is missing afterwards.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../support/package.js';
import { inPrivateNetns, resultOf } from '../support/program.js';

const RTM_GETADDR = 22;
const directory = mkdtempSync(join(tmpdir(), 'macvlan-netlink-lost-'));
const library = join(directory, 'lose-a-datagram.so');

beforeAll(() => {
  const source = join(root, 'test/support/lose-a-datagram.c');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
});

afterAll(() => rmSync(directory, { recursive: true }));

test('what came before a part that is lost stays', async () => {
  const program = `
    import { createLink, Netns } from 'macvlan-netlink';
    for (let at = 0; at < 3; at++) {
      await createLink({ kind: 'bridge', addresses: ['10.0.' + at + '.1/24'] });
    }
    const seen = { link: [], address: [] };
    for await (const event of Netns.current().watch({ initial: true, addresses: true })) {
      seen[event.type]?.push(event.link?.name ?? event.address.cidr);
      if (seen.address.length === 3) break;
    }
    console.log(JSON.stringify(seen));
  `;
  const lose = ['env', `LD_PRELOAD=${library}`, `LOSE=${RTM_GETADDR}`];
  expect(await resultOf(program, { under: [...inPrivateNetns, ...lose] })).toEqual({
    link: ['lo', 'bridge0', 'bridge1', 'bridge2'],
    address: ['10.0.0.1/24', '10.0.1.1/24', '10.0.2.1/24'],
  });
});
