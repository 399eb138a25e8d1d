// Copies of what a program passes in, which do not change when the program changes its objects.
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { linkNow, netnsNow, snapshot } from '../../lib/check/snapshot.js';

describe('a snapshot', () => {
  test('keeps what an object and its lists hold', () => {
    const options = { name: 'macv1', sources: ['02:00:00:00:00:01'], mtu: 1400 };
    const kept = snapshot(options);
    options.name = 'macv2';
    options.sources.length = 0;
    expect(kept).toEqual({ name: 'macv1', sources: ['02:00:00:00:00:01'], mtu: 1400 });
  });

  test('does not make options of what holds none', () => {
    const reason = AbortSignal.abort().reason;
    for (const other of [new Map(), new Set(), new Date(), new Error('no'), reason]) {
      expect(snapshot(other)).toBe(other);
    }
  });

  test('keeps a list', () => {
    const refs = [1, 2, 3];
    const kept = snapshot(refs);
    refs.length = 0;
    expect(kept).toEqual([1, 2, 3]);
  });

  test('keeps the objects that are options', () => {
    const options = { parent: { index: 3 }, peer: { name: 'macv1', netns: { pid: 1 } } };
    const kept = snapshot(options);
    options.parent.index = 4;
    options.peer.name = 'macv2';
    options.peer.netns.pid = 2;
    expect(kept).toEqual({ parent: { index: 3 }, peer: { name: 'macv1', netns: { pid: 1 } } });
  });

  test('keeps the object itself where its identity matters', () => {
    const { signal } = new AbortController();
    expect(snapshot({ signal }).signal).toBe(signal);
    // Neither is options, and whoever looks at them is to see what it is.
    for (const thing of [signal, Promise.resolve(), new Set(['x'])])
      expect(snapshot(thing)).toBe(thing);
    for (const thing of ['macv1', 7, true, null, undefined]) expect(snapshot(thing)).toBe(thing);
  });

  test('keeps objects that have no prototype', () => {
    const peer = Object.assign(Object.create(null), { name: 'macv1' });
    const kept = snapshot({ peer });
    peer.name = 'macv2';
    expect(kept.peer.name).toBe('macv1');
  });

  test('keeps the options of an object of another realm, as in test runners and sandboxes', () => {
    const code = "({ name: 'macv1', sources: ['02:00:00:00:00:01'], peer: { name: 'macv1' } })";
    const options = runInNewContext(code);
    const kept = snapshot(options);
    options.name = 'macv2';
    options.sources.length = 0;
    options.peer.name = 'macv2';
    const { name, sources, peer } = kept;
    expect([name, [...sources], peer.name]).toEqual(['macv1', ['02:00:00:00:00:01'], 'macv1']);
    const promise = runInNewContext('Promise.resolve()');
    expect(snapshot(promise)).toBe(promise);
  });

  test('keeps the options of a class instance, also those of accessors', () => {
    class Options {
      #name = 'macv1';
      readonly sources = ['02:00:00:00:00:01'];
      mtu = 1400;
      get name(): string {
        return this.#name;
      }
      rename(name: string): void {
        this.#name = name;
      }
    }
    const options = new Options();
    const kept = snapshot(options);
    options.rename('macv2');
    options.mtu = 1500;
    options.sources.length = 0;
    expect(kept.name).toBe('macv1');
    expect(kept.mtu).toBe(1400);
    expect(kept.sources).toEqual(['02:00:00:00:00:01']);
    // As in the class: an accessor for something else than an option is no unknown option.
    expect(Object.keys(kept)).toEqual(['sources', 'mtu']);
    // A method is no option, and the check looks at accessors only where the object is not a plain one.
    expect(kept.rename).toBeUndefined();
    expect(Object.getPrototypeOf(kept)).not.toBe(Object.prototype);
  });

  test('keeps what the accessors of an instance’s class and of its base class give', () => {
    const list = ['02:00:00:00:00:01'];
    const peer = { name: 'macv1' };
    class Base {
      get peer(): { name: string } {
        return { name: 'base' };
      }
      get sources(): string[] {
        return list;
      }
    }
    class Options extends Base {
      override get peer(): { name: string } {
        return peer;
      }
    }
    const kept = snapshot(new Options());
    list.length = 0;
    peer.name = 'macv2';
    expect(kept.peer.name).toBe('macv1');
    expect(kept.sources).toEqual(['02:00:00:00:00:01']);
  });

  test('keeps the options of an instance whose class is of another realm', () => {
    const options = runInNewContext("new (class { get name() { return 'macv1'; } })()");
    expect(snapshot(options).name).toBe('macv1');
  });

  test('ends at objects that contain themselves', () => {
    const options: { inner?: object } = {};
    options.inner = options;
    expect(snapshot(options)).toHaveProperty('inner.inner.inner');
  });
});

describe('a reference to a link', () => {
  test('is copied', () => {
    const link = { index: 3, name: 'macv1', netns: 7, mtu: 1500 };
    const kept = linkNow(link);
    link.index = 4;
    expect(kept).toEqual({ index: 3, name: 'macv1', netns: 7 });
    for (const plain of ['macv1', 3]) expect(linkNow(plain)).toBe(plain);
  });

  test('stays invalid where it is', () => {
    for (const wrong of [null, undefined, [], {}, { name: 'macv1' }]) {
      expect(linkNow(wrong as never)).toBe(wrong);
    }
    expect(linkNow({ index: 'three' } as never)).toEqual({ index: 'three' });
  });
});

test('a reference to a namespace is copied', () => {
  const ref = { pid: 1 };
  const kept = netnsNow(ref);
  ref.pid = 2;
  expect(kept).toEqual({ pid: 1 });
  expect(netnsNow('net1')).toBe('net1');
  expect(netnsNow('/run/netns/net1')).toBe('/run/netns/net1');
  // The program may go to another directory (process.chdir).
  expect(netnsNow('./net1')).toBe(`${process.cwd()}/./net1`);
  expect(snapshot({ netns: '../a', peer: { netns: 'b/c' }, name: './x' })).toEqual({
    netns: `${process.cwd()}/../a`,
    peer: { netns: `${process.cwd()}/b/c` },
    name: './x',
  });
  // What it is open by, such as its descriptor, may be an accessor's: it is handed on as it is.
  class Netns {
    get fd(): number {
      return 7;
    }
  }
  const netns = new Netns();
  expect(netnsNow(netns)).toBe(netns);
});

test('a relative path stays as it is where the working directory has been removed', () => {
  const before = process.cwd();
  const gone = mkdtempSync(join(tmpdir(), 'macvlan-netlink-test-'));
  try {
    process.chdir(gone);
    rmdirSync(gone);
    expect(() => process.cwd()).toThrow('ENOENT');
    expect(netnsNow('./net1')).toBe('./net1');
    expect(snapshot({ netns: '../net1' })).toEqual({ netns: '../net1' });
  } finally {
    process.chdir(before);
  }
});
