// What README and the pages beside it tell people to do, done as it stands there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/package.js';
import { inPrivateNetns, runProgram } from '../support/program.js';

const [readme, goodToKnow] = ['README.md', 'docs/good-to-know.md'].map((page) =>
  readFileSync(join(root, page), 'utf8'),
) as [string, string];
const [, example = ''] = /```ts\n(.*?)```/s.exec(readme) ?? [];
const [, shim = ''] = /```ts\n(await createMacvlan\(\{[^`]*name: 'shim'.*?)```/s.exec(readme) ?? [];
const [, recipe = ''] = /```ts\n(const addresses = .*?)```/s.exec(goodToKnow) ?? [];

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

// The wire with another machine, and a child in a namespace; who answers ARP requests of that machine for the host.
const network = `
  set -e
  mount -n -t tmpfs tmpfs /run
  ip netns add lan
  ip netns add child
  ip link add eth0 type veth peer name wire netns lan
  ip address add 192.0.2.10/24 dev eth0
  ip link set eth0 up
  ip -n lan address add 192.0.2.50/24 dev wire
  ip -n lan link set wire up
  ip link add m0 link eth0 netns child type macvlan mode bridge
  ip -n child address add 192.0.2.151/24 dev m0
  ip -n child link set m0 up
  "$@"
  reach() { ip netns exec "$1" ping -q -c 3 -i 0.2 -W 5 "$2" > /dev/null && echo "$1 $2"; }
  reach child 192.0.2.10
  reach child 192.0.2.200
  reach lan 192.0.2.151
  ping -q -c 3 -i 0.2 -W 5 192.0.2.151 > /dev/null && echo host 192.0.2.151
  ip netns exec lan tcpdump -lnni wire arp > /run/arp 2> /run/started &
  trap 'kill $!' EXIT
  until grep -q listening /run/started; do kill -0 $!; sleep 0.1; done
  ip -n lan neigh flush dev wire
  reach lan 192.0.2.10
  reach lan 192.0.2.200
  set -- $(ip -br link show eth0)
  grep -o 'Reply 192.0.2.[12]0* is-at [0-9a-f:]*' /run/arp | sed "s/$3/eth0/" | sort -u
`;

test('the host reaches its children by a macvlan of its own, and the network has one answer for it', async () => {
  const ended = await runProgram(`import { createMacvlan } from 'macvlan-netlink';\n${shim}`, {
    under: [...inPrivateNetns, 'sh', '-c', network, 'sh'],
  });
  expect(ended).toMatchObject({ code: 0 });
  expect(ended.stdout.trim().split('\n')).toEqual([
    'child 192.0.2.10',
    'child 192.0.2.200',
    'lan 192.0.2.151',
    'host 192.0.2.151',
    'lan 192.0.2.10',
    'lan 192.0.2.200',
    'Reply 192.0.2.10 is-at eth0',
    'Reply 192.0.2.200 is-at eth0',
  ]);
});
