// The tables in C++ and the records in TypeScript describe the same things: here they are
// compared.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { addon } from '../../lib/addon.js';
import { Refusal } from '../../lib/errors/refusal.js';
import {
  makeLink,
  makeLinkIndex,
  makeNetnsid,
  otherMacvlanFlags,
} from '../../lib/records/records.js';
import { makeAddress, makeNeighbour, makeRoute, makeRule } from '../../lib/records/recordsInet.js';
import type { MacvlanInfo } from '../../lib/types/types.js';
import { root } from '../support/package.js';

type RecordName = keyof typeof addon.answers;

const factories = {
  link: makeLink,
  linkIndex: makeLinkIndex,
  address: makeAddress,
  route: makeRoute,
  rule: makeRule,
  neighbour: makeNeighbour,
  netnsid: makeNetnsid,
} as const satisfies Record<RecordName, unknown>;
const interfaces = {
  link: 'LinkRecord',
  linkIndex: 'LinkIndexRecord',
  address: 'AddressRecord',
  route: 'RouteRecord',
  rule: 'RuleRecord',
  neighbour: 'NeighbourRecord',
  netnsid: 'NetnsidRecord',
} satisfies Record<RecordName, string>;
const records = Object.keys(factories) as RecordName[];

function parametersOf(factory: (...columns: never[]) => unknown): string[] {
  const list = /\(([^)]*)\)/.exec(String(factory))?.[1] ?? '';
  return list
    .split(',')
    .map((name) => name.trim().replace(/^_/, ''))
    .filter((name) => name !== '');
}

/** Parameters whose name is more precise than their column's. */
const RENAMED: Readonly<Record<string, string>> = {
  'info.macvlan.macAddresses': 'macvlanSources',
  'address.index': 'linkIndex',
};

/** The name of a column's parameter: the column's own, or with its record in front if there is such a parameter. */
function nameFor(record: string, column: string, parameters: readonly string[]): string {
  const renamed = RENAMED[column] ?? RENAMED[`${record}.${column}`];
  if (renamed !== undefined) return renamed;
  const [last = '', outer = ''] = column.split('.').reverse();
  const long = outer + last.charAt(0).toUpperCase() + last.slice(1);
  return parameters.includes(long) ? long : last;
}

describe('answers', () => {
  test.each(records)('the columns of a %s come in the order of its factory', (record) => {
    const [netns, ...parameters] = parametersOf(factories[record]);
    expect(netns).toBe('netns');
    const names = addon.answers[record].map((column) => nameFor(record, column, parameters));
    expect(parameters).toEqual(names);
  });
});

test('each counter of a link has its own name, however large it is', () => {
  // struct rtnl_link_stats64 (linux/if_link.h), as far as it is given.
  const names = ['rxPackets', 'txPackets', 'rxBytes', 'txBytes', 'rxErrors', 'txErrors'];
  names.push('rxDropped', 'txDropped', 'multicast', 'collisions');
  const counters = names.map((_, at) => (at % 2 === 0 ? at + 1 : 2 ** 32 * (at + 1) + at));
  const columns = addon.answers.link.map((column) =>
    column === 'stats' ? new Float64Array(counters) : undefined,
  );
  const { stats } = makeLink(...([1, ...columns] as never as Parameters<typeof makeLink>));
  expect(stats).toEqual(Object.fromEntries(names.map((name, at) => [name, counters[at]])));
});

test('values that are newer than the package are given as numbers, and not as known ones', () => {
  const newer: Readonly<Record<string, number>> = {
    flags: 0x80041,
    operState: 8,
    'families.inet6.addrGenMode': 4,
    'info.macvlan.mode': 32,
    'info.macvlan.flags': 6,
    'info.vlan.id': 5,
    'info.vlan.protocol': 0x9100,
  };
  const columns = addon.answers.link.map((column) => newer[column]);
  const link = makeLink(...([1, ...columns] as never as Parameters<typeof makeLink>));
  expect(link).toMatchObject({
    flags: ['UP', '80000'],
    operState: '8',
    addrGenMode: '4',
    macvlan: { mode: '32', nodst: true, nopromisc: false },
    vlan: { id: 5, protocol: '37120' },
  });
  expect(otherMacvlanFlags(link.macvlan as MacvlanInfo)).toBe(4);
});

const macvlanColumns = addon.answers.link.filter((column) => column.startsWith('info.macvlan.'));

test.each(macvlanColumns)('links that differ in %s do not share one macvlan object', (differs) => {
  const make = (value: number) => {
    const columns = addon.answers.link.map((column) => {
      if (column === differs) return value;
      return macvlanColumns.includes(column) ? 1 : undefined;
    });
    return makeLink(...([1, ...columns] as never as Parameters<typeof makeLink>)).macvlan;
  };
  expect(make(3)).toBe(make(3));
  expect(make(3)).not.toEqual(make(2));
});

