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
    forged = {"X-Forwarded-For": "203.0.113.9"}
    # Not nginx's own address, which Pawl would see if nothing told it another.
    answer = nginx.ask(
        "POST", "/auth/register", {"identifier": "bob@example.com", "password": PASSWORD}, forged, source="127.0.0.2")
    tokens = json.loads(answer.content)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert json.loads(nginx.ask("GET", "/auth/session", headers=bearer).content)["ip"] == "127.0.0.2"


def test_http_is_sent_to_https(nginx):
    connection = http.client.HTTPConnection("127.0.0.1", nginx.plain_port, timeout=10)
    connection.request("GET", "/account?x=1", headers={"Host": HOST})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (308, f"{nginx.url}/account?x=1")


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
