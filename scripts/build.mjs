// npm run build: the addon and dist/, with everything that they need.
import { setup } from './setup.mjs';
import { runMain } from './support/main.mjs';

await runMain(
  () => setup('package'),
  'npm run build: the addon (build/Release) and dist/, with everything that they need.',
);
