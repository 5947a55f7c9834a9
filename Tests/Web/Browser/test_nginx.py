"""`packaging/proxy/nginx.conf`, run as it stands but for names, ports and paths: https by a CA of the test's own."""

import gzip
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

from servers import COOKIE, PASSWORD, REPOSITORY, Pawl, free_port, wait_for

HOST = "auth.pawl.localhost"
APP = "https://app.pawl.localhost"
ANY_CLIENT = "127.0.0.3"  # from there the test says which address nginx takes for the client's
SECURITY_HEADERS = ["strict-transport-security", "content-security-policy", "x-content-type-options", "referrer-policy"]


class Nginx:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://{HOST}:{self.port}"
        self.pawl = Pawl(self.url, APP, ["--trusted-proxies", "127.0.0.1"])
        self.make_certificate()
        self.write_configuration()
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-c", f"{self.folder.name}/nginx.conf", "-g", "daemon off;"])
        wait_for(self.is_listening, "nginx's start")
        self.trust = ssl.create_default_context(cafile=self.path("ca.pem"))

    def path(self, name):
        return f"{self.folder.name}/{name}"

    def make_certificate(self):
        for command in (
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=Test-CA -keyout ca.key -out ca.pem",
            f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={HOST} -keyout privkey.pem -out request.pem",
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out fullchain.pem",
        ):
            Path(self.path("names")).write_text(f"subjectAltName=DNS:{HOST}\n")
            subprocess.run(["openssl", *command.split()], cwd=self.folder.name, check=True, capture_output=True)

    def write_configuration(self):
        text = (REPOSITORY / "packaging/proxy/nginx.conf").read_text()
        text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.M)
        for old, new in (
            ("return 308 https://auth.example.com", f"return 308 {self.url}"), ("auth.example.com", HOST),
            (f"/etc/letsencrypt/live/{HOST}", self.folder.name), ("/var/log/nginx", self.folder.name),
            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};"), ("listen 443", f"listen 127.0.0.1:{self.port}"),
            ("127.0.0.1:8080", f"127.0.0.1:{self.pawl.port}"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        user = "user root;" if os.getuid() == 0 else ""
        temporary = "".join(
            f"{name}_temp_path {self.path(name)};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        Path(self.path("nginx.conf")).write_text(
            f"{user}\npid {self.path('pid')};\nerror_log {self.path('start.log')};\nevents {{}}\nhttp {{\n{temporary}"
            f"set_real_ip_from {ANY_CLIENT};\nreal_ip_header X-Test-Address;\n{text}}}\n")

    def is_listening(self):
        assert self.process.poll() is None, Path(self.path("start.log")).read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, method, path, body=None, headers=None, source="127.0.0.1"):
        """Over TLS, by the name in the certificate."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=self.trust)
        connection.sock = self.trust.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), 10, (source, 0)), server_hostname=HOST)
        fields = {"Host": f"{HOST}:{self.port}", **(headers or {})}
        content = json.dumps(body) if body is not None else None
        connection.request(method, path, content, {"Content-Type": "application/json", **fields} if content else fields)
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.pawl.stop()


@pytest.fixture(scope="module")
def nginx():
    nginx = Nginx()
    yield nginx
    nginx.stop()
    nginx.folder.cleanup()


def cookie_of(answer):
    field = answer.getheader("Set-Cookie")
    assert re.fullmatch(rf"{COOKIE}=\S+; Path=/; Max-Age=604800; Secure; HttpOnly; SameSite=Strict", field)
    return field.split(";")[0]


@pytest.mark.promise("P12")
def test_a_session_from_sign_in_to_sign_out(nginx):
    page = {"Origin": nginx.url, "Sec-Fetch-Site": "same-origin"}
    account = {"identifier": "alice@example.com", "password": PASSWORD}
    registered = nginx.ask("POST", "/auth/register", account, page)
    assert registered.status == 201
    refreshed = nginx.ask("POST", "/auth/refresh", headers={**page, "Cookie": cookie_of(registered)})
    assert refreshed.status == 200
    last = cookie_of(refreshed)
    assert nginx.ask("POST", "/auth/refresh", headers={"Origin": "https://evil.example", "Cookie": last}).status == 403
    out = nginx.ask("POST", "/auth/logout", headers={**page, "Cookie": last})
    assert out.status == 204 and "Max-Age=0" in out.getheader("Set-Cookie")
    assert nginx.ask("POST", "/auth/refresh", headers={**page, "Cookie": last}).status == 401
    for answer in (registered, refreshed, out):
        names = [name.lower() for name, _ in answer.getheaders()]
        for header in SECURITY_HEADERS:
            assert names.count(header) == 1, header


def test_the_clients_address_is_what_nginx_saw(nginx):
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    # Not nginx's own address, which Pawl would see if nothing told it another.
    answer = nginx.ask(
        "POST", "/auth/register", {"identifier": "bob@example.com", "password": PASSWORD}, forged, source="127.0.0.2")
    tokens = json.loads(answer.content)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert json.loads(nginx.ask("GET", "/auth/session", headers=bearer).content)["ip"] == "127.0.0.2"


def ask_over_http(nginx, method, path, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", nginx.plain_port, timeout=10)
    connection.request(method, path, headers={"Host": HOST, **(headers or {})})
    answer = connection.getresponse()
    return answer.status, answer.getheader("Location")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_is_opened_over_http_is_sent_to_https(nginx, method):
    assert ask_over_http(nginx, method, "/account?x=1") == (308, f"{nginx.url}/account?x=1")


# FAULTS C2
@pytest.mark.parametrize("method, headers", [
    ("POST", {}), ("PUT", {}), ("PATCH", {}), ("DELETE", {}), ("OPTIONS", {}), ("GET", {"Authorization": "Bearer x"}),
])
def test_a_request_with_credentials_over_http_is_refused_and_not_redirected(nginx, method, headers):
    assert ask_over_http(nginx, method, "/auth/login", headers) == (403, None)


def test_pages_are_compressed_and_what_holds_a_secret_is_not(nginx):
    accepting = {"Accept-Encoding": "gzip"}
    source = nginx.ask("GET", "/pawl.js", headers=accepting)
    assert source.getheader("Content-Encoding") == "gzip" and len(source.content) < 6144
    assert gzip.decompress(source.content) == (REPOSITORY / "Sources/PawlPages/Resources/pawl.js").read_bytes()
    tag = source.getheader("ETag")
    assert nginx.ask("GET", "/pawl.js", headers={**accepting, "If-None-Match": tag}).status == 304
    answer = nginx.ask("POST", "/auth/login", {"identifier": "x", "password": "y"}, accepting)
    assert answer.getheader("Content-Encoding") is None


def test_a_flood_of_sign_ins_is_held_off(nginx):
    statuses = [nginx.ask("POST", "/auth/login", {"identifier": f"u{n}", "password": "y"}).status for n in range(40)]
    assert 429 in statuses
    assert nginx.ask("GET", "/.well-known/jwks.json").status == 200


def sign_in_from(nginx, address, method="POST", path="/auth/login"):
    """One try with a wrong password, from an address of the test's choice."""
    body = {"identifier": "nobody@example.com", "password": "wrong", "current": "wrong", "new": "wrong"}
    return nginx.ask(method, path, body, {"X-Test-Address": address}, source=ANY_CLIENT)


