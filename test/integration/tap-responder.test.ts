/** The example that answers ARP and ping, tried by ping and tcpdump. */
import { beforeEach, expect, test } from 'vitest';
import { root } from '../support/package.js';
import { macvtap, noTaps, type Program, start } from '../support/tap.js';
import { type TestNetns, useTestbed } from '../support/testbed.js';

const bed = useTestbed();

beforeEach(({ skip }) => skip(noTaps !== undefined, noTaps));

const ADDRESS = '192.0.2.77';

/** The example at work on a macvtap of a namespace, and a second namespace that reaches it. */
async function responder(): Promise<{
  host: TestNetns;
  visitor: TestNetns;
  program: Program;
  mac: string;
}> {
  const [host, visitor] = [await bed.makeNetns(), await bed.makeNetns()];
  const parent = await host.parent();
  const link = await macvtap(bed, host, parent);
  await host.netns.createMacvlan({
    parent,
    name: 'eth0',
    mode: 'bridge',
    netns: visitor.name ?? '',
    up: true,
    addresses: ['192.0.2.1/24'],
  });
  const example = `${root}scripts/examples/tap-responder.mjs`;
  const program = start(bed, host, process.execPath, [example, link.name, ADDRESS]);
  await program.until(/^ready: /m);
  return { host, visitor, program, mac: link.mac ?? '' };
}

function ping(host: TestNetns, ...options: (string | number)[]): Program {
  return start(bed, host, 'ping', ['-n', '-i', '0.2', '-w', '20', ...options, ADDRESS]);
}

test('ping from another namespace gets every answer', async () => {
  const { visitor, mac } = await responder();
  // The pattern and the size come back, or ping says that they are wrong.
  const said = await ping(visitor, '-c', 5, '-s', 1400, '-p', 'c0ffee').output();
  expect(said).toContain('5 packets transmitted, 5 received, 0% packet loss');
  expect(said).not.toContain('wrong data');
  const neighbours = JSON.parse(await visitor.ip('-j', 'neighbour', 'show', ADDRESS));
  expect(neighbours).toMatchObject([{ dst: ADDRESS, lladdr: mac }]);
});

test('ping of another address gets none', async () => {
  const { visitor, program } = await responder();
  const nobody = start(bed, visitor, 'ping', ['-n', '-c', '1', '-W', '1', '192.0.2.78']);
  await expect(nobody.output()).rejects.toThrow('1');
  expect(nobody.said).toContain('0 received');
  program.child.kill('SIGINT');
  expect(await program.output()).toContain('answered 0 times');
});

test('tcpdump finds the checksums right', async () => {
  const { visitor } = await responder();
  const options = ['-i', 'eth0', '-c', '2', '-nn', '-vv', '-l', '--immediate-mode'];
  const filter = 'icmp[icmptype] = icmp-echoreply';
  const dump = start(bed, visitor, 'sh', [
    '-c',
    'exec "$@" 2>&1',
    'sh',
    'tcpdump',
    ...options,
    filter,
  ]);
  await dump.until(/listening on/);
  await ping(visitor, '-c', 2).output();
  const told = await dump.output();
  expect(told).toContain(`${ADDRESS} > 192.0.2.1: ICMP echo reply`);
  expect(told).not.toMatch(/wrong|bad cksum/);
});

test('it ends with its link', async () => {
  const { host, visitor, program } = await responder();
  await ping(visitor, '-c', 1).output();
  const [link] = (await host.links()).filter(({ linkinfo }) => linkinfo?.info_kind === 'macvtap');
  await host.ip('link', 'delete', link?.ifname ?? '');
  expect(await program.output()).toMatch(/answered [2-9] times/);
});
