import { defineConfig } from 'vitest/config';

const suite = (name: string) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`] },
});

/** How many times slower than usual things may be: in an emulated machine they are. */
const slowness = Number(process.env.MACVLAN_NETLINK_SLOWNESS ?? 1);

export default defineConfig({
  test: {
    // One process a file: an addon's threads and a thread's namespace are not undone by a Worker's end.
    pool: 'forks',
    testTimeout: 180_000 * slowness,
    hookTimeout: 180_000 * slowness,
    projects: [
      suite('unit'),
      suite('addon'),
      suite('package'),
      suite('integration'),
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: 'test/tsconfig.json',
          },
        },
      },
    ],
  },
});
