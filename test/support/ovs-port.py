"""Makes an Open vSwitch datapath with the device `ovs0`, and a link a port of it, as `ovs-dpctl` would."""
import socket
import struct
import sys

NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR, GENL_ID_CTRL = 1, 4, 2, 16
CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 3, 1, 2
OVS_DP_CMD_NEW, OVS_DP_ATTR_NAME, OVS_DP_ATTR_UPCALL_PID, OVS_DP_ATTR_USER_FEATURES = 1, 1, 2, 5
OVS_VPORT_CMD_NEW, OVS_VPORT_TYPE_NETDEV = 1, 1
OVS_VPORT_ATTR_TYPE, OVS_VPORT_ATTR_NAME, OVS_VPORT_ATTR_UPCALL_PID = 2, 3, 5


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def text(kind, value):
    return attribute(kind, value.encode() + b"\0")


def number(kind, value):
    return attribute(kind, struct.pack("=I", value))


def ask(family, command, version, payload):
    """The first answer that is no error; None for an acknowledgement alone."""
    body = struct.pack("=BBH", command, version, 0) + payload
    flags = NLM_F_REQUEST | NLM_F_ACK
    generic.send(struct.pack("=IHHII", 16 + len(body), family, flags, 1, 0) + body)
    answer = None
    while True:
        data = generic.recv(65536)
        (kind,) = struct.unpack_from("=H", data, 4)
        if kind != NLMSG_ERROR:
            answer = data[20:]
            continue
        (code,) = struct.unpack_from("=i", data, 16)
        if code != 0:
            raise OSError(-code, "refused")
        return answer


def family(name):
    data = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, text(CTRL_ATTR_FAMILY_NAME, name))
    while data:
        length, kind = struct.unpack_from("=HH", data)
        if kind == CTRL_ATTR_FAMILY_ID:
            return struct.unpack_from("=H", data, 4)[0]
        data = data[(length + 3) & ~3 :]


with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as generic:
    generic.bind((0, 0))
    try:
        datapath, port = family("ovs_datapath"), family("ovs_vport")
    except FileNotFoundError:
        sys.exit("no Open vSwitch")
    switch = text(OVS_DP_ATTR_NAME, "ovs0") + number(OVS_DP_ATTR_UPCALL_PID, 0)
    features = number(OVS_DP_ATTR_USER_FEATURES, 0)
    ask(datapath, OVS_DP_CMD_NEW, 2, struct.pack("=I", 0) + switch + features)
    link = text(OVS_VPORT_ATTR_NAME, sys.argv[1]) + number(OVS_VPORT_ATTR_UPCALL_PID, 0)
    netdev = number(OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_NETDEV)
    index = struct.pack("=I", socket.if_nametoindex("ovs0"))
    ask(port, OVS_VPORT_CMD_NEW, 1, index + netdev + link)
