// The CNI plugins as a container runtime calls them: a process for each, the configuration on its
// standard input. The static plugin hands out the address; loopback brings lo up.
import { spawn } from 'node:child_process';
import { addressOf, drive } from './drive.mjs';

const folder = process.env.BENCH_CNI_FOLDER ?? '/usr/lib/cni';

/**
 * @param {string} plugin
 * @param {object} config
 * @param {Record<string, string>} variables
 */
const call = (plugin, config, variables) =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, CNI_COMMAND: 'ADD', CNI_PATH: folder, ...variables };
    const child = spawn(`${folder}/${plugin}`, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`${plugin}: ${output}`)),
    );
    child.stdin.end(
      JSON.stringify({ cniVersion: '0.4.0', name: 'bench', type: plugin, ...config }),
    );
  });

await drive({
  attach: ({ count, target, measure }) =>
    measure(async () => {
      for (let number = 0; number < count; number++) {
        const container = { CNI_CONTAINERID: `c${number}`, CNI_NETNS: `${target}${number}` };
        const ipam = { type: 'static', addresses: [{ address: addressOf(number) }] };
        await call('loopback', {}, { ...container, CNI_IFNAME: 'lo' });
        const config = { master: 'parent', mode: 'bridge', ipam };
        await call('macvlan', config, { ...container, CNI_IFNAME: 'eth0' });
      }
    }),
});