def is_limited(answer):
    """By nginx: Pawl's own 429 has an id."""
    return answer.status == 429 and answer.getheader("X-Request-Id") is None


# FAULTS C2
@pytest.mark.parametrize("number, path", list(enumerate([
    "/auth/login/", "//auth//login", "//auth/login", "/auth//login", "/auth/login//", "/auth/./login", "/x/../auth/login",
    "/auth/x/../login", "/auth/%6Cogin", "/%61uth/login", "/auth%2Flogin", "/auth/login%2F", "/auth/login%20",
    "/auth/login;x=1", "/AUTH/login", "/auth/LOGIN", "/auth/login/.", "/auth/login/x/..", "/auth/login%3Fx", "/auth/loginx",
])))
def test_no_way_to_write_a_path_gets_round_the_limit_of_sign_ins(nginx, number, path):
    statuses = {sign_in_from(nginx, f"198.51.100.{number}", path=path).status for _ in range(3)}
    assert statuses <= {400, 404}, "no password is looked at"


# FAULTS C2
@pytest.mark.parametrize("number, method, path", [
    (1, "POST", "/auth/login"), (2, "POST", "/auth/register"), (3, "POST", "/auth/reauthenticate"),
    (4, "PUT", "/auth/password"), (5, "POST", "/auth/login/"), (6, "POST", "//auth//login"), (7, "POST", "/auth/%6Cogin"),
    (8, "POST", "/AUTH/Login"), (9, "POST", "/auth/login?x"),
])
def test_every_route_that_hashes_a_password_is_limited_by_address(nginx, number, method, path):
    limited = [is_limited(sign_in_from(nginx, f"203.0.113.{number}", method, path)) for _ in range(60)]
    assert limited.count(True) > 10
    assert not is_limited(sign_in_from(nginx, f"203.0.113.{number + 100}", method, path)), "another address is not"


