"""Holds a link promiscuous by a packet socket, as tcpdump does, until standard input ends.

The kernel counts it in IFLA_PROMISCUITY; the flag IFF_PROMISC stays as it was.
"""
import socket
import struct
import sys

SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1

link = socket.if_nametoindex(sys.argv[1])
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as holder:
    membership = struct.pack("iHH8s", link, PACKET_MR_PROMISC, 0, b"")
    holder.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
    print("ready", flush=True)
    sys.stdin.read()
