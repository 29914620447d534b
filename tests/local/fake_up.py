"""`up` with small test workers: `fake_up.py DATA PORT [WORKERS]`. The workers return their name and process id."""

import sys
from pathlib import Path

from tests.local.broker import CONSUMERS
from tps.local.embedded.failure import StackError
from tps.local.embedded.up import Up, serve

WORKER = """
import http.server, os, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.environ['TPS_WORKER']} {os.getpid()}".encode())
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(os.environ["TPS_LISTEN_FD"]))
server.serve_forever()
"""
DELIVERY = """
import os, signal, sys, time, urllib.request
def finish(*_):
    urllib.request.urlopen(os.environ["TPS_GATEWAY_URL"], timeout=5)
    sys.exit("what was under way was answered")
signal.signal(signal.SIGTERM, finish)
time.sleep(600)
"""

if __name__ == "__main__":
    data, port, *workers = sys.argv[1:]
    up = Up(
        data=Path(data),
        port=int(port),
        workers=int(workers[0]) if workers else 2,
        consumers=tuple(CONSUMERS),
        worker_command=("-c", WORKER),
        delivery_command=("-c", DELIVERY),
    )
    try:
        serve(up)
    except StackError as error:
        sys.exit(f"tps: {error}")
