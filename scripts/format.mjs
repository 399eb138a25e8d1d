// npm run format: rewrites TypeScript, JavaScript, JSON and C++ in the project's style.
import { setup } from './setup.mjs';
import { unformattedCpp } from './support/clang-format.mjs';
import { passThrough } from './support/command.mjs';
import { runMain } from './support/main.mjs';
import { bin } from './support/project.mjs';

await runMain(async () => {
  await setup('tools');
  for (const file of await unformattedCpp(true)) process.stdout.write(`${file}\n`);
  return passThrough(process.execPath, [bin.biome, 'check', '--write', '.']);
}, 'npm run format: writes what Biome and clang-format would complain about.');
