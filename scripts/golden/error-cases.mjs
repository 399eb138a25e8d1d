// The refusals whose ACKs scripts/capture-golden.mjs records. Most are of ip's own commands; those
// with `alter` send a captured request changed in one place, because ip would not send it so.
// `expect` is stated by hand from what the message must mean; ip prints only the text.

const PARENT =
  'ip link add p0 address 02:00:00:00:00:01 type veth peer name p1 address 02:00:00:00:00:02';

const CREATE = {
  name: 'create',
  setup: [PARENT],
  command: 'ip link add link p0 name c0 type macvlan mode bridge bcqueuelen 5000',
  sends: 'RTM_NEWLINK',
};
const RTM_NEWMDB = 84;
const NLM_F_REQUEST_ACK = 5;
const IFLA_MACVLAN_MODE = '0800010004000000';
const IFLA_MACVLAN_BC_QUEUE_LEN = '0800070088130000';

/** A message with one run of bytes replaced by another of the same length. */
const replace = (from, to) => (message) => {
  const hex = message.toString('hex');
  if (hex.split(from).length !== 2 || from.length !== to.length) {
    throw new Error(`cannot replace ${from} by ${to} in ${hex}`);
  }
  return Buffer.from(hex.replace(from, to), 'hex');
};

/** A request that ip never makes, from its parts. */
const message = (type, flags, body) => {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt32LE(1, 8);
  return Buffer.concat([header, body]);
};

const ip = (name, setup, command, expect, more = {}) => ({
  name: `ack-${name}`,
  setup,
  command,
  expect,
  ...more,
});
const altered = (name, described, alter, expect, more = {}) => ({
  name: `ack-${name}`,
  setup: [PARENT],
  base: CREATE,
  described: `${CREATE.command}, with ${described}`,
  alter,
  expect,
  ...more,
});

export const errorCases = [
  ip('success', [PARENT], CREATE.command, { errno: 0 }, { notes: 'Always capped.' }),
  ip(
    'exists',
    [PARENT, CREATE.command],
    CREATE.command,
    { errno: 17 },
    {
      notes: 'No text; the request is echoed whole.',
    },
  ),
  altered(
    'exists-capped',
    'NETLINK_CAP_ACK set on the socket',
    (request) => request,
    { errno: 17 },
    {
      setup: [PARENT, CREATE.command],
      capAck: true,
      notes: 'The request echoed is its header alone.',
    },
  ),
  ip('text', [PARENT], 'ip link set p0 mtu 10', {
    errno: 22,
    message: 'mtu less than device minimum',
  }),
  altered(
    'text-capped',
    'an IFLA_NUM_TX_QUEUES of 5000 and NETLINK_CAP_ACK set',
    (request) => {
      const attribute = Buffer.from('08001f0088130000', 'hex');
      const longer = Buffer.concat([request, attribute]);
      longer.writeUInt32LE(longer.length, 0);
      return longer;
    },
    { errno: 22, message: 'Invalid number of transmit queues' },
    { capAck: true },
  ),
  ip('unknown-kind', [], 'ip link add x0 type nosuchkind', {
    errno: 95,
    message: 'Unknown device type',
  }),
  ip('netnsid', [PARENT], 'ip link add link p0 name c0 link-netnsid 77 type macvlan', {
    errno: 22,
    message: 'Unknown network namespace id',
  }),
  ip('route-prefix', [PARENT, 'ip link set p0 up'], 'ip route add 10.0.0.1/24 dev p0', {
    errno: 22,
    message: 'Invalid prefix for given prefix length',
  }),
  ip(
    'gateway',
    [PARENT, 'ip link set p1 up; ip link set p0 up'],
    'ip route add 10.5.0.0/16 via 10.9.9.9 dev p0',
    {
      errno: 101,
      message: 'Nexthop has invalid gateway',
    },
  ),
  ip('attribute-range', [PARENT], 'ip link set dev p0 gso_max_size 10', {
    errno: 34,
    message: 'integer out of range',
    attribute: ['IFLA_GSO_MAX_SIZE'],
  }),
  altered(
    'attribute-rejected',
    'IFLA_MACVLAN_BC_QUEUE_LEN_USED in place of IFLA_MACVLAN_BC_QUEUE_LEN',
    replace(IFLA_MACVLAN_BC_QUEUE_LEN, '0800080088130000'),
    {
      errno: 22,
      message: 'Attribute failed policy validation',
      attribute: ['IFLA_LINKINFO', 'IFLA_INFO_DATA', 'IFLA_MACVLAN_BC_QUEUE_LEN_USED'],
    },
  ),
  altered(
    'attribute-short',
    'an IFLA_MACVLAN_MODE of two bytes',
    replace(IFLA_MACVLAN_MODE, '0600010004000000'),
    {
      errno: 34,
      message: 'Attribute failed policy validation',
      attribute: ['IFLA_LINKINFO', 'IFLA_INFO_DATA', 'IFLA_MACVLAN_MODE'],
    },
    { notes: 'Carries NLMSGERR_ATTR_POLICY as well.' },
  ),
  altered(
    'attribute-short-capped',
    'an IFLA_MACVLAN_MODE of two bytes and NETLINK_CAP_ACK set',
    replace(IFLA_MACVLAN_MODE, '0600010004000000'),
    {
      errno: 34,
      message: 'Attribute failed policy validation',
      attribute: ['IFLA_LINKINFO', 'IFLA_INFO_DATA', 'IFLA_MACVLAN_MODE'],
    },
    { capAck: true },
  ),
  altered(
    'attribute-missing',
    '',
    () => message(RTM_NEWMDB, NLM_F_REQUEST_ACK, Buffer.from('0700000003000000', 'hex')),
    { errno: 22, message: 'Missing MDBA_SET_ENTRY attribute', missingType: 1 },
    { described: 'RTM_NEWMDB without its one attribute, MDBA_SET_ENTRY' },
  ),
];
