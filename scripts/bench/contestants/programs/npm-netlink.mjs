// The npm package `netlink`: messages by its own functions, kind data put together by hand, as its
// users have to.
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { drive, measureLatency, measureListing } from './drive.mjs';

const load = createRequire(join(process.env.BENCH_NPM_FOLDER ?? '', 'package.json'));
const { createRtNetlink } = load('netlink');

const NLM_F_EXCL_CREATE = 0x600;
const MACVLAN_MODE_BRIDGE = 4;

/** @param {number} type @param {Buffer} value */
function attribute(type, value) {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

/** @param {number} value */
function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

// IFLA_INFO_KIND, and IFLA_INFO_DATA with IFLA_MACVLAN_MODE in it.
const linkinfo = Buffer.concat([
  attribute(1, Buffer.from('macvlan\0')),
  attribute(2, attribute(1, u32(MACVLAN_MODE_BRIDGE))),
]);

const socket = createRtNetlink({ ref: true });

/** @param {number} parent @param {number} number @param {object} [more] */
const create = (parent, number, more = {}) =>
  socket.newLink(
    {},
    { ifname: `mv${number}`, link: u32(parent), linkinfo, ...more },
    { flags: NLM_F_EXCL_CREATE },
  );

const list = () => socket.getLinks();

async function indexes() {
  const links = await list();
  return links
    .filter(({ attrs }) => attrs.ifname.startsWith('mv'))
    .map(({ data }) => /** @type {number} */ (data.index));
}

await drive({
  create: ({ count, parent, measure }) =>
    measure(async () => {
      for (let number = 0; number < count; number++) await create(parent, number);
    }),
  'create-into': async ({ count, parent, target, measure }) => {
    const netNsFd = openSync(target, 'r');
    const result = await measure(async () => {
      for (let number = 0; number < count; number++) await create(parent, number, { netNsFd });
    });
    closeSync(netNsFd);
    return result;
  },
  delete: async ({ measure }) => {
    const all = await indexes();
    return measure(async () => {
      for (const index of all) await socket.delLink({ index });
    });
  },
  list: (task) => measureListing(task, list),
  latency: ({ count, parent }) =>
    measureLatency(count, () =>
      socket.setLink({ index: parent, flags: { up: true }, change: { up: true } }),
    ),
});
// Its socket stays open otherwise, and holds the process.
process.exit(0);
