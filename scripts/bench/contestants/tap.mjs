// The program that the tap workloads run, for the limit too: it opens the devices.
import { fileURLToPath } from 'node:url';

export const tapProgram = fileURLToPath(new URL('./programs/tap.mjs', import.meta.url));
