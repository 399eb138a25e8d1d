// Every C++ file of the project through clang-format, in the style of .clang-format.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';
import { filesUnder } from './stamp.mjs';

/**
 * The files that are not formatted; with `write` they are by the time this returns.
 *
 * @param {boolean} write
 * @returns {Promise<string[]>}
 */
export async function unformattedCpp(write) {
  const { format } = await import('@wasm-fmt/clang-format');
  // The module takes a style as text and reads no file: .clang-format's lines as one flow mapping.
  const lines = readFileSync(join(root, '.clang-format'), 'utf8').trim().split('\n');
  const style = `{${lines.join(', ')}}`;
  const files = ['native', 'test/wire'].flatMap((folder) =>
    filesUnder(folder, (file) => /\.(cc|h)$/.test(file)),
  );
  return files.filter((file) => {
    const source = readFileSync(join(root, file), 'utf8');
    const formatted = format(source, file, style);
    if (write && formatted !== source) writeFileSync(join(root, file), formatted);
    return formatted !== source;
  });
}
