"""Signing out, and signing in as somebody else, whatever is under way."""

import random
import time

import pytest

from browsers import events, session, sign_in
from servers import wait_for

ROUNDS = 50


def delay_refresh(site, random):
    """Delays what Pawl hears, or what it answers."""
    before, after = random.uniform(0, 0.02), random.uniform(0, 0.02)
    site.proxy.on("/auth/refresh", lambda _: time.sleep(before), lambda _: time.sleep(after) or True)


@pytest.fixture
def two_tabs(site, profile):
    tabs = profile.open_app(site), profile.open_app(site)
    alice, bob = site.new_user("alice"), site.new_user("bob")
    yield tabs, alice, bob
    assert not profile.complaints


@pytest.mark.promise("P8")
def test_a_sign_out_in_one_tab_beats_a_refresh_in_another(site, profile, two_tabs):
    (one, other), alice, _ = two_tabs
    chance = random.Random(1)
    for _ in range(ROUNDS):
        sign_in(one, alice)
        assert session(other)["identifier"] == alice
        cookie = profile.cookie()
        site.proxy.clear()
        delay_refresh(site, chance)
        one.evaluate("() => { window.forced = force().catch(error => error.code) }")
        other.evaluate("wait => new Promise(go => setTimeout(go, wait)).then(() => pawl.signOut())", chance.uniform(0, 50))
        one.evaluate("window.forced")
        assert session(one) is None and session(other) is None
        assert profile.cookie() is None
        assert site.refresh_with(cookie)[0] == 401


@pytest.mark.promise("P8")
def test_a_sign_in_as_somebody_else_beats_a_refresh_in_another_tab(site, profile, two_tabs):
    (one, other), alice, bob = two_tabs
    chance = random.Random(2)
    for _ in range(ROUNDS):
        sign_in(one, alice)
        assert session(other)["identifier"] == alice
        cookie = profile.cookie()
        site.proxy.clear()
        one.evaluate("() => { window.events.length = 0 }")
        delay_refresh(site, chance)
        one.evaluate("() => { window.forced = force().catch(error => error.code) }")
        other.evaluate("""([wait, identifier, password]) => new Promise(go => setTimeout(go, wait))
                       .then(() => pawl.signIn({ identifier, password }))""",
                       [chance.uniform(0, 50), bob, "correct horse battery"])
        one.evaluate("window.forced")
        assert session(one)["identifier"] == session(other)["identifier"] == bob
        assert events(one, "changed")
        assert site.refresh_with(cookie)[0] == 401, "the session that the cookie had before is over"


@pytest.mark.promise("P8")
def test_a_sign_out_while_offline_counts_at_once_and_is_carried_out_later(site, profile):
    one, other = profile.open_app(site), profile.open_app(site)
    sign_in(one, site.new_user())
    assert session(other)
    cookie = profile.cookie()
    profile.context.set_offline(True)
    one.evaluate("pawl.signOut()")
    for tab in (one, other):
        wait_for(lambda: events(tab, "signedout"), "the announcement")
    assert session(other) is None and session(one) is None
    site.proxy.clear()
    profile.context.set_offline(False)
    wait_for(lambda: site.proxy.count("/auth/logout") or one.evaluate("0"), "the sign-out at the server")
    wait_for(lambda: profile.cookie() is None, "the end of the cookie")
    assert site.refresh_with(cookie)[0] == 401
    assert site.proxy.count("/auth/refresh") == 0


@pytest.mark.promise("P8")
def test_a_sign_out_while_offline_is_carried_out_by_the_next_page(site, profile):
    tab = profile.open_app(site)
    sign_in(tab, site.new_user())
    cookie = profile.cookie()
    profile.context.set_offline(True)
    tab.evaluate("pawl.signOut()")
    tab.close()
    profile.context.set_offline(False)
    assert session(profile.open_app(site)) is None
    wait_for(lambda: profile.cookie() is None, "the end of the cookie")
    assert site.refresh_with(cookie)[0] == 401
