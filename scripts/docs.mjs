// npm run docs: the API pages in docs/api; an export without a doc comment is an error.
import { setup } from './setup.mjs';
import { runMain } from './support/main.mjs';
import { bin } from './support/project.mjs';
import { commandStep } from './support/step.mjs';

await runMain(async () => {
  await setup('tools');
  await commandStep('Writing docs/api', process.execPath, [bin.typedoc]);
}, 'npm run docs: the API pages in docs/api; an export without a doc comment is an error.');
