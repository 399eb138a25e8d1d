// One operation of the built library, in a process that may not carry it out; prints the error.
//
//   node without-privilege.mjs OPERATION 'JSON ARGUMENTS'
import { Netns } from '../../dist/index.js';

const [operation, argumentsText] = process.argv.slice(2);
try {
  await Netns.current()[operation](...JSON.parse(argumentsText));
  process.stdout.write('null\n');
} catch (error) {
  const { name, message, code, errno, syscall, hint } = error;
  process.stdout.write(`${JSON.stringify({ name, message, code, errno, syscall, hint })}\n`);
}
