"""Signing out, and signing in as somebody else, whatever is under way."""

import random
import time

import pytest

from browsers import events, session, sign_in
from servers import PASSWORD, wait_for

ROUNDS = 50


def delay_refresh(site, random):
    """Delays what Pawl hears, or what it answers."""
    before, after = random.uniform(0, 0.02), random.uniform(0, 0.02)
    site.proxy.on("/auth/refresh", lambda _: time.sleep(before), lambda _: time.sleep(after) or True)


def do_during_a_refresh(site, profile, tabs, identifier, chance, deed, argument=None):
    """Signs in, and lets the second tab do a deed while the first refreshes. Returns the cookie of before."""
    one, other = tabs
    sign_in(one, identifier)
    assert session(other)["identifier"] == identifier
    cookie = profile.cookie()
    site.proxy.clear()
    delay_refresh(site, chance)
    one.evaluate("() => { window.events.length = 0; window.forced = force().catch(error => error.code) }")
    other.evaluate(f"([wait, argument]) => new Promise(go => setTimeout(go, wait)).then(() => {deed})",
                   [chance.uniform(0, 50), argument])
    one.evaluate("window.forced")
    return cookie


@pytest.fixture
def two_tabs(site, profile):
    tabs = profile.open_app(site), profile.open_app(site)
    alice, bob = site.new_user("alice"), site.new_user("bob")
    yield tabs, alice, bob
    assert not profile.complaints


@pytest.mark.promise("P8")
def test_a_sign_out_in_one_tab_beats_a_refresh_in_another(site, profile, two_tabs):
    tabs, alice, _ = two_tabs
    chance = random.Random(1)
    for _ in range(ROUNDS):
        cookie = do_during_a_refresh(site, profile, tabs, alice, chance, "pawl.signOut()")
        assert [session(tab) for tab in tabs] == [None, None]
        assert profile.cookie() is None
        assert site.refresh_with(cookie)[0] == 401


@pytest.mark.promise("P8")
def test_a_sign_in_as_somebody_else_beats_a_refresh_in_another_tab(site, profile, two_tabs):
    tabs, alice, bob = two_tabs
    chance = random.Random(2)
    for _ in range(ROUNDS):
        credentials = {"identifier": bob, "password": PASSWORD}
        cookie = do_during_a_refresh(site, profile, tabs, alice, chance, "pawl.signIn(argument)", credentials)
        assert [session(tab)["identifier"] for tab in tabs] == [bob, bob]
        assert events(tabs[0], "changed")
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
