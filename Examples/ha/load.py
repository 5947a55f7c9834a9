"""Clients that keep the rules: each names its attempts and repeats the name until it has an answer. Until SIGTERM they
refresh, sign in and sign out on whichever server answers; then each checks that what was acknowledged to it is there.

load.py JOURNAL URL…  The journal is a JSON file, written twice a second. Exit status 1 if anything was lost.
"""

import http.client
import json
import os
import signal
import sys
import threading
import time
import uuid
from urllib.parse import urlsplit

CLIENTS = 24
PASSWORD = "correct horse battery"


class Server:
    """One of the servers, asked over a connection of one client."""

    def __init__(self, url):
        self.address = urlsplit(url).netloc
        self.connection = None

    def post(self, path, body, attempt=None):
        """The status and the answer; None if there was none."""
        headers = {"Content-Type": "application/json"}
        if attempt:
            headers["Idempotency-Key"] = attempt
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address, timeout=20)
            self.connection.request("POST", path, json.dumps(body), headers)
            answer = self.connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else {}
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            if self.connection:
                self.connection.close()
            self.connection = None
            return None


class Client(threading.Thread):
    def __init__(self, number, urls):
        super().__init__(daemon=True)
        self.user = f"client-{number}"
        self.servers = [Server(url) for url in urls]
        self.turn = number
        self.signs_out = number % 4 == 0
        self.token = None
        self.ended = []
        self.refreshes = self.logins = self.sign_outs = self.started_again = 0
        self.newest = 0.0
        self.first_after_gap = 0.0
        self.waiting = False
        self.violations = []
        self.lost_sessions_allowed = False
        self.step = 0

    def ask(self, path, body, attempt=None, good=(200,)):
        """Asks one server after the other until one decides. A 503 decides nothing."""
        while True:
            began = time.time()
            self.turn += 1
            answer = self.servers[self.turn % len(self.servers)].post(path, body, attempt)
            if answer is None or answer[0] in (429, 503):
                self.waiting = bool(answer) and answer[1].get("code") == "session_diverged"
                if over.is_set() and time.time() > deadline[0]:
                    self.violations.append(f"{self.user}: {path} is still not answered: {answer}")
                    return answer or (0, {})
                time.sleep(0.05)
                continue
            self.waiting = False
            if answer[0] in good:
                if began - self.newest > 0.5:
                    self.first_after_gap = time.time()
                self.newest = began
            return answer

    def sign_in(self, path="/auth/login"):
        status, answer = self.ask(path, {"identifier": self.user, "password": PASSWORD}, good=(200, 201))
        if status not in (200, 201):
            self.violations.append(f"{self.user}: {path} was refused: {status} {answer}")
            return
        self.logins += 1
        self.token = answer["refresh_token"]
        self.began = time.time()

    def run(self):
        self.sign_in("/auth/register")
        while not over.is_set() and not self.violations:
            self.step += 1
            if self.signs_out and self.step % 7 == 0:
                token = self.token
                status, answer = self.ask("/auth/logout", {"refresh_token": token}, good=(204,))
                if status != 204:
                    self.violations.append(f"{self.user}: sign-out: {status} {answer}")
                self.sign_outs += 1
                self.ended.append((token, time.time()))
                self.sign_in()
            else:
                self.refresh()
            time.sleep(0.02)

    def refresh(self):
        status, answer = self.ask("/auth/refresh", {"refresh_token": self.token}, uuid.uuid4().hex)
        if status == 200:
            self.refreshes += 1
            self.token = answer["refresh_token"]
        elif status == 401 and answer.get("reason") == "expired" and lossy and self.signs_out:
            # A session that began in the lost interval: its user signs in again.
            self.started_again += 1
            self.sign_in()
        else:
            self.violations.append(f"{self.user}: refresh: {status} {answer}")

    def check(self):
        """What was acknowledged is there: the newest token turns, and what was ended stays so."""
        self.refresh()
        for token, _ in [] if lossy else self.ended:
            status, _ = self.ask("/auth/refresh", {"refresh_token": token}, uuid.uuid4().hex, good=(401,))
            if status != 401:
                self.violations.append(f"{self.user}: a session that was signed out lives: {status}")


journal, *urls = sys.argv[1:]
lossy = os.environ.get("LOSSY") == "yes"
over = threading.Event()
deadline = [0.0]
clients = [Client(number, urls) for number in range(CLIENTS)]


def write():
    total = lambda name: sum(getattr(client, name) for client in clients)
    state = {
        "refreshes": total("refreshes"),
        "newest": max(client.newest for client in clients),
        "newest_answers": [client.first_after_gap for client in clients] + [client.newest for client in clients],
        "waiting": sum(client.waiting for client in clients),
    }
    with open(journal + ".new", "w") as file:
        json.dump(state, file)
    os.replace(journal + ".new", journal)


signal.signal(signal.SIGTERM, lambda *_: over.set())
for client in clients:
    client.start()
while not over.wait(0.2):
    write()
deadline[0] = time.time() + 30
for client in clients:
    client.join(60)
for client in clients:
    client.check()
write()
total = lambda name: sum(getattr(client, name) for client in clients)
print(
    f"acknowledged: {total('refreshes')} refreshes, {total('logins')} sign-ins, {total('sign_outs')} sign-outs "
    f"of {CLIENTS} clients"
)
violations = [violation for client in clients for violation in client.violations]
if lossy:
    print(f"found: {total('started_again')} sessions that began in the lost interval, whose users signed in again")
else:
    print(f"found: all of it; {sum(len(client.ended) for client in clients)} sessions that were signed out stay so")
print(f"signed out although nobody asked for it: {len(violations)}")
for violation in violations:
    print(violation)
sys.exit(bool(violations))
