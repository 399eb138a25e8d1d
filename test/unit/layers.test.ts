// Dependencies point one way, between the folders of native/ and of lib/. Held by reading #include and import lines.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const filesIn = (folder: string, end: RegExp) =>
  readdirSync(join(root, folder))
    .filter((name) => end.test(name))
    .map((name) => `${folder}/${name}`);
const filesUnder = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
const matches = (path: string, pattern: RegExp) =>
  [...read(path).matchAll(pattern)].map((match) => match[1] ?? '');

describe('native/', () => {
  const mayInclude: Record<string, readonly string[]> = {
    wire: ['wire'],
    rtnl: ['rtnl', 'wire'],
    io: ['io', 'wire'],
    bulk: ['bulk', 'wire', 'rtnl', 'io'],
    node: ['node', 'wire', 'rtnl', 'io', 'bulk'],
  };
  // Node-API alone even in node/: with libuv's or V8's symbols one binary would not serve every Node.
  const forbidden = (layer: string) => {
    if (layer === 'node') return /^(node|node_(?!api).*|v8.*|uv)(\.h|\/)/;
    const engine = /^(napi.*|js_native_api.*|node.*|v8.*|uv)(\.h|\/)/;
    return layer === 'wire' ? new RegExp(`${engine.source}|^sys/socket\\.h$`) : engine;
  };

  test.each(Object.keys(mayInclude))('%s includes only what its layer may', (layer) => {
    const files = filesIn(`native/${layer}`, /\.(cc|h)$/);
    expect(files).not.toEqual([]);
    const allowed = (path: string) =>
      mayInclude[layer]?.includes(path.split('/')[0] ?? '') === true;
    const wrong = files.flatMap((file) => [
      ...matches(file, /^\s*#\s*include\s*"([^"]+)"/gm)
        .filter((path) => !allowed(path))
        .map((path) => `${file}: "${path}"`),
      ...matches(file, /^\s*#\s*include\s*<([^>]+)>/gm)
        .filter((path) => forbidden(layer).test(path))
        .map((path) => `${file}: <${path}>`),
    ]);
    expect(wrong).toEqual([]);
  });
});

describe('lib/', () => {
  // A folder, or a file that lies in none, imports only what stands above it here. `import type` counts, too.
  const layers = [
    'base',
    'values',
    'errors',
    'types',
    'records',
    'check',
    'addon.ts', // loads the addon
    'namespace',
    'diagnosis',
    'netns',
    'links',
    'inet',
    'creation',
    'watch',
    'tap',
    'netns.ts',
    'functions.ts', // Netns.current()'s methods as the module's functions
    'index.ts',
    'bench.ts', // the command line, which is not part of the package's exports
    'cli.ts',
  ];
  const layerOf = (file: string) => layers.indexOf(file.split('/')[1] ?? '');

  const files = filesUnder('lib');
  const importsOf = (file: string) =>
    matches(file, /^(?:import|export)\s[^;]*?from\s+'(\.[^']+)\.js'/gm).map(
      (path) => `${join(dirname(file), path)}.ts`,
    );

  test('every folder and file has its layer, and there is no layer without one', () => {
    const found = new Set(files.map((file) => file.split('/')[1]));
    expect([...found].sort()).toEqual([...layers].sort());
  });

  test('CONTRIBUTING has the folders in the order of their layers', () => {
    const listed = matches('CONTRIBUTING.md', /^lib\/(\w+(?:\.ts|(?=\/)))/gm);
    expect(listed).toEqual(layers.slice(0, layers.indexOf('netns.ts')));
  });

  test('files import only from lower layers and from their own', () => {
    const imported = files.flatMap((file) =>
      importsOf(file).map((target) => [file, target] as const),
    );
    expect(imported.length).toBeGreaterThan(files.length);
    expect(imported.filter(([file, target]) => layerOf(target) > layerOf(file))).toEqual([]);
  });

  test('there are no import cycles', () => {
    const reach = (start: string) => {
      const seen = new Set<string>();
      const queue = importsOf(start);
      for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
        if (seen.has(file) || !files.includes(file)) continue;
        seen.add(file);
        queue.push(...importsOf(file));
      }
      return seen;
    };
    expect(files.filter((file) => reach(file).has(file))).toEqual([]);
  });

  test('addon.ts alone loads the addon', () => {
    expect(files.filter((file) => read(file).includes('node-gyp-build'))).toEqual(['lib/addon.ts']);
  });

  test('the modules of Node whose exports load others are asked for by builtin.ts', () => {
    const costly =
      /^import\s+(?!type\b)[^;]*?from\s+'(node:(?:crypto|fs|net|util|worker_threads)|node:fs\/promises)';/gm;
    const ofThePackage = files.filter((file) => !/\/(bench|cli)\.ts$/.test(file));
    expect(ofThePackage.filter((file) => matches(file, costly).length > 0)).toEqual([]);
  });

  test('index.ts holds exports and nothing else', () => {
    const code = read('lib/index.ts').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    const statements = code.split(';').map((text) => text.trim());
    expect(statements.filter((text) => text !== '' && !/^export\b[^=(]*from '/.test(text))).toEqual(
      [],
    );
  });
});
