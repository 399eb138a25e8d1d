// One operation of the built library, in a process that may not carry it out; prints the error.
//
//   node without-privilege.mjs OPERATION 'JSON ARGUMENTS'
import { Netns } from '../../dist/index.js';

const [operation, argumentsText] = process.argv.slice(2);
try {
  const [, method] = /^Netns\.(.*)/.exec(operation) ?? [];
  const args = JSON.parse(argumentsText);
  await (method === undefined ? Netns.current()[operation](...args) : Netns[method](...args));
  process.stdout.write('null\n');
} catch (error) {
  const { name, message, code, errno, syscall, hint, part } = error;
  process.stdout.write(`${JSON.stringify({ name, message, code, errno, syscall, hint, part })}\n`);
}
