"""`Examples/web-app`, started by its one command."""

import os
import re
import signal
import subprocess
import threading

import pytest
from playwright.sync_api import expect

from servers import REPOSITORY, Pages, free_port, wait_for


class Example:
    def __init__(self):
        self.port, self.pawl_port = free_port(), free_port()
        environment = {
            **os.environ, "PORT": str(self.port), "API_PORT": str(free_port()), "PAWL_PORT": str(self.pawl_port),
            "PAWL_OPS_PORT": str(free_port())}
        self.process = subprocess.Popen(
            [f"{REPOSITORY}/Examples/web-app/run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment, start_new_session=True)
        self.printed = ""
        threading.Thread(target=self.listen, daemon=True).start()
        wait_for(lambda: "Ctrl-C ends" in self.printed, "the example's start", 120)
        self.password = re.search(r"alice@example.com +(\w+)", self.printed)[1]

    def listen(self):
        for line in self.process.stdout:
            self.printed += line

    def stop(self):
        os.killpg(self.process.pid, signal.SIGINT)  # as Ctrl-C does
        self.process.wait(40)


@pytest.fixture(scope="module")
def example():
    example = Example()
    yield example
    example.stop()


def sign_in(page, name, password):
    page.get_by_label("Name").fill(f"{name}@example.com")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#who")).to_have_text(f"{name}@example.com")


@pytest.mark.promise("P6")
def test_a_person_stays_signed_in_and_sees_what_roles_allow(example, profile):
    page = profile.open(f"http://localhost:{example.port}")
    sign_in(page, "bob", example.password)
    page.get_by_role("button", name="Delete Buy milk.").click()
    expect(page.get_by_role("status")).to_have_text("403: your roles do not allow that.")
    page.get_by_label("A new note").fill("<b>Sleep</b>")
    page.keyboard.press("Enter")
    expect(page.locator("#notes")).to_contain_text("<b>Sleep</b>")
    # Over the end of the access token, without a click.
    expect(page.locator("#log")).to_contain_text("refreshed", timeout=40_000)
    page.reload()
    expect(page.locator("#who")).to_have_text("bob@example.com")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#sign-in")).to_be_visible()
    sign_in(page, "alice", example.password)
    page.get_by_role("button", name="Delete Buy milk.").click()
    expect(page.locator("#notes")).not_to_contain_text("Buy milk.")
    page.get_by_role("link", name="Devices and password").click()
    expect(page.get_by_text("Signed in as alice@example.com. Roles: editor.")).to_be_visible()
    assert not profile.complaints


# FAULTS E1
@pytest.mark.promise("P12")
def test_a_link_from_another_site_leads_to_the_rendered_page_of_who_is_signed_in(example, profile):
    rendered = f"http://localhost:{example.port}/rendered"
    other = f"http://127.0.0.1:{Pages(rendered).port}/elsewhere"
    follow = """url => {
        const link = Object.assign(document.createElement("a"), { href: url })
        document.body.append(link)
        link.click()
    }"""
    page = profile.open(other)
    page.evaluate(follow, rendered)
    expect(page.locator("p")).to_have_text("For nobody.")  # and not over and over again

    page = profile.open(f"http://localhost:{example.port}")
    sign_in(page, "alice", example.password)
    page.goto(other)
    page.evaluate(follow, rendered)
    expect(page.locator("p")).to_have_text(re.compile(r"For [0-9a-f]{32}\."))
    page.reload()
    expect(page.locator("p")).to_have_text(re.compile(r"For [0-9a-f]{32}\."))
    page.go_back()
    expect(page).to_have_url(other)
    assert not profile.complaints
