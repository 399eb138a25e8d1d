// How long a module takes to be imported, by a process that has done nothing else.
const [url = ''] = process.argv.slice(2);
const start = performance.now();
await import(url);
process.stdout.write(`${JSON.stringify({ ms: performance.now() - start })}\n`);
process.exit(0);
