"""tls.py PORT CERT KEY: shows this certificate to everybody who connects, and hangs up."""
import socket
import ssl
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
listener = socket.create_server(("", int(sys.argv[1])))


def show(client):
    try:
        context.wrap_socket(client, server_side=True).close()
    except OSError:
        client.close()


while True:
    threading.Thread(target=show, args=(listener.accept()[0],), daemon=True).start()
