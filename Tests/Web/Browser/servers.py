"""What the browser meets: a real Pawl, a proxy before it that can lose and delay answers, and pages of other origins.

All of it on free ports of the loopback address. Chromium resolves every name under localhost to it, keeps Secure cookies
there over http, and sends Fetch Metadata; on other names it does neither.
"""

import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
PASSWORD = "correct horse battery"
COOKIE = "__Host-Http-pawl"
PATH_COOKIE = "__Secure-pawl"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(is_so, what: str, limit: float = 20):
    """Polls what nobody announces."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        result = is_so()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {limit} s")


class Pawl:
    """`pawl serve`, on data of its own."""

    def __init__(self, public_url: str, app_url: str, options=(), environment=None):
        self.place = tempfile.TemporaryDirectory()
        self.port, self.ops_port = free_port(), free_port()
        self.log = open(f"{self.place.name}/log", "wb")
        # `env` takes libfaketime in first: it changes the environment, beside which Swift looks for its arguments.
        self.process = subprocess.Popen(
            ["env", os.environ["PAWL"], "serve", "--database", f"sqlite:{self.place.name}/pawl.sqlite",
             "--port", str(self.port), "--ops-port", str(self.ops_port), "--public-url", public_url,
             "--origins", app_url, "--registration", "open", "--network-failures", "0", "--access-lifetime", "30",
             "--password-memory", "7168", "--password-passes", "1", *options],
            stdout=self.log, stderr=self.log, start_new_session=True, env={**os.environ, **(environment or {})})
        wait_for(self.is_ready, "Pawl's start")

    def is_ready(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.ops_port, timeout=2)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            assert self.process.poll() is None, Path(self.log.name).read_text()
            return False

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(20)
        self.log.close()
        self.place.cleanup()


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # browsers that are killed leave broken connections


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, content: bytes, headers):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Exchange:
    """One request that went through the proxy: what matters of it, never a token."""

    def __init__(self, handler):
        self.method, self.path = handler.command, handler.path
        self.origin = handler.headers.get("Origin")
        self.site = handler.headers.get("Sec-Fetch-Site")
        self.attempt = handler.headers.get("Idempotency-Key")
        cookies = handler.headers.get("Cookie") or ""
        self.has_cookie = COOKIE in cookies or PATH_COOKIE in cookies
        self.status = None
        self.loses_cookie = False  # whether the browser is not given the cookie of the answer

    def is_for(self, path: str) -> bool:
        """Not a preflight, which only asks whether the request may come."""
        return self.path == path and self.method != "OPTIONS"

    def __repr__(self):
        return f"{self.method} {self.path} from {self.origin} ({self.site}): {self.status}"


class Proxy:
    """Passes requests on to Pawl, counts them, and does to the next ones what `faults` says, one each: a function that is
    called with the exchange when Pawl has answered, and returns whether the browser gets that answer."""

    def __init__(self):
        self.port = free_port()
        self.target = None
        self.lock = threading.Lock()
        self.exchanges = []
        self.faults = []  # (path, before, after)
        proxy = self

        class ProxyHandler(Handler):
            def do(self):
                proxy.handle(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do

        self.server = QuietServer(("127.0.0.1", self.port), ProxyHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, handler):
        exchange = Exchange(handler)
        body = handler.body()
        with self.lock:
            self.exchanges.append(exchange)
            index = next((i for i, fault in enumerate(self.faults) if exchange.is_for(fault[0])), None)
            _, before, after = self.faults.pop(index) if index is not None else (None, None, None)
        if before:
            before(exchange)
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)
        try:
            connection.request(handler.command, handler.path, body or None, dict(handler.headers))
            response = connection.getresponse()
            content = response.read()
        except OSError:
            exchange.status = 502
            handler.answer(502, b"", [])
            return
        finally:
            connection.close()
        exchange.status = response.status
        if after and not after(exchange):
            handler.close_connection = True
            return
        dropped = ["content-length", "connection"] + ["set-cookie"] * exchange.loses_cookie
        fields = [(n, v) for n, v in response.getheaders() if n.lower() not in dropped]
        handler.answer(response.status, content, fields)

    def on(self, path: str, before=None, after=None):
        with self.lock:
            self.faults.append((path, before, after))

    def count(self, path: str) -> int:
        return len(self.requests(path))

    def requests(self, path: str):
        return [exchange for exchange in list(self.exchanges) if exchange.is_for(path)]

    def clear(self):
        with self.lock:
            self.exchanges.clear()
            self.faults.clear()


APP_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>App</title><link rel="icon" href="data:,">
<script type="module">
import { createPawl } from "AUTH/pawl.js"
const pawl = createPawl({ baseURL: "AUTH", apiOrigins: [location.origin] })
window.events = []
for (const type of ["signedin", "signedout", "refreshed", "stolen", "changed"])
  pawl.on(type, ({ reason, subject }) => window.events.push({ type, reason, subject }))
/** Makes the page refresh: an API that refuses the token which it sees first. */
window.force = () => pawl.fetch(`/api?refuse=${Math.random()}`).then(response => response.status)
window.pawl = pawl
</script><body>App</body></html>"""


