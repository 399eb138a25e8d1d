/** What the types of results let a program do without a cast. */
import { describe, expectTypeOf, test } from 'vitest';
import type {
  Address,
  LevelEvent,
  LevelWatchOptions,
  Link,
  LinkOfKind,
  LinkRef,
  MacvlanInfo,
  MacvlanLink,
  MacvlanMode,
  MacvtapLink,
  ModuleState,
  NetlinkError,
  NetlinkEvent,
  Netns,
  Route,
  Support,
  Tap,
  Watch,
  WatchOptions,
} from '../../lib/index.js';
import {
  createLink,
  createMacvlan,
  createMacvtap,
  isNetlinkError,
  watch,
} from '../../lib/index.js';

declare const link: Link;
declare const created: MacvlanLink | MacvtapLink;
declare const event: NetlinkEvent;
declare const netns: Netns;
declare const tap: Tap;
declare const caught: unknown;

describe('links', () => {
  test('a macvlan is a link with fields of its own', () => {
    expectTypeOf<MacvlanLink>().toExtend<Link>();
    expectTypeOf<MacvtapLink>().toExtend<Link>();
    expectTypeOf<Link>().not.toExtend<MacvlanLink>();
    expectTypeOf<MacvlanLink>().not.toExtend<MacvtapLink>();
    expectTypeOf<MacvlanLink['macvlan']>().toEqualTypeOf<MacvlanInfo>();
    expectTypeOf<MacvlanInfo['mode']>().toEqualTypeOf<MacvlanMode>();
  });

  test('kind distinguishes macvlan and macvtap', () => {
    if (created.kind === 'macvlan') expectTypeOf(created).toEqualTypeOf<MacvlanLink>();
    else expectTypeOf(created).toEqualTypeOf<MacvtapLink>();
    expectTypeOf<LinkOfKind<'macvlan'>>().toEqualTypeOf<MacvlanLink>();
    expectTypeOf<LinkOfKind<'macvtap'>>().toEqualTypeOf<MacvtapLink>();
    expectTypeOf<LinkOfKind<'veth'>>().toEqualTypeOf<Link>();
  });

  test('a new link has the type of its kind', () => {
    expectTypeOf(createMacvlan).returns.resolves.toEqualTypeOf<MacvlanLink>();
    expectTypeOf(createMacvtap).returns.resolves.toEqualTypeOf<MacvtapLink>();
    const macvlan = createLink({ kind: 'macvlan', parent: 3, mode: 'bridge' });
    expectTypeOf(macvlan).resolves.toEqualTypeOf<MacvlanLink>();
    const macvtap = createLink({ kind: 'macvtap', parent: 3 });
    expectTypeOf(macvtap).resolves.toEqualTypeOf<MacvtapLink>();
    expectTypeOf(createLink({ kind: 'veth' })).resolves.toEqualTypeOf<Link>();
  });

  test('macvlan of a link of unknown kind must be checked before it is used', () => {
    // @ts-expect-error: may be a link of another kind
    link.macvlan.mode;
    if (link.macvlan !== undefined) expectTypeOf(link.macvlan).toEqualTypeOf<MacvlanInfo>();
  });

  test('a link can be used as a reference, and is read-only', () => {
    expectTypeOf<Link>().toExtend<LinkRef>();
    // @ts-expect-error: a result
    link.mtu = 1400;
    // @ts-expect-error: a result
    link.altNames.push('a');
    // @ts-expect-error: a result
    created.macvlan.mode = 'bridge';
  });
});

describe('events', () => {
  test('type distinguishes them', () => {
    if (event.type === 'link') expectTypeOf(event.link).toEqualTypeOf<Link>();
    else if (event.type === 'address') expectTypeOf(event.address).toEqualTypeOf<Address>();
    else if (event.type === 'route') expectTypeOf(event.route).toEqualTypeOf<Route>();
    else expectTypeOf(event).toEqualTypeOf<{ readonly type: 'resync' }>();
    // @ts-expect-error: not of every event
    event.link;
  });

  test('only a removed link was moved elsewhere', () => {
    if (event.type !== 'link') return;
    if (event.action === 'removed') {
      expectTypeOf(event.movedTo).toEqualTypeOf<
        { readonly netnsid: number; readonly index: number } | undefined
      >();
    } else {
      // @ts-expect-error: it is still there
      event.movedTo;
    }
  });

  test('a switch over them can be exhaustive', () => {
    switch (event.type) {
      case 'link':
      case 'address':
      case 'route':
      case 'resync':
        break;
      default:
        expectTypeOf(event).toBeNever();
    }
  });

  test('the event level comes only from a watch that may have the option level', () => {
    expectTypeOf(watch()).toEqualTypeOf<Watch>();
    expectTypeOf(watch({ initial: true })).toEqualTypeOf<Watch>();
    expectTypeOf(watch({} as WatchOptions)).toEqualTypeOf<Watch>();
    const withLevel = expectTypeOf<Watch<NetlinkEvent | LevelEvent>>();
    withLevel.toEqualTypeOf(watch({ level: true }));
    withLevel.toEqualTypeOf(watch({ level: Math.random() > 0.5 }));
    withLevel.toEqualTypeOf(netns.watch({ level: true }));
    withLevel.toEqualTypeOf(netns.watch({} as { level?: boolean }));
    withLevel.toEqualTypeOf(netns.watch({} as LevelWatchOptions));
    expectTypeOf(netns.watch({ level: undefined })).toEqualTypeOf<Watch>();
    expectTypeOf(netns.watch({ routes: true })).toEqualTypeOf<Watch>();
  });
});

describe('taps', () => {
  test('a frame is a Buffer', async () => {
    for await (const frame of tap) expectTypeOf(frame).toEqualTypeOf<Buffer>();
    tap.on('data', (frame) => expectTypeOf(frame).toEqualTypeOf<Buffer>());
  });

  test('a listener knows what it gets, and can be chained', () => {
    const listening = tap.once('frameError', (error, frame) => {
      expectTypeOf(error).toEqualTypeOf<NetlinkError>();
      expectTypeOf(frame).toEqualTypeOf<Uint8Array>();
    });
    expectTypeOf(listening).toEqualTypeOf<Tap>();
    tap.on('close', () => {}).on('error', (error) => error.message);
    tap.once('pipe', (source) => source.unpipe());
    tap.pipe(tap);
  });
});

describe('errors and support', () => {
  test('the guard gives the error its type, and the code its literal', () => {
    if (isNetlinkError(caught)) {
      expectTypeOf(caught).toExtend<NetlinkError>();
      expectTypeOf(caught.code).toEqualTypeOf<string>();
      expectTypeOf(caught.errno).toEqualTypeOf<number>();
      expectTypeOf(caught.hint).toEqualTypeOf<string | undefined>();
    }
    if (isNetlinkError(caught, 'EEXIST')) expectTypeOf(caught.code).toExtend<'EEXIST'>();
    // @ts-expect-error: not looked at yet
    caught.code;
  });

  test('a module is in one of four states', () => {
    expectTypeOf<Support['macvlan']>().toEqualTypeOf<ModuleState>();
    expectTypeOf<ModuleState>().toEqualTypeOf<'builtin' | 'loaded' | 'loadable' | 'missing'>();
    expectTypeOf<Support['features']['nodst']>().toEqualTypeOf<boolean>();
  });
});
