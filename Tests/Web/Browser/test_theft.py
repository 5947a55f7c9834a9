"""What a thief of cookies gets, and what a script in the page can take."""

import time

import pytest

from browsers import events, session, sign_in
from servers import PASSWORD, PATH_COOKIE, Site, wait_for

RECORD_ANSWERS = """
const plain = window.fetch
window.seen = []
window.fetch = async (...all) => {
  const answer = await plain(...all)
  window.seen.push(JSON.stringify([...answer.headers]), await answer.clone().text())
  return answer
}
"""

EVERYTHING = """async () => {
  const found = [document.cookie, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), ...window.seen]
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(name)
      opening.onsuccess = () => resolve(opening.result)
      opening.onerror = reject
    })
    for (const store of database.objectStoreNames) {
      const reading = database.transaction(store).objectStore(store).getAll()
      found.push(JSON.stringify(await new Promise(resolve => (reading.onsuccess = () => resolve(reading.result)))))
    }
    database.close()
  }
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) found.push(request.url)
  found.push(JSON.stringify(performance.getEntries()))
  if (window.cookieStore) found.push(JSON.stringify(await cookieStore.getAll()))
  return found
}"""


@pytest.mark.promise("P3")
def test_no_script_can_read_the_refresh_token(site, profile):
    profile.context.add_init_script(RECORD_ANSWERS)
    app = profile.open_app(site)
    sign_in(app, site.new_user())
    tokens = {profile.cookie()}
    assert app.evaluate("force()") == 200
    app.evaluate(f"pawl.reauthenticate('{PASSWORD}')")
    app.evaluate("pawl.sessions()")
    tokens.add(profile.cookie())
    own = profile.open(f"{site.auth}/account")  # the cookie's own origin sees no more
    own.locator(".device").first.wait_for()
    tokens.add(profile.cookie())
    assert len(tokens) >= 3 and all(token.startswith("prt_") for token in tokens)
    for tab in (app, own):
        found = tab.evaluate(EVERYTHING)
        assert any("access_token" in text for text in found), "what was looked through"
        for text in found:
            assert "prt_" not in text
            assert not any(token in text for token in tokens)
    cookie = next(c for c in profile.context.cookies() if c["value"] == profile.cookie())
    assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/"
    assert cookie["domain"] == "auth.pawl.localhost"
    # The access token is in memory only.
    kept = app.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert kept == "[{},{}]"


@pytest.mark.promise("P12")
def test_with_the_path_auth_the_cookie_goes_to_the_api_alone(profile):
    site = Site(["--cookie-path", "/auth"])
    tab = profile.open_app(site)
    mine = sign_in(tab, site.new_user())
    assert tab.evaluate("force()") == 200
    profile.open(f"{site.auth}/account").locator(".device").first.wait_for()
    assert session(tab)["sessionID"] == mine["sessionID"]
    assert [(cookie["name"], cookie["path"]) for cookie in profile.context.cookies()] == [(PATH_COOKIE, "/auth")]
    assert {exchange.path for exchange in site.proxy.exchanges if exchange.has_cookie} <= {
        "/auth/refresh", "/auth/session", "/auth/sessions"}
    tab.evaluate("pawl.signOut()")
    assert profile.context.cookies() == []
    site.stop()


@pytest.fixture(scope="module")
def impatient():
    site = Site(["--leeway", "1"])
    yield site
    site.stop()


@pytest.mark.promise("P5")
def test_a_copied_cookie_that_its_thief_uses_late_ends_the_session_and_the_page_says_why(impatient, profile):
    page = profile.open(f"{impatient.auth}/account/sign-in")
    page.get_by_label("Email or username").fill(impatient.new_user())
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator(".device").first.wait_for()
    copied = profile.cookie()
    app = profile.open_app(impatient)
    assert app.evaluate("force()") == 200, "turns the session, by an attempt of its own"
    assert profile.cookie() != copied
    end_of_leeway(impatient)
    status, problem = impatient.refresh_with(copied)
    assert (status, problem["reason"]) == (401, "reused")
    page.get_by_role("link", name="Password").click()
    page.wait_for_url("**/account/sign-in")
    notice = page.get_by_role("status")
    notice.get_by_text("Somebody may have copied your session.").wait_for()
    assert "change your password" in notice.inner_text()
    assert not profile.complaints


@pytest.mark.promise("P5")
def test_a_copied_cookie_that_its_thief_uses_first_shows_when_the_page_refreshes(impatient, profile):
    tab = profile.open_app(impatient)
    sign_in(tab, impatient.new_user())
    status, tokens = impatient.refresh_with(profile.cookie())
    assert status == 200 and "refresh_token" not in tokens
    end_of_leeway(impatient)
    assert tab.evaluate("force().catch(error => error.reason)") == "reused"
    assert [event["type"] for event in events(tab)][-2:] == ["stolen", "signedout"]
    assert session(tab) is None


def end_of_leeway(site):
    end = time.monotonic() + 2.1  # seconds count whole
    wait_for(lambda: time.monotonic() > end, "the end of the leeway")
