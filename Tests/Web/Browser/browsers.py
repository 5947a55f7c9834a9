"""Chromium: tabs that share a profile, and whole browsers that can be killed."""

import os
import signal
import subprocess
from pathlib import Path

from servers import COOKIE, PASSWORD, wait_for

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


class Profile:
    """Tabs that share cookies and storage, and what went wrong in any of them."""

    def __init__(self, context):
        self.context = context
        self.complaints = []
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", self.listen)

    def listen(self, message):
        # Chromium calls every answer of 400 and more an error, those that are meant so too.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def open(self, url):
        tab = self.context.new_page()
        tab.goto(url)
        return tab

    def open_app(self, site):
        tab = self.open(site.app)
        wait_for(lambda: tab.evaluate("Boolean(window.pawl)"), "the start of pawl.js")
        return tab

    def cookie(self):
        found = [cookie for cookie in self.context.cookies() if cookie["name"] == COOKIE]
        assert len(found) <= 1
        return found[0]["value"] if found else None


class CrashableBrowser:
    """A whole browser on a profile that outlives it, to be killed without warning."""

    def __init__(self, playwright, profile, prefix=()):
        self.playwright, self.folder, self.prefix = playwright, profile, prefix
        self.start()

    def start(self):
        active_port = Path(self.folder, "DevToolsActivePort")
        active_port.unlink(missing_ok=True)
        for lock in Path(self.folder).glob("Singleton*"):  # of the one that was killed
            lock.unlink()
        self.process = subprocess.Popen(
            [*self.prefix, CHROMIUM, *FLAGS, "--headless=new", "--remote-debugging-port=0", "--no-first-run",
             "--password-store=basic", f"--user-data-dir={self.folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        port = wait_for(lambda: active_port.exists() and active_port.read_text().split("\n")[0], "Chromium's start", 60)
        self.browser = self.playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        self.profile = Profile(self.browser.contexts[0])

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def quit(self):
        self.browser.new_browser_cdp_session().send("Browser.close")
        self.process.wait(20)


def sign_in(tab, identifier):
    return tab.evaluate(
        "([identifier, password]) => pawl.signIn({ identifier, password })", [identifier, PASSWORD])


def session(tab):
    return tab.evaluate("pawl.session()")


def events(tab, type=None):
    return [event for event in tab.evaluate("window.events") if type in (None, event["type"])]
