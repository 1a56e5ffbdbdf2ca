"""Between keyfobd and the sandbox: passes everything on and remembers the tokens that crossed."""
import http.client
import http.server
import json
import os
import ssl
import subprocess
import threading
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ("access_token", "refresh_token", "pending_authentication_token")


class Wire:
    """url: the sandbox's, without TLS. tls: a directory with cert.pem and key.pem, for HTTPS on the agent's side.
    node: the program, for HTTP/2 as well."""

    def __init__(self, url, tls=None, node=None):
        self.lock, self.seen, self.front = threading.Lock(), [], None
        wire, to = self, urllib.parse.urlsplit(url)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                c = http.client.HTTPConnection(to.hostname, to.port, timeout=20)
                c.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "host"})
                r = c.getresponse()
                data = r.read()
                c.close()
                wire.note(body)
                wire.note(data)
                self.send_response(r.status)
                for k, v in r.getheaders():
                    if k.lower() not in ("connection", "date", "transfer-encoding", "content-length"):
                        self.send_header(k, v)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_PUT = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        port = self.server.server_address[1]
        if tls and not node:
            here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            here.load_cert_chain(tls + "/cert.pem", tls + "/key.pem")
            self.server.socket = here.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        if node:
            self.front = subprocess.Popen([node, os.path.join(HERE, "h2.js"), tls, str(port)], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE)
            port = int(self.front.stdout.readline())
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", port)

    def close(self):
        if self.front:
            self.front.communicate()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def note(self, body):
        try:
            said = json.loads(body)
        except ValueError:
            return
        with self.lock:
            for kind in KINDS:
                if isinstance(said, dict) and isinstance(said.get(kind), str) and (kind, said[kind]) not in self.seen:
                    self.seen.append((kind, said[kind]))

    def tokens(self, kind):
        """Those that crossed, the oldest first."""
        with self.lock:
            return [v for k, v in self.seen if k == kind]
