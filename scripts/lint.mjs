// npm run lint: Biome, clang-format and the types of everything that tsc does not compile into dist/.
import { setup } from './setup.mjs';
import { unformattedCpp } from './support/clang-format.mjs';
import { Failure, Interrupted } from './support/failure.mjs';
import { runMain } from './support/main.mjs';
import { bin } from './support/project.mjs';
import { commandStep, step } from './support/step.mjs';

await runMain(async () => {
  await setup('tools');
  const node = (title, ...args) => commandStep(title, process.execPath, args);
  const checks = [
    () => node('Biome', bin.biome, 'check', '--error-on-warnings', '.'),
    () => node('Types of the tests', bin.tsc, '-p', 'test/tsconfig.json'),
    () => node('Types of the scripts', bin.tsc, '-p', 'scripts/tsconfig.json'),
    () =>
      step('clang-format', async () => {
        const files = await unformattedCpp(false);
        if (files.length > 0) {
          throw new Failure(`Not formatted (npm run format does it):\n  ${files.join('\n  ')}`);
        }
      }),
  ];
  let failed = 0;
  for (const check of checks) {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof Failure) || error instanceof Interrupted) throw error;
      process.stderr.write(`${error.message}\n`);
      failed += 1;
    }
  }
  return failed > 0 ? 1 : 0;
}, 'npm run lint: Biome, clang-format, and the types of the tests and scripts.');
