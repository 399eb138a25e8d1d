"""Prints IFLA_MACVLAN_BC_CUTOFF of a link, or "absent": many an `ip` does not know the attribute."""
import socket
import struct
import sys

RTM_GETLINK, RTM_NEWLINK, NLM_F_REQUEST = 18, 16, 1
IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_MACVLAN_BC_CUTOFF = 18, 2, 9


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


index = socket.if_nametoindex(sys.argv[1])
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as route:
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0)
    route.send(struct.pack("=IHHII", 16 + len(body), RTM_GETLINK, NLM_F_REQUEST, 1, 0) + body)
    answer = route.recv(1 << 20)
assert struct.unpack_from("=H", answer, 4)[0] == RTM_NEWLINK
info = attributes(attributes(answer[32:])[IFLA_LINKINFO])
cutoff = attributes(info[IFLA_INFO_DATA]).get(IFLA_MACVLAN_BC_CUTOFF)
print("absent" if cutoff is None else struct.unpack("=i", cutoff)[0])
