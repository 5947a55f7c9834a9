"""Pages that may not use Pawl: whatever they make a browser send has no effect."""

import pytest

from browsers import session, sign_in
from servers import COOKIE, PASSWORD, wait_for

FORM = """([url, type, fields]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: url, enctype: type, target: "_blank" })
  for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), { name, value }))
  document.body.append(form)
  form.submit()
}"""

FETCH = """([url, method, mode, type, body]) =>
  fetch(url, { method, mode, credentials: "include", headers: type ? { "Content-Type": type } : {}, body })
    .then(answer => answer.type === "opaque" ? "opaque" : answer.status, error => "refused")"""

FRAME = """url => new Promise(resolve => {
  addEventListener("message", ({ data }) => resolve(data), { once: true })
  const frame = document.createElement("iframe")
  frame.sandbox = "allow-scripts allow-forms"
  frame.srcdoc = `<script>fetch("${url}", { method: "POST", mode: "no-cors", credentials: "include" })
    .then(answer => parent.postMessage(answer.type, "*"), error => parent.postMessage("refused", "*"))</${"script"}>`
  document.body.append(frame)
})"""


@pytest.fixture(params=["evil", "sibling"])
def attacker(request, site, profile):
    """A page of another site, or of a sibling host, which is on the same site."""
    return profile.open(f"{getattr(site, request.param)}/page"), request.param


@pytest.fixture
def victim(site, profile):
    tab = profile.open_app(site)
    mine = sign_in(tab, site.new_user())
    before = profile.cookie()
    site.proxy.clear()
    yield mine
    assert profile.cookie() == before, "nothing replaced or cleared the cookie"
    assert session(tab)["sessionID"] == mine["sessionID"]
    assert tab.evaluate("force()") == 200, "the session lives, and its token was not spent"


def unsafe(site):
    return [exchange for exchange in site.proxy.exchanges if exchange.method not in ("GET", "OPTIONS")]


@pytest.mark.promise("P12")
def test_forms_have_no_effect(site, profile, victim, attacker):
    page, _ = attacker
    for path in ("/auth/logout", "/auth/refresh", "/auth/logout/all", "/auth/login"):
        for type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
            fields = {'{"identifier":"mallory@example.com","password":"' + PASSWORD + '","x":"': '"}'}
            page.evaluate(FORM, [site.auth + path, type, fields])
    wait_for(lambda: len([e for e in unsafe(site) if e.status]) == 12 or page.evaluate("0"), "twelve posts")
    assert {exchange.status for exchange in unsafe(site)} == {403}


@pytest.mark.promise("P12")
def test_fetch_with_credentials_has_no_effect(site, victim, attacker):
    page, where = attacker
    for path in ("/auth/logout", "/auth/refresh"):
        for mode in ("no-cors", "cors"):
            assert page.evaluate(FETCH, [site.auth + path, "POST", mode, None, None]) == "refused"
        assert page.evaluate(FETCH, [site.auth + path, "POST", "cors", "application/json", "{}"]) == "refused"
    assert page.evaluate(FETCH, [f"{site.auth}/auth/password", "PUT", "cors", "application/json", "{}"]) == "refused"
    assert {exchange.status for exchange in unsafe(site)} == {403}
    assert {exchange.status for exchange in site.proxy.exchanges if exchange.method == "OPTIONS"} == {405}
    if where == "sibling":  # SameSite lets these through: the check of the origin is what holds
        assert any(exchange.has_cookie for exchange in unsafe(site))
    else:
        assert not any(exchange.has_cookie for exchange in site.proxy.exchanges)


@pytest.mark.promise("P12")
def test_a_sandboxed_frame_has_no_effect(site, victim, attacker):
    page, _ = attacker
    assert page.evaluate(FRAME, f"{site.auth}/auth/logout") in ("opaque", "refused")
    assert [(exchange.origin, exchange.status) for exchange in unsafe(site)] == [("null", 403)]


@pytest.mark.promise("P12")
def test_the_pages_cannot_be_framed(site, profile, victim, attacker):
    page, _ = attacker
    page.evaluate("""url => document.body.append(Object.assign(document.createElement("iframe"), { src: url }))""",
                  f"{site.auth}/account")
    wait_for(lambda: site.proxy.count("/account") and len(page.frames) > 1, "the frame")
    page.wait_for_timeout(300)
    assert not any(frame.url.startswith(site.auth) for frame in page.frames)
    profile.complaints.clear()  # the refusal is one


@pytest.mark.promise("P12")
def test_signing_somebody_in_as_the_attacker_has_no_effect(site, profile, attacker):
    page, _ = attacker
    mallory = site.new_user("mallory")
    body = '{"identifier":"%s","password":"%s"}' % (mallory, PASSWORD)
    for mode, type in (("cors", "application/json"), ("no-cors", "text/plain"), ("cors", "text/plain")):
        page.evaluate(FETCH, [f"{site.auth}/auth/login", "POST", mode, type, body])
    page.evaluate(FORM, [f"{site.auth}/auth/login", "text/plain", {body[:-1] + ',"x":"': '"}'}])
    wait_for(lambda: len([e for e in unsafe(site) if e.status]) >= 3 or page.evaluate("0"), "the posts")
    assert {exchange.status for exchange in unsafe(site)} == {403}
    assert profile.cookie() is None
    assert session(profile.open_app(site)) is None


@pytest.mark.promise("P12")
def test_a_sibling_cannot_toss_a_cookie(site, profile, victim):
    page = profile.open(f"{site.sibling}/page")
    status, tokens = site.ask("/auth/login", {"identifier": site.new_user("mallory"), "password": PASSWORD})
    assert status == 200
    for domain in ("; Domain=pawl.localhost", "; Domain=auth.pawl.localhost", ""):
        for name in (COOKIE, COOKIE.lower(), COOKIE.upper()):
            page.evaluate("text => { document.cookie = text }",
                          f"{name}={tokens['refresh_token']}; Path=/; Secure{domain}")
    named = [c for c in profile.context.cookies(site.auth) if c["name"] == COOKIE]
    assert len(named) == 1


@pytest.mark.promise("P12")
def test_the_access_token_goes_to_configured_origins_only(site, profile, victim):
    tab = profile.open_app(site)
    for origin in (site.evil, site.sibling):
        site.pages.authorizations.clear()
        tab.evaluate("url => pawl.fetch(url, { mode: 'no-cors' }).then(answer => answer.type, error => error.message)",
                     f"{origin}/api")
        assert [has_token for _, has_token in site.pages.authorizations] == [False]
