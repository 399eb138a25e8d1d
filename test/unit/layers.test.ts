// Dependencies point one way. Held by reading #include and import lines:
//   wire <- rtnl, wire <- io, {rtnl, io} <- bulk, all <- node
//   values, errors, types, … <- addon.ts <- native.ts <- the services <- netns.ts <- functions.ts <- index.ts
//   index.ts <- bench.ts <- cli.ts
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const filesIn = (folder: string, end: RegExp) =>
  readdirSync(join(root, folder))
    .filter((name) => end.test(name))
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
  const levels = [
    [
      'abort',
      'types',
      'options',
      'optionsCommon',
      'optionsInet',
      'optionsListed',
      'results',
      'resultsInet',
      'values',
      'builtin',
      'ip',
      'mac',
      'names',
      'errors',
      'check',
      'checkValues',
      'checkAddresses',
      'checkLinks',
      'checkNeighbours',
      'checkRoutes',
      'checkRules',
      'flags',
      'ids',
      'kernelVersion',
      'listed',
      'news',
      'noAddon',
      'records',
      'refusal',
      'recordsInet',
      'requests',
      'ruleRecord',
      'turn',
    ],
    ['addon'],
    ['native', 'random'],
    [], // the services: every file not named here
    ['netns'],
    ['functions'], // Netns.current()'s methods as the module's functions
    ['index'],
    ['bench'], // the command line, which is not part of the package's exports
    ['cli'],
  ];
  const services = 3;
  const levelOf = (file: string) => {
    const name = file.replace(/^lib\//, '').replace(/\.ts$/, '');
    const level = levels.findIndex((names) => names.includes(name));
    return level === -1 ? services : level;
  };

  const files = filesIn('lib', /\.ts$/);
  const importedBy = (pattern: RegExp) => (file: string) =>
    matches(file, pattern).map((name) => `lib/${name}.ts`);
  // What is left of an import at run time: `import type` is not, and may point upward.
  const imports = importedBy(/^(?:import|export)\s+(?!type\b)[^;]*?from\s+'\.\/([^']+)\.js'/gm);
  const importsOfTypesToo = importedBy(/^(?:import|export)\s[^;]*?from\s+'\.\/([^']+)\.js'/gm);

  test('files import only from lower layers, or services from services', () => {
    const upward = files.flatMap((file) =>
      imports(file)
        .filter((target) => levelOf(target) > levelOf(file))
        .map((target) => `${file} -> ${target}`),
    );
    expect(upward).toEqual([]);
  });

  test('there are no import cycles, of types neither', () => {
    const reach = (start: string) => {
      const seen = new Set<string>();
      const queue = importsOfTypesToo(start);
      for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
        if (seen.has(file) || !files.includes(file)) continue;
        seen.add(file);
        queue.push(...importsOfTypesToo(file));
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
