// The program that the tap workloads run, for the limit too: it opens the devices.
export const tapProgram = new URL('./programs/tap.mjs', import.meta.url).pathname;
