/**
 * Namespaces and links to test with, and what the kernel says of them by other ways than this
 * library: `ip -j -d`, /sys, /proc. Everything is taken down after each test, whether it passes or
 * not. Names are unique, so that files can run at once in one namespace.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { Netns } from '../../lib/index.js';
import { type IpAddress, type IpLink, type MacvlanData, output } from './ip.js';

export { type IpAddress, type IpLink, isBefore } from './ip.js';
export { type RefusedError, refusalOf } from './refusedError.js';

/** What a veth pair to test on is made with. */
interface ParentOptions {
  readonly mtu?: number;
  readonly mac?: string;
  /** Default: true, and so is the other end. */
  readonly up?: boolean;
}

/**
 * A network namespace to test in. Variables are called after its role: `inside` or `there` when links
 * go there from elsewhere, `host` when there is only one, or when the parent is in it.
 */
export class TestNetns {
  constructor(
    /** The library's handle on it. */
    readonly netns: Netns,
    /** Its name for `ip`; `null`: the process's own. */
    readonly name: string | null,
    private readonly bed: Testbed,
  ) {}

  /** Runs `ip` here; gives what it printed. */
  async ip(...args: readonly string[]): Promise<string> {
    const where = this.name === null ? [] : ['-n', this.name];
    return output('ip', [...where, ...args]);
  }

  /**
   * Runs `ip` commands here, one a line, by one process. It stops where one fails, and this rejects; with `force` it
   * goes on, and failures are ignored.
   */
  async ipBatch(lines: readonly string[], { force = false } = {}): Promise<void> {
    const where = this.name === null ? [] : ['-n', this.name];
    const child = spawn('ip', [...where, ...(force ? ['-force'] : []), '-batch', '-'], {
      stdio: ['pipe', 'ignore', force ? 'ignore' : 'inherit'],
    });
    // One that stops reads no further.
    child.stdin.on('error', () => {}).end(`${lines.join('\n')}\n`);
    const [code] = await once(child, 'exit');
    if (code !== 0 && !force) throw new Error(`ip -batch ended with ${code}`);
  }

  /** Runs a command here, with this namespace's /sys; gives what it printed. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    if (this.name === null) return output(command, args);
    return output('ip', ['netns', 'exec', this.name, command, ...args]);
  }

  /** A file of /proc or /sys as it is here, without the line's end. */
  async read(path: string): Promise<string> {
    return (await this.run('cat', path)).trimEnd();
  }

  /** Every link here, by index. */
  async links(): Promise<IpLink[]> {
    const links: IpLink[] = JSON.parse(await this.ip('-j', '-d', 'link', 'show'));
    return links.sort((a, b) => a.ifindex - b.ifindex);
  }

  /** The names of all links here but the loopback device, by index. */
  async names(): Promise<string[]> {
    const names = (await this.links()).map(({ ifname }) => ifname);
    return names.filter((name) => name !== 'lo');
  }

  /** The one link of that name or alternative name. */
  async link(name: string): Promise<IpLink> {
    const [link] = JSON.parse(await this.ip('-j', '-d', 'link', 'show', 'dev', name)) as IpLink[];
    if (link === undefined) throw new Error(`ip shows no link '${name}'`);
    return link;
  }

  /** What is special to a macvlan or macvtap. */
  async macvlan(name: string): Promise<MacvlanData> {
    return (await this.link(name)).linkinfo?.info_data ?? {};
  }

  /** Its `IFLA_MACVLAN_BC_CUTOFF` as text, or `'absent'`: many an `ip` does not know it. */
  async cutoff(name: string): Promise<string> {
    return (await this.run('python3', supportFile('macvlan-cutoff.py'), name)).trim();
  }

  /** The addresses of a link as `52.1.1.151/24`, those that the kernel makes up left out. */
  async addresses(name: string): Promise<string[]> {
    const text = await this.ip('-j', 'address', 'show', 'dev', name);
    const [link] = JSON.parse(text) as { addr_info?: IpAddress[] }[];
    return (link?.addr_info ?? [])
      .filter(({ family, scope }) => family === 'inet' || scope !== 'link')
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  }

  /**
   * Links, addresses, routes, rules and permanent neighbours altogether, to compare before and after. What the kernel
   * brings up to date some time later is left out: operational states, and IPv6's own addresses and routes.
   */
  async snapshot(): Promise<unknown> {
    const json = async (...args: string[]) => JSON.parse((await this.ip('-j', ...args)) || '[]');
    const links: IpLink[] = await json('-d', 'link', 'show');
    const addresses: { ifname: string; addr_info: IpAddress[] }[] = await json('address', 'show');
    const routes6: { dst: string }[] = await json('-6', 'route', 'show', 'table', 'all');
    return {
      links: links.map(({ flags, ...link }) => ({
        ...link,
        flags: flags.filter((flag) => flag !== 'NO-CARRIER'),
        operstate: undefined,
        qdisc: undefined,
      })),
      addresses: addresses.map(({ ifname, addr_info }) => ({
        ifname,
        addresses: addr_info
          .filter(({ family, scope }) => family === 'inet' || scope !== 'link')
          .map((address) => ({ ...address, tentative: undefined })),
      })),
      routes: await json('-4', 'route', 'show', 'table', 'all'),
      routes6: routes6.filter(({ dst }) => !/^(fe80|ff00):/.test(dst)),
      rules: await json('rule', 'show'),
      neighbours: await json('neigh', 'show', 'nud', 'permanent'),
      proxies: await json('neigh', 'show', 'proxy'),
    };
  }

