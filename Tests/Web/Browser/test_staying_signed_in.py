"""Nobody honest is signed out: not by tabs that race, answers that are lost, or a browser that dies."""

import threading
import time

import pytest
from playwright.sync_api import Error

from browsers import events, session, sign_in
from servers import wait_for

REFRESH = "/auth/refresh"


def start_force(tab):
    tab.evaluate("() => { window.forced = undefined; force().then(status => (window.forced = status)) }")


def finish_force(tab, limit=20):
    return wait_for(lambda: tab.evaluate("window.forced"), "the answer to a call", limit)


class Held:
    """An answer of Pawl that the proxy holds back until it is let go."""

    def __init__(self, site, path=REFRESH, is_delivered=True):
        self.has_come, self.may_go = threading.Event(), threading.Event()

        def after(_):
            self.has_come.set()
            self.may_go.wait(60)
            return is_delivered

        site.proxy.on(path, after=after)

    def wait(self, tab=None):
        """Lets the page work meanwhile: Playwright hears it only while it is asked."""
        wait_for(self.has_come.is_set, "the answer", 30)

    def let_go(self):
        self.may_go.set()


@pytest.mark.promise("P6")
def test_six_tabs_whose_tokens_expire_at_once_make_one_refresh(site, profile):
    first = profile.open_app(site)
    mine = sign_in(first, site.new_user())
    tabs = [first] + [profile.open_app(site) for _ in range(5)]
    for tab in tabs:
        assert session(tab)["sessionID"] == mine["sessionID"]
    # When an API refuses the token that all of them hold, all want another.
    for round in range(5):
        site.proxy.clear()
        for tab in tabs:
            tab.evaluate("url => { window.done = pawl.fetch(url).then(answer => answer.status) }", f"/api?refuse={round}")
        assert [tab.evaluate("window.done") for tab in tabs] == [200] * 6
        assert site.proxy.count(REFRESH) == 1
    # And so when it expires by itself.
    site.proxy.clear()
    wait_for(lambda: site.proxy.count(REFRESH) or tabs[0].evaluate("0"), "the refresh before the end", 40)
    for tab in tabs:
        assert session(tab)["sessionID"] == mine["sessionID"]
    assert site.proxy.count(REFRESH) == 1
    assert not any(events(tab, "signedout") for tab in tabs)
    assert not profile.complaints


@pytest.mark.promise("P6")
@pytest.mark.parametrize("losses", [1, 2])
def test_a_refresh_whose_answer_is_lost_is_repeated_under_its_name(site, profile, losses):
    tab = profile.open_app(site)
    mine = sign_in(tab, site.new_user())
    site.proxy.clear()
    for _ in range(losses):
        site.proxy.on(REFRESH, after=lambda _: False)
    assert tab.evaluate("force()") == 200
    refreshes = site.proxy.requests(REFRESH)
    assert [exchange.status for exchange in refreshes] == [200] * (losses + 1)
    assert len({exchange.attempt for exchange in refreshes}) == 1 and refreshes[0].attempt
    assert session(tab)["sessionID"] == mine["sessionID"]
    assert not events(tab, "signedout")


@pytest.mark.promise("P6")
def test_a_tab_that_is_killed_while_it_refreshes_leaves_the_session_to_the_next(site, profile):
    tab = profile.open_app(site)
    mine = sign_in(tab, site.new_user())
    held = Held(site, is_delivered=False)
    start_force(tab)
    held.wait()
    crash(tab)
    held.let_go()
    after = profile.open_app(site)
    assert session(after)["sessionID"] == mine["sessionID"]
    assert after.evaluate("force()") == 200


def crash(tab):
    """Ends the tab's process without warning."""
    with tab.expect_event("crash"), pytest.raises(Error):
        tab.goto("chrome://crash")


