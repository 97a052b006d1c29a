"""resolver.py ADDRESS: a resolver for which every name has the address 198.51.100.7, over UDP and TCP."""
import socket
import sys
import threading

ADDRESS = bytes([198, 51, 100, 7])


def answer(query):
    end = query.index(0, 12) + 5
    head = query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    return head + query[12:end] + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + ADDRESS


def streams(listener):
    while True:
        connection = listener.accept()[0]
        with connection:
            reply = answer(connection.recv(4096)[2:])
            connection.sendall(len(reply).to_bytes(2, "big") + reply)


datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind((sys.argv[1], 53))
listener = socket.create_server((sys.argv[1], 53))
threading.Thread(target=streams, args=(listener,), daemon=True).start()
print("ready", flush=True)
while True:
    query, client = datagrams.recvfrom(4096)
    datagrams.sendto(answer(query), client)