class Pages:
    """Pages for any host: the app's, and empty ones for others. And the app's API."""

    def __init__(self, auth_url):
        self.port = free_port()
        self.refused = {}
        self.authorizations = []
        pages = self

        class PageHandler(Handler):
            def do_GET(self):
                path, _, query = self.path.partition("?")
                if path == "/api":
                    token = self.headers.get("Authorization") or ""
                    pages.authorizations.append((self.headers["Host"], bool(token)))
                    if query.startswith("refuse=") and pages.refused.setdefault(query, token) == token:
                        return self.answer(401, b"", [("WWW-Authenticate", 'Bearer error="invalid_token"')])
                    return self.answer(200, b"{}", [("Content-Type", "application/json")])
                page = APP_PAGE.replace("AUTH", auth_url) if path == "/" else "<!doctype html><title>Page</title>"
                self.answer(200, page.encode(), [("Content-Type", "text/html; charset=utf-8")])

        self.server = QuietServer(("127.0.0.1", self.port), PageHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Site:
    """All of it. `auth` is Pawl's own origin, `app` is on the same site and configured, `sibling` is on the same site and
    not configured, `evil` is another site."""

    def __init__(self, options=(), environment=None):
        self.proxy = Proxy()
        self.auth = f"http://auth.pawl.localhost:{self.proxy.port}"
        self.pages = Pages(self.auth)
        self.app = f"http://app.pawl.localhost:{self.pages.port}"
        self.sibling = f"http://evil.pawl.localhost:{self.pages.port}"
        self.evil = f"http://evil.localhost:{self.pages.port}"
        self.pawl = Pawl(self.auth, self.app, options, environment)
        self.proxy.target = self.pawl.port
        self.names = 0

    def stop(self):
        self.pawl.stop()
        self.proxy.server.shutdown()
        self.pages.server.shutdown()

    def new_user(self, name: str = "alice") -> str:
        """Registers somebody who was not there before, as a program."""
        self.names += 1
        identifier = f"{name}{self.names}@example.com"
        status, _ = self.ask("/auth/register", {"identifier": identifier, "password": PASSWORD})
        assert status == 201
        return identifier

    def ask(self, path, body=None, headers=None, method="POST"):
        """A request to Pawl itself, by no browser: its status and what it says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.pawl.port, timeout=10)
        content = json.dumps(body) if body is not None else None
        fields = {"Content-Type": "application/json", **(headers or {})} if content else headers or {}
        connection.request(method, path, content, fields)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    def refresh_with(self, cookie: str):
        """Refreshes with a cookie that was copied out of a browser, from elsewhere."""
        return self.ask("/auth/refresh", headers={"Origin": self.app, "Cookie": f"{COOKIE}={cookie}"})
