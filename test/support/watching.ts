/** Readers of `watch`, and what they should know by then according to `ip`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { expect, vi } from 'vitest';
import type { Watch } from '../../lib/index.js';
import type { Address, Link, NetlinkEvent, Route } from '../../lib/types/types.js';
import { type IpRoute, TABLES } from './inet.js';
import type { IpAddress, IpLink, Testbed, TestNetns } from './testbed.js';

/** An event in short: `'added eth0'`, `'removed 192.0.2.1/24'`, `'resync'`. */
export function describeEvent(event: NetlinkEvent): string {
  if (event.type === 'resync') return 'resync';
  if (event.type === 'link') return `${event.action} ${event.link.name}`;
  if (event.type === 'address') return `${event.action} ${event.address.cidr}`;
  return `${event.action} ${event.route.to}`;
}

function keyOf(event: Exclude<NetlinkEvent, { type: 'resync' }>): string | number {
  if (event.type === 'link') return event.link.index;
  if (event.type === 'route') return JSON.stringify(event.route);
  const { linkIndex, address, family, cidr, peer } = event.address;
  return family === 'IPv6' ? `${linkIndex} ${address}` : `${linkIndex} ${cidr} ${peer}`;
}

/** Reads a watch to its end, applies every event, and notes those that contradict what it knows. */
export class Reader {
  readonly events: NetlinkEvent[] = [];
  readonly links = new Map<number, Link>();
  readonly addresses = new Map<string, Address>();
  readonly routes = new Map<string, Route>();
  /** Events that cannot be true: something was added that was there, or changed or removed that was not. */
  readonly contradictions: string[] = [];
  /** Settles as the iteration does. */
  readonly ended: Promise<void>;

  /** `knowing`: the links that the program knew when it began to watch. */
  constructor(
    readonly watch: Watch,
    {
      knowing = [] as readonly Link[],
      onEvent = (_event: NetlinkEvent): unknown => undefined,
    } = {},
  ) {
    for (const link of knowing) this.links.set(link.index, link);
    this.ended = this.#read(onEvent);
    // A test that does not await `ended` fails at what it waits for instead.
    this.ended.catch(() => {});
  }

  async #read(onEvent: (event: NetlinkEvent) => unknown): Promise<void> {
    for await (const event of this.watch) {
      this.events.push(event);
      this.#apply(event);
      const wait = onEvent(event);
      if (wait instanceof Promise) await wait;
    }
  }

  #apply(event: NetlinkEvent): void {
    if (event.type === 'resync') return;
    const known = { link: this.links, address: this.addresses, route: this.routes }[
      event.type
    ] as Map<string | number, unknown>;
    const key = keyOf(event);
    if (known.has(key) !== (event.action !== 'added')) {
      this.contradictions.push(`${describeEvent(event)} (${key})`);
    }
    if (event.action === 'removed') known.delete(key);
    else known.set(key, event[event.type as never]);
  }

  /** The events so far, in short. */
  get reports(): string[] {
    return this.events.map(describeEvent);
  }

  /** The reports that contain a text. */
  about(text: string): string[] {
    return this.reports.filter((report) => report.includes(text));
  }

  /** Waits for an event, given in short. */
  async waitFor(report: string): Promise<void> {
    await vi.waitFor(() => expect(this.reports).toContain(report), PATIENCE);
  }

  /** Waits until everything that has happened so far has been reported. */
  async caughtUp(host: TestNetns, name: string): Promise<void> {
    await host.ip('link', 'add', name, 'type', 'bridge');
    await this.waitFor(`added ${name}`);
    await host.ip('link', 'delete', name);
    await this.waitFor(`removed ${name}`);
  }

  /** Waits until it knows exactly what `ip` shows; otherwise fails with the difference. */
  async matches(host: TestNetns, { addresses = false, routes = false } = {}): Promise<void> {
    await vi.waitFor(async () => {
      const shown = await shownBy(host, { addresses, routes });
      expect({
        links: this.shownLinks,
        ...(addresses ? { addresses: this.shownAddresses } : {}),
        ...(routes ? { routes: this.shownRoutes } : {}),
      }).toEqual(shown);
    }, PATIENCE);
  }

  #name(index: number | null): string {
    return index === null ? '-' : (this.links.get(index)?.name ?? `unknown link ${index}`);
  }

  get shownLinks(): string[] {
    return [...this.links.values()]
      .map(({ index, name, flags, mtu, mac, master, operState }) => {
        const on = this.#name(master);
        return `${index} ${name} ${mtu} ${mac} ${on} ${operState} ${[...flags].sort()}`;
      })
      .sort();
  }

  get shownAddresses(): string[] {
    return [...this.addresses.values()]
      .map(({ linkIndex, address, prefixLength, peer, scope }) => {
        return `${this.#name(linkIndex)} ${address}/${prefixLength} ${peer} ${scope}`;
      })
      .sort();
  }

  get shownRoutes(): string[] {
    return [...this.routes.values()]
      .map(({ type, to, table, protocol, metric, source, nextHops, via, link }) => {
        const hops = nextHops.length > 0 ? nextHops : [{ via, link }];
        const ways = hops.map((hop) => `${hop.via ?? '-'} ${this.#name(hop.link)}`).sort();
        const prefix = to.replace(/(?<=\..*)\/32$|\/128$/, '');
        return `${type} ${prefix} ${table} ${protocol} ${metric} ${source} ${ways}`;
      })
      .sort();
  }
}

