"""The other end of a macvtap, in Python: an independent program that sends and receives frames.

  send COUNT LENGTH TO FROM      writes numbered frames to descriptor 3
  receive COUNT LENGTH           reads so many from descriptor 3; tells the numbers out of order
  spread COUNT                   reads so many from descriptors 3, 4 …; tells how many each had
  ask                            tells what TUNGETIFF and TUNGETVNETHDRSZ say of 3, 4 …
  inject LINK COUNT LENGTH TO FROM [FLOWS]   sends by a packet socket on a link, as many flows
  raw LINK HEX                   sends one frame by a packet socket
  lie INDEX                      tells those who listen to rtnetlink that the link is deleted
"""
import fcntl
import json
import os
import select
import socket
import struct
import sys

TYPE = 0x88B5
SO_SNDBUFFORCE = 32
OUT = 3
TUNGETIFF, TUNGETVNETHDRSZ = 0x800454D2, 0x800454D7


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def numbered(length, to, sender):
    head = mac(to) + mac(sender) + struct.pack("!H", TYPE)
    number = 0
    while True:
        body = struct.pack("!I", number) + bytes([number & 0xFF]) * (length - len(head) - 4)
        yield head + body
        number += 1


def own(frame):
    return frame[12:14] == struct.pack("!H", TYPE)


def send(count, length, to, sender):
    # A write that had to wait is not woken (drivers/net/tap.c, tap_sock_write_space).
    os.set_blocking(OUT, False)
    frames = numbered(length, to, sender)
    for _ in range(count):
        frame = next(frames)
        while True:
            try:
                assert os.write(OUT, frame) == length
                break
            except BlockingIOError:
                select.select([], [OUT], [])


def receive(count, length):
    expected, wrong = 0, []
    os.set_blocking(OUT, True)
    while expected < count:
        frame = os.read(OUT, 65536)
        if not own(frame):
            continue
        (number,) = struct.unpack("!I", frame[14:18])
        if number != expected or len(frame) != length or frame[-1] != number & 0xFF:
            wrong.append([number, expected, len(frame)])
        expected += 1
    print(json.dumps(wrong))


def queues():
    fd = OUT
    while True:
        try:
            os.fstat(fd)
        except OSError:
            return
        yield fd
        fd += 1


def spread(count):
    counts = {fd: 0 for fd in queues()}
    while sum(counts.values()) < count:
        ready, _, _ = select.select(list(counts), [], [], 20)
        assert ready, counts
        for fd in ready:
            os.read(fd, 65536)
            counts[fd] += 1
    print(json.dumps(list(counts.values())))


def ask():
    told = []
    for fd in queues():
        answer = fcntl.ioctl(fd, TUNGETIFF, bytes(40))
        name, flags = answer[:16].rstrip(b"\0").decode(), struct.unpack("=H", answer[16:18])[0]
        header = struct.unpack("=i", fcntl.ioctl(fd, TUNGETVNETHDRSZ, bytes(4)))[0]
        told.append({"name": name, "flags": flags, "header": header})
    print(json.dumps(told))


def packet_socket(link):
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    # Frames that a macvtap has queued count as its sender's: with too little room it would wait.
    sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 28)
    sender.bind((link, 0))
    return sender


def udp(to, sender, length, port):
    """An IPv4 frame of a flow of its own."""
    payload = bytes(length - 42)
    header = struct.pack("!HHHH", port, 9, 8 + len(payload), 0)
    addresses = bytes([192, 0, 2, 1, 192, 0, 2, 2])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0) + addresses
    total = sum(struct.unpack("!10H", ip))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    ip = ip[:10] + struct.pack("!H", checksum) + ip[12:]
    return mac(to) + mac(sender) + b"\x08\x00" + ip + header + payload


def inject(link, count, length, to, sender, flows):
    out = packet_socket(link)
    frames = numbered(length, to, sender)
    for at in range(count):
        frame = udp(to, sender, length, 1024 + at % flows) if flows else next(frames)
        out.send(frame)


def raw(link, text):
    packet_socket(link).send(bytes.fromhex(text))


def lie(index):
    out = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    link = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0)
    RTM_DELLINK, RTMGRP_LINK = 17, 1
    header = struct.pack("=IHHII", 16 + len(link), RTM_DELLINK, 0, 0, 0)
    out.sendto(header + link, (0, RTMGRP_LINK))


what, *given = sys.argv[1:]
if what == "send":
    send(int(given[0]), int(given[1]), given[2], given[3])
elif what == "receive":
    receive(int(given[0]), int(given[1]))
elif what == "spread":
    spread(int(given[0]))
elif what == "ask":
    ask()
elif what == "inject":
    inject(given[0], int(given[1]), int(given[2]), given[3], given[4], int((given + ["0"])[5]))
elif what == "raw":
    raw(*given)
elif what == "lie":
    lie(int(given[0]))
