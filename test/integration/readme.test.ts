// What README tells people to do, done as it stands there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/package.js';
import { inPrivateNetns, runProgram } from '../support/program.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const [, example = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
const [, recipe = ''] = /```ts\n(const addresses = .*?)```/s.exec(readme) ?? [];

test('the first example makes a macvlan in a namespace, and removes both', async () => {
  const prepared = `
    ip link add eth0 type veth peer name wire
    mount -n -t tmpfs tmpfs /run
    "$@" || exit
    ip netns list
    ip -o link show | grep PROMISC
    ip -o link show type macvlan
  `;
  const ended = await runProgram(example, {
    under: [...inPrivateNetns, 'sh', '-c', prepared, 'sh'],
  });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const [support = '', link, ...left] = ended.stdout.trim().split(/\n(?=\S)(?!})/);
  expect(support).toContain('netAdmin: true');
  expect(link).toMatch(/^\d+ ([0-9a-f]{2}:){5}[0-9a-f]{2} bridge$/);
  expect(left).toEqual([]);
});

// A link as a machine's own: with addresses of both families, one with a lifetime, and its routes, one with a source,
// which cannot be a tentative address.
const setUp = `
  set -e
  ip link add eth0 type veth peer name wire
  ip link set wire up
  echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad
  echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
  ip link set eth0 up
  ip address add 10.9.0.2/24 dev eth0
  ip address add 10.9.0.3/24 dev eth0
  ip address add fd01::5/64 dev eth0 valid_lft 1000 preferred_lft 500
  ip address add fd02::5/64 dev eth0
  ip route add default via 10.9.0.1
  ip -6 route add default via fd02::1 src fd02::5
  routes() { ip -4 route show table "$1"; ip -6 route show table "$1"; }
  routes main | grep 'dev eth0' | sed 's/expires [^ ]*//' | grep -v fe80: >&2
  "$@"
  set +e  # grep fails where it finds nothing
  echo >&2
  routes main | grep 'dev shim' | sed 's/expires [^ ]*//; s/dev shim/dev eth0/' | grep -v fe80: >&2
  routes all | grep 'dev eth0' | grep -v -e fe80: -e ff00:
  ip -o address show dev eth0 | grep -v fe80:
  true
`;

test("a parent's addresses and routes move to the host's own macvlan, and none stays behind", async () => {
  const imports = [...new Set(recipe.match(/\b\w+(?=\()/g))].filter((name) =>
    /^(list|remove|create)/.test(name),
  );
  const ended = await runProgram(
    `import { ${imports.join(', ')} } from 'macvlan-netlink';\n${recipe}`,
    { under: [...inPrivateNetns, 'sh', '-c', setUp, 'sh'] },
  );
  expect(ended).toMatchObject({ code: 0, stdout: '' });
  const [before = '', after] = ended.stderr.split('\n\n');
  expect(before.split('\n')).toHaveLength(5);
  expect(after?.trim()).toBe(before);
});
