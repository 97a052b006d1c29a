"""ask.py PROTOCOL ADDRESS PORT SOURCEPORT: asks a server and prints the line that it answers; prints nothing when nobody answers in time."""
import errno
import socket
import sys
import time

protocol, address, port, source_port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET


def ask():
    answer = b""
    with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as asker:
        asker.settimeout(5)
        if source_port:
            asker.bind(("", source_port))
        asker.connect((address, port))
        asker.sendall(b"?\n")
        while not answer.endswith(b"\n") and (more := asker.recv(4096)):
            answer += more
    return answer


# On a busy machine a neighbour may be asked for its hardware address three times without an answer, and be found a moment later.
deadline = time.monotonic() + 10
while True:
    try:
        print(ask().decode().strip())
        break
    except OSError as error:  # refused, cut off or too late
        if error.errno != errno.EHOSTUNREACH or time.monotonic() > deadline:
            print()
            break
