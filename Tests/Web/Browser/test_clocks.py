"""A browser whose clock is wrong."""

import pytest

from browsers import events, session, sign_in
from servers import wait_for


@pytest.mark.promise("P6")
@pytest.mark.parametrize("offset", ["-1h", "+1h"])
def test_an_hour_off_makes_no_loop_and_signs_nobody_out(site, new_browser, offset):
    browser = new_browser(prefix=["faketime", "-f", offset])
    tab = browser.profile.open_app(site)
    server = site.ask("/auth/session", method="GET")
    assert server[0] == 401
    off = tab.evaluate("Date.now()") / 1000 - __import__("time").time()
    assert abs(abs(off) - 3600) < 60, "the browser's clock is not what it should be"
    mine = sign_in(tab, site.new_user())
    site.proxy.clear()
    # Over the end of an access token, which lives 30 seconds.
    wait_for(lambda: site.proxy.count("/auth/refresh") or tab.evaluate("0"), "the refresh before the end", 40)
    assert session(tab)["sessionID"] == mine["sessionID"]
    assert tab.evaluate("force()") == 200
    assert site.proxy.count("/auth/refresh") == 2, "one when it was due, one that was forced"
    assert not events(tab, "signedout")
    tab.reload()
    wait_for(lambda: tab.evaluate("Boolean(window.pawl)"), "the start of pawl.js")
    assert session(tab)["sessionID"] == mine["sessionID"]