/** Long enough for a machine that is busy with other things. */
export const PATIENCE = { timeout: 40_000, interval: 20 };

async function shownBy(host: TestNetns, wanted: { addresses: boolean; routes: boolean }) {
  const json = async <T>(...args: string[]) => {
    return JSON.parse((await host.ip('-j', '-d', ...args)) || '[]') as T[];
  };
  const links = (await json<IpLink>('link', 'show'))
    .map(({ ifindex, ifname, flags, mtu, address, master = '-', operstate }) => {
      const state = operstate.toLowerCase();
      // `ip` derives this one from the state of the link below.
      const real = flags.filter((flag) => flag !== 'M-DOWN').sort();
      return `${ifindex} ${ifname} ${mtu} ${address} ${master} ${state} ${real}`;
    })
    .sort();
  type Shown = IpLink & { addr_info: IpAddress[] };
  const addresses = !wanted.addresses
    ? []
    : (await json<Shown>('address', 'show')).flatMap(({ ifname, addr_info }) =>
        addr_info.map(({ local, prefixlen, scope, address = null }) => {
          return `${ifname} ${local}/${prefixlen} ${address} ${scope}`;
        }),
      );
  const routes = !wanted.routes
    ? []
    : (await json<IpRoute>('route', 'show', 'table', 'all')).map(
        ({ type, dst, table, protocol, metric = 0, prefsrc = null, ...way }) => {
          const hops = way.nexthops ?? [{ gateway: way.gateway ?? way.via?.host, dev: way.dev }];
          const ways = hops.map((hop) => `${hop.gateway ?? '-'} ${hop.dev ?? '-'}`).sort();
          const number = TABLES[table] ?? Number(table);
          return `${type} ${dst} ${number} ${protocol} ${metric} ${prefsrc} ${ways}`;
        },
      );
  return {
    links,
    ...(wanted.addresses ? { addresses: addresses.sort() } : {}),
    ...(wanted.routes ? { routes: routes.sort() } : {}),
  };
}

/** Starts `ip monitor link` in a namespace, for other objects as well, and waits until it really listens. */
export async function monitorLinks(host: TestNetns, bed: Testbed, ...others: readonly string[]) {
  const child = spawn('ip', ['-n', `${host.name}`, '-o', 'monitor', 'link', ...others], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  bed.onCleanup(async () => {
    child.kill();
    await exited;
  });
  const sees = async (name: string) => {
    await vi.waitFor(() => expect(output).toMatch(new RegExp(`: ${name}[:@]`)), PATIENCE);
  };
  const first = bed.uniqueName('z');
  await vi.waitFor(async () => {
    await host.ip('link', 'add', first, 'type', 'bridge');
    await host.ip('link', 'delete', first);
    expect(output).toContain(`: ${first}:`);
  }, PATIENCE);
  return {
    sees,
    output: () => output,
    /** The names of the links that it saw deleted. */
    deleted: () =>
      output
        .split('\n')
        .filter((line) => line.startsWith('Deleted') && !line.includes(' master '))
        .map((line) => /^Deleted \d+: ([^:@]+)/.exec(line)?.[1])
        .filter((name) => name !== first),
  };
}

/** The inodes of the sockets that this process has open. */
function ownSockets(): Set<string> {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // The descriptor that readdirSync used is closed by now.
    }
  });
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

/** This process's sockets for events in a namespace: those that are subscribed to multicast groups. */
export async function eventSockets(host: TestNetns): Promise<string[]> {
  const own = ownSockets();
  return (await host.read('/proc/net/netlink'))
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, protocol, , groups]) => protocol === '0' && Number.parseInt(groups ?? '', 16) !== 0)
    .map((columns) => columns.at(-1) ?? '')
    .filter((inode) => own.has(inode));
}

/** Those of the sockets that are still open. */
export function stillOpen(inodes: readonly string[]): string[] {
  const own = ownSockets();
  return inodes.filter((inode) => own.has(inode));
}

/** How many descriptors of every kind are open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