@pytest.mark.promise("P6")
def test_a_browser_that_is_killed_soon_after_a_refresh_is_still_signed_in(site, new_browser):
    """Chromium writes cookies every 30 seconds, so it comes back with an older one."""
    delays = [5, 20]
    browsers, mine, turned = [], [], []
    for _ in delays:
        browser = new_browser()
        mine.append(sign_in(browser.profile.open_app(site), site.new_user())["sessionID"])
        browser.quit()  # which writes the cookie of the sign-in
        browsers.append(browser)
    for browser in browsers:
        browser.start()
        tab = browser.profile.open_app(site)
        assert session(tab)["sessionID"] in mine  # by the first refresh of this page's life
        turned.append(browser.profile.cookie())
    began = time.monotonic()
    for browser, delay in zip(browsers, delays):
        wait_for(lambda: time.monotonic() - began >= delay, "the delay", delay + 1)
        browser.kill()
    for browser, sessionID, newest in zip(browsers, mine, turned):
        browser.start()
        assert browser.profile.cookie() not in (None, newest), "the cookie on disk should be an older one"
        tab = browser.profile.open_app(site)
        assert session(tab)["sessionID"] == sessionID
        assert browser.profile.cookie() == newest, "a repetition gets the same successor"
        assert tab.evaluate("force()") == 200
        assert not browser.profile.complaints


# FAULTS B11
@pytest.mark.promise("P6")
def test_a_browser_that_is_killed_after_many_page_loads_raises_no_alarm(site, new_browser):
    """Each page repeats the name of the last attempt. More of them load than the server remembers names."""
    browsers = [new_browser(), new_browser()]
    users = [site.new_user() for _ in browsers]
    mine, restored = [], []
    for browser, user in zip(browsers, users):
        mine.append(sign_in(browser.profile.open_app(site), user)["sessionID"])
        restored.append(browser.profile.cookie())
        browser.quit()  # which writes the cookie of the sign-in
    for browser, sessionID in zip(browsers, mine):
        browser.start()
        for _ in range(6):
            tab = browser.profile.open_app(site)
            assert session(tab)["sessionID"] == sessionID
            tab.close()
        browser.kill()
    for browser, old in zip(browsers, restored):
        browser.start()
        assert browser.profile.cookie() == old, "the cookie on disk should be that of the sign-in"

    # The first one goes on where it was.
    tab = browsers[0].profile.open_app(site)
    assert session(tab)["sessionID"] == mine[0]
    assert tab.evaluate("force()") == 200
    assert not events(tab, "signedout")
    # In the second somebody signs in over the cookie, before any page has asked for a token.
    tab = browsers[1].profile.open_app(site)
    assert sign_in(tab, users[1])["sessionID"] != mine[1]
    status, problem = site.refresh_with(restored[1])
    assert (status, problem["reason"]) == (401, "signed_out"), "it is not recorded as theft"
    assert not any(browser.profile.complaints for browser in browsers)


@pytest.mark.promise("P6")
def test_a_tab_that_is_frozen_with_the_lock_does_not_hang_the_others(site, profile):
    frozen = profile.open_app(site)
    mine = sign_in(frozen, site.new_user())
    other = profile.open_app(site)
    assert session(other)["sessionID"] == mine["sessionID"]
    held = Held(site)
    start_force(frozen)
    held.wait()
    control = profile.context.new_cdp_session(frozen)
    control.send("Debugger.enable")
    control.send("Debugger.pause")  # nothing in it runs from its next step on, not even a time limit
    held.let_go()
    began = time.monotonic()
    start_force(other)
    assert finish_force(other, 45) == 200
    waited = time.monotonic() - began
    assert waited > 10, "it held the lock, and was passed over"
    assert session(other)["sessionID"] == mine["sessionID"]
    control.send("Debugger.disable")
    assert finish_force(frozen) == 200
    assert session(frozen)["sessionID"] == mine["sessionID"]
    for tab in (frozen, other):
        assert tab.evaluate("force()") == 200
        assert not events(tab, "signedout")


@pytest.mark.promise("P6")
def test_answers_of_503_and_429_are_waited_out(site, profile):
    tab = profile.open_app(site)
    mine = sign_in(tab, site.new_user())
    target = site.proxy.target
    site.proxy.clear()
    site.proxy.on(REFRESH, before=lambda _: setattr(site.proxy, "target", 9), after=None)
    site.proxy.on(REFRESH, before=lambda _: setattr(site.proxy, "target", target))
    assert tab.evaluate("force()") == 200
    assert [exchange.status for exchange in site.proxy.requests(REFRESH)] == [502, 200]
    assert session(tab)["sessionID"] == mine["sessionID"]