# FAULTS C2
def test_addresses_of_one_ipv6_network_are_limited_together(nginx):
    # The last bytes of some are line feeds, which patterns treat apart.
    limited = [is_limited(sign_in_from(nginx, f"2001:db8:a0a:7::{number:x}0a")) for number in range(60)]
    assert limited.count(True) > 10
    assert not is_limited(sign_in_from(nginx, "2001:db8:a0a:8::1")), "another network is not"


# FAULTS F11
def test_one_address_gets_no_more_than_its_share_of_requests_at_once(nginx):
    limit = int(re.search(r"limit_conn +pawl_requests (\d+);", (REPOSITORY / "packaging/proxy/nginx.conf").read_text())[1])
    held = []
    for _ in range(limit):
        connection = nginx.trust.wrap_socket(
            socket.create_connection(("127.0.0.1", nginx.port), 10, (ANY_CLIENT, 0)), server_hostname=HOST)
        connection.sendall(
            f"POST /auth/refresh HTTP/1.1\r\nHost: {HOST}\r\nX-Test-Address: 192.0.2.1\r\nContent-Length: 9\r\n\r\n".encode())
        held.append(connection)

    def status(address):
        return nginx.ask("GET", "/.well-known/jwks.json", headers={"X-Test-Address": address}, source=ANY_CLIENT).status

    wait_for(lambda: status("192.0.2.1") == 429, "the limit")
    assert status("192.0.2.2") == 200
    for connection in held:
        connection.close()
    wait_for(lambda: status("192.0.2.1") == 200, "the end of the limit")


# FAULTS C5
def test_a_head_that_is_too_large_is_answered_by_pawl(nginx):
    answer = nginx.ask("GET", "/auth/session", headers={"Cookie": "x=" + "x" * 17 * 1024})
    assert answer.status == 431 and json.loads(answer.content)["code"] == "header_fields_too_large"


@pytest.mark.promise("P3")
def test_logs_hold_no_secret_and_no_whole_address(nginx):
    secret = "prt_" + "A" * 40
    nginx.ask("GET", f"/auth/session?token={secret}", headers={"Cookie": f"{COOKIE}={secret}", "Authorization": f"Bearer {secret}"})
    log = wait_for(lambda: "/auth/session" in Path(nginx.path("pawl.log")).read_text() and Path(nginx.path("pawl.log")).read_text(), "the log")
    assert '127.0.0.0 [' in log
    for text in (log, Path(nginx.path("pawl-error.log")).read_text(), Path(nginx.pawl.log.name).read_text()):
        assert secret not in text and "token=" not in text and "prt_" not in text
    assert "127.0.0.1" not in log and "203.0.113.9" not in log


@pytest.mark.promise("P3")
@pytest.mark.parametrize("address, network", [
    ("203.0.113.9", "203.0.113.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"), ("2001:db8::1", "2001:db8::"),
    ("fe80::aaaa:bbbb:cccc:dddd", "fe80::"), ("::1", "-"),
])
def test_the_log_holds_the_network_alone(nginx, address, network):
    path = f"/nothing-{network.encode().hex()}-{address.encode().hex()}"
    nginx.ask("GET", path, headers={"X-Test-Address": address}, source=ANY_CLIENT)
    lines = wait_for(lambda: [l for l in Path(nginx.path("pawl.log")).read_text().splitlines() if path in l], "the log")
    assert [line.split(" ")[0] for line in lines] == [network]
