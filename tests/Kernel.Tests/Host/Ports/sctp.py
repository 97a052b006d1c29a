"""The first two packets of an SCTP association over raw sockets, for kernels without SCTP: INIT and INIT ACK.

sctp.py serve PORT           answers INITs to that port, and says from whom they came
sctp.py ask ADDRESS PORT     sends an INIT, and says who answered
"""
import socket
import struct
import sys

CLIENT_PORT = 40000


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packet(source, destination, tag, chunk_type):
    cookie = struct.pack("!HH4s", 7, 8, b"tasty"[:4]) if chunk_type == 2 else b""
    chunk = struct.pack("!BBHIIHHI", chunk_type, 0, 20 + len(cookie), 0x01020304, 65536, 1, 1, 1) + cookie
    header = struct.pack("!HHI", source, destination, tag)
    return header + struct.pack("<I", crc32c(header + bytes(4) + chunk)) + chunk


def receive(raw, port, chunk_type):
    while True:
        data, (peer, _) = raw.recvfrom(2048)
        sctp = data[(data[0] & 15) * 4:]
        source, destination, tag = struct.unpack("!HHI", sctp[:8])
        if destination == port and sctp[12] == chunk_type:
            return peer, source


raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
raw.settimeout(5)
if sys.argv[1] == "serve":
    raw.settimeout(30)
    port = int(sys.argv[2])
    print("ready", flush=True)
    while True:
        peer, peer_port = receive(raw, port, 1)
        print(f"INIT from {peer} to port {port}", flush=True)
        raw.sendto(packet(port, peer_port, 0x01020304, 2), (peer, 0))
else:
    address, port = sys.argv[2], int(sys.argv[3])
    raw.sendto(packet(CLIENT_PORT, port, 0, 1), (address, 0))
    peer, source = receive(raw, CLIENT_PORT, 2)
    print(f"INIT ACK from {peer}:{source}")
