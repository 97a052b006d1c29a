#!/usr/bin/env python3
"""usage: sniff.py MARKER PREFIX

Looks at every frame on every link of its network namespace, as a wiretap does, and says a line for the first of each kind that it sees:
"marker FRAME" for one that holds the bytes of MARKER, "clear FRAME" for one of IPv4 whose outer source or destination begins with the
bytes PREFIX (two decimal numbers, as 10.244), "tunnel" for one of WireGuard (UDP, message type 1 to 4, three bytes of zero).
"""
import socket, struct, sys

marker, prefix = sys.argv[1].encode(), bytes(int(n) for n in sys.argv[2].split("."))
seen = set()


def say(kind, text):
    if kind not in seen:
        seen.add(kind)
        print(kind, text, flush=True)


wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
print("ready", flush=True)
while True:
    frame = wire.recv(65536)
    if marker in frame:
        say("marker", frame[:64].hex(" "))
    if frame[12:14] == b"\x08\x00":
        header = 4 * (frame[14] & 15)
        if prefix in (frame[26:28], frame[30:32]):
            say("clear", frame[:64].hex(" "))
        payload = frame[14 + header + 8:]
        if frame[23] == 17 and payload[:1] in (b"\x01", b"\x02", b"\x03", b"\x04") and payload[1:4] == bytes(3):
            say("tunnel", "")