  /** How many rtnetlink sockets programs have here; the kernel's own have port 0. */
  async routeSockets(): Promise<number> {
    const [, ...lines] = (await this.read('/proc/net/netlink')).split('\n');
    const columns = lines.map((line) => line.trim().split(/\s+/));
    return columns.filter(([, protocol, port]) => protocol === '0' && port !== '0').length;
  }

  /**
   * A veth pair, made by `ip`: an Ethernet device to be the parent, its other end beside it. It makes
   * no IPv6 address of its own.
   */
  async parent(options: ParentOptions = {}): Promise<string> {
    const name = this.bed.uniqueName('p');
    const peer = this.bed.uniqueName('q');
    const { mtu = 1500, mac, up = true } = options;
    const own = mac === undefined ? '' : `address ${mac} `;
    const ends = [name, peer];
    // The mode first: `ip link set … addrgenmode none up` brings it up before it sets the mode.
    await this.ipBatch([
      `link add ${name} ${own}mtu ${mtu} type veth peer name ${peer} mtu ${mtu}`,
      ...ends.map((end) => `link set ${end} addrgenmode none`),
      ...(up ? ends.map((end) => `link set ${end} up`) : []),
    ]);
    if (this.name === null) this.bed.onCleanup(() => this.removeIfThere(name));
    if (up) await this.settled(...ends);
    return name;
  }

  /** A device without MACs, called tun0, in a namespace of the test's own; skips where none can be made. */
  async tun(skip: (why: string) => void): Promise<string> {
    const name = 'tun0';
    try {
      await this.ip('tuntap', 'add', 'mode', 'tun', 'name', name);
    } catch (error) {
      const forbidden = /Permission denied|No such file/;
      if (process.env.CI === 'true' || !forbidden.test(String(error))) throw error;
      skip('/dev/net/tun, which cannot be opened here');
    }
    return name;
  }

  /** Waits for links' operational state, which the kernel brings up to date some time later. */
  async settled(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      for (let turn = 0; (await this.link(name)).operstate !== 'UP'; turn++) {
        if (turn === 200) throw new Error(`'${name}' does not come up`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Deletes a link with `ip`, unless it is gone already. */
  private async removeIfThere(name: string): Promise<void> {
    if ((await this.names()).includes(name)) await this.ip('link', 'delete', name);
  }
}

/** What one test has made; see {@link useTestbed}. */
export class Testbed {
  readonly #cleanups: (() => Promise<unknown> | unknown)[] = [];
  #names = 0;

  /** A name for a link or a namespace that nobody else uses, of at most 15 bytes. */
  uniqueName(stem: string): string {
    return `${stem}${process.pid.toString(36)}x${(this.#names++).toString(36)}`;
  }

  /** What is to be done after the test; what was said last is done first. */
  onCleanup(work: () => Promise<unknown> | unknown): void {
    this.#cleanups.push(work);
  }

  /** A new namespace, made by `ip netns add`, with its loopback device up. */
  async makeNetns(): Promise<TestNetns> {
    const name = this.uniqueName('n');
    await output('ip', ['netns', 'add', name]);
    this.onCleanup(() => output('ip', ['netns', 'delete', name]));
    const netns = await Netns.open(name);
    this.onCleanup(() => netns.close());
    const host = new TestNetns(netns, name, this);
    await host.ip('link', 'set', 'lo', 'up');
    return host;
  }

  /** A namespace with a parent. */
  async makeHost(options?: ParentOptions): Promise<{ host: TestNetns; parent: string }> {
    const host = await this.makeNetns();
    return { host, parent: await host.parent(options) };
  }

  /** A namespace with a parent, and another one, which links go to. */
  async makeHostAndInside(): Promise<{ host: TestNetns; inside: TestNetns; parent: string }> {
    return { ...(await this.makeHost()), inside: await this.makeNetns() };
  }

  /** The process's own namespace, which other files may be using at the same time. */
  ownNetns(): TestNetns {
    return new TestNetns(Netns.current(), null, this);
  }

  /** A process that runs until the test is over, or until its standard input ends. */
  async background(host: TestNetns, command: string, ...args: readonly string[]) {
    const all = host.name === null ? [] : ['ip', 'netns', 'exec', host.name];
    const [file = '', ...rest] = [...all, command, ...args];
    const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const stop = async () => {
      child.stdin.end();
      await exited;
    };
    this.onCleanup(stop);
    await saysReady(child, exited);
    return { pid: child.pid as number, stop };
  }

  /** Undoes everything; what fails does not keep the rest from being undone. */
  async cleanUp(): Promise<void> {
    const errors: unknown[] = [];
    for (let work = this.#cleanups.pop(); work !== undefined; work = this.#cleanups.pop()) {
      try {
        await work();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'not everything was cleaned up');
  }
}

async function saysReady(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  const ready = once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data');
  const first = await Promise.race([ready, exited.then(() => null)]);
  if (first === null) throw new Error(`${child.spawnfile} ended before it was ready`);
}

/** A file of this folder, such as a script that a test runs. */
export function supportFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** A testbed for the file that calls it, at its top level; clean after every test. */
export function useTestbed(): Testbed {
  const bed = new Testbed();
  afterEach(() => bed.cleanUp());
  return bed;
}