type Columns = (typeof addon.requests)[keyof typeof addon.requests];

/** The files with the interfaces that correspond to the tables. */
const statements = ['lib/records/requests.ts', 'lib/addon.ts'].flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true).statements;
});

function membersOf(name: string): readonly ts.TypeElement[] {
  const found = statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  if (found === undefined) throw new Error(`no interface ${name} is declared`);
  return found.members;
}

function fieldsOf(members: readonly ts.TypeElement[]): ts.PropertySignature[] {
  return members.filter(ts.isPropertySignature);
}

const nameOf = (field: ts.PropertySignature) => field.name.getText();

/** The members of a record inside a record; `undefined` for a value. */
function innerOf(type: ts.TypeNode | undefined): readonly ts.TypeElement[] | undefined {
  if (type === undefined) return undefined;
  if (ts.isUnionTypeNode(type)) {
    return type.types.map(innerOf).find((members) => members !== undefined);
  }
  if (ts.isTypeLiteralNode(type)) return type.members;
  if (ts.isTypeOperatorNode(type)) return innerOf(type.type);
  if (ts.isArrayTypeNode(type)) return innerOf(type.elementType);
  if (!ts.isTypeReferenceNode(type)) return undefined;
  const name = type.typeName.getText();
  return name.endsWith('Record') ? membersOf(name) : undefined;
}

/** The paths of fields without a column, or whose column does not fit a record inside a record. */
function missing(fields: readonly ts.PropertySignature[], columns: Columns, path: string) {
  const names: string[] = [];
  for (const field of fields) {
    const here = `${path}.${nameOf(field)}`;
    const column = columns[nameOf(field)];
    const inner = innerOf(field.type);
    if (column === undefined || (inner === undefined) !== (column[1] === undefined)) {
      names.push(here);
    } else if (inner !== undefined && typeof column[1] === 'object') {
      names.push(...missing(fieldsOf(inner), column[1], here));
    }
  }
  return names;
}

describe('requests', () => {
  test.each(records)('every field of a %s has a column', (record) => {
    const name = interfaces[record];
    const fields = fieldsOf(membersOf(name));
    expect(fields).not.toEqual([]);
    expect(missing(fields, addon.requests[record], name)).toEqual([]);
  });

  describe('that do not fit are refused by the addon', () => {
    const link = addon.requests.link;
    const column = (name: string, of: Columns = link) => of[name]?.[0] as number;
    const inner = (name: string, of: Columns = link) => of[name]?.[1] as Columns;
    const macvlan = inner('macvlan', inner('info'));
    const submit = (...step: unknown[]) => {
      const netns = addon.openOwnNamespace();
      if (netns instanceof Refusal) throw netns;
      // Each is a reading: should one be taken, nothing changes.
      const [getLink] = addon.operations.getLink;
      return () => netns.submit(1, step.length > 1 ? step : [getLink, 0, ...step]);
    };

    test.each<[string, unknown[]]>([
      ['a column that is not there', [Object.keys(link).length, 1]],
      ['a text for a number', [column('index'), '1']],
      ['a fraction', [column('index'), 1.5]],
      ['a number with too many bits', [column('index'), 2 ** 31]],
      ['a number below zero', [column('mtu'), -1]],
      ['a number for a text', [column('name'), 1]],
      ['an array for bytes', [column('mac'), [2, 0, 0, 0, 0, 1]]],
      ['wider numbers for bytes', [column('mac'), new Uint16Array(6)]],
      ['more bytes than an address has', [column('mac'), new Uint8Array(33)]],
      ['a number for a record', [column('info'), 1]],
      [
        'a list with something else in it',
        [
          column('info'),
          [column('macvlan', inner('info')), [column('macAddresses', macvlan), [1]]],
        ],
      ],
      ['a text that no message has room for', [column('alias'), 'a'.repeat(2 ** 16)]],
    ])('%s', (_, record) => {
      expect(submit(record)).toThrow(TypeError);
    });

    test('a request of a namespace that is closed', () => {
      const netns = addon.openOwnNamespace();
      if (netns instanceof Refusal) throw netns;
      netns.close();
      expect(() => netns.submit(1, [])).toThrow('closed');
    });

    test('an operation that is not there', () => {
      const count = Object.keys(addon.operations).length;
      expect(submit(count, 0, [])).toThrow(TypeError);
    });
  });

  test('every operation has a number of its own', () => {
    const names = fieldsOf(membersOf('Operations')).map(nameOf);
    expect(Object.keys(addon.operations).sort()).toEqual(names.sort());
    const numbers = Object.values(addon.operations).map(([number]) => number);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
