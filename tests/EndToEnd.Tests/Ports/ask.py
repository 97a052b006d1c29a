"""ask.py PROTOCOL ADDRESS PORT SOURCEPORT: asks a server and prints the line that it answers; prints nothing when nobody answers in time."""
import socket
import sys

protocol, address, port, source_port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as asker:
    asker.settimeout(5)
    answer = b""
    try:
        if source_port:
            asker.bind(("", source_port))
        asker.connect((address, port))
        asker.sendall(b"?\n")
        while not answer.endswith(b"\n") and (more := asker.recv(4096)):
            answer += more
    except OSError:
        pass  # refused, cut off or too late
    print(answer.decode().strip())
