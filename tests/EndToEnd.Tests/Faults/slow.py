"""slow.py FILE PORT URL: passes TCP connections to PORT on to URL; everything, in both directions, as many seconds late as FILE says then."""
import socket
import sys
import threading
import time
import urllib.parse

delay_file, port, url = sys.argv[1], int(sys.argv[2]), urllib.parse.urlsplit(sys.argv[3])


def delay():
    with open(delay_file) as file:
        return float(file.read() or 0)


def pump(source, sink):
    try:
        while data := source.recv(65536):
            time.sleep(delay())
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


listener = socket.create_server(("", port))
while True:
    client, _ = listener.accept()
    server = socket.create_connection((url.hostname, url.port))
    for pair in ((client, server), (server, client)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
