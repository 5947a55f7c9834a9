"""The account pages, as people use them: by keyboard, in both colour schemes, on a phone, with a screen reader."""

import glob
import os
import tempfile
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browsers import Profile
from servers import PASSWORD, REPOSITORY, Site, wait_for

NEW_PASSWORD = "wrong donkey capacitor"
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/150.0 Mobile"


class Clock:
    """The server's clock, for as long as it runs."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".faketime")
        self.move("+0")
        library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0]
        self.environment = {
            "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": self.file.name, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def move(self, offset: str):
        Path(self.file.name).write_text(offset)


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def site(clock):
    site = Site(environment=clock.environment)
    yield site
    site.stop()


@pytest.fixture(autouse=True)
def right_time(clock):
    clock.move("+0")


def enter(page, identifier, password=PASSWORD):
    """From the focused first field on, without a mouse."""
    page.locator("#identifier").wait_for()
    page.keyboard.type(identifier)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def enter_with_another_device(site, chromium, identifier):
    context = chromium.new_context(user_agent=PHONE)
    page = Profile(context).open(f"{site.auth}/account/sign-in")
    enter(page, identifier)
    page.locator(".device").first.wait_for()
    return context, page


def press_until(page, locator, key="Tab", limit=30):
    for _ in range(limit):
        page.keyboard.press(key)
        if locator.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the keyboard does not get there")


def notice(page):
    return page.get_by_role("status")


def test_register_sign_in_and_out_by_keyboard(site, profile):
    page = profile.open(f"{site.auth}/account/register")
    enter(page, "keyboard@example.com", "too short")
    assert page.url.endswith("/register"), "the browser itself says that it is too short"
    page.locator("#password").fill("keyboard@example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The password contains your name and little else. Choose another.")
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    expect(page.get_by_role("heading", name="Chrome on Linux")).to_be_visible()
    expect(page.get_by_text("Signed in as keyboard@example.com.")).to_be_visible()
    press_until(page, page.get_by_role("navigation").get_by_role("button", name="Sign out"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/sign-in")
    expect(notice(page)).to_contain_text("You are signed out.")
    assert profile.cookie() is None
    enter(page, "keyboard@example.com", "not the password")
    expect(page.get_by_role("alert")).to_have_text("Wrong name or password.")
    page.keyboard.press("Control+A")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    assert not profile.complaints


# FAULTS A7, A8
def test_an_identifier_is_trimmed_and_refused_in_words_and_a_device_without_a_visible_name_has_one(site, profile):
    page = profile.open(f"{site.auth}/account/register")
    enter(page, "li\u200bam@example.com")
    expect(page.get_by_role("alert")).to_contain_text("invisible character (U+200B)")
    expect(page.locator("#identifier")).to_be_focused()
    page.locator("#identifier").fill("Liam@example.com ")
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    expect(page.get_by_text("Signed in as Liam@example.com.")).to_be_visible()
    for typed, shown in [("\u202ePhone", "Phone"), ("\ufeff", "Linux")]:
        page.get_by_role("button", name="Rename").click()
        page.get_by_label("Device name").fill(typed)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=2)).to_have_text(shown)
    page.get_by_role("navigation").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/sign-in")
    page.locator("#identifier").fill("  LIAM@example.com\u00a0")
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    assert [complaint for complaint in profile.complaints if "400" not in str(complaint)] == []


def test_many_devices_are_shown_page_by_page_and_this_one_always(site, chromium, profile):
    identifier = site.new_user()
    page = profile.open(f"{site.auth}/account/sign-in")
    page.route("**/auth/sessions**", lambda route: route.continue_(url=with_limit(route.request.url, 2)))
    enter(page, identifier)
    page.locator(".device").first.wait_for()
    others = [enter_with_another_device(site, chromium, identifier) for _ in range(3)]
    page.reload()
    expect(page.locator(".device")).to_have_count(3)
    expect(page.locator(".device").first).to_contain_text("This device")
    for shown in [4, 5]:  # the last is the session of the registration
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(".device")).to_have_count(shown)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    for context, _ in others:
        context.close()


def with_limit(url, limit):
    return f"{url}{'&' if '?' in url else '?'}limit={limit}"


def test_a_password_that_is_shown_is_hidden_when_it_is_sent(site, profile):
    page = profile.open(f"{site.auth}/account/sign-in")
    page.locator("#identifier").fill(site.new_user())
    page.get_by_role("button", name="Show the password").click()
    page.locator("#password").fill("not the password")
    expect(page.locator("#password")).to_have_attribute("type", "text")
    expect(page.get_by_role("button", name="Hide the password")).to_have_text("Hide")
    page.locator("#password").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Wrong name or password.")
    expect(page.locator("#password")).to_have_attribute("type", "password")
    expect(page.locator("#password")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    assert not profile.complaints


@pytest.mark.parametrize("ending", ["reused", "constructor"])
def test_a_link_cannot_make_the_page_say_how_a_session_ended(site, profile, ending):
    page = profile.open(f"{site.auth}/account/sign-in#{ending}")
    enter(page, site.new_user(), "not the password")
    expect(page.get_by_role("alert")).to_have_text("Wrong name or password.")
    expect(notice(page)).to_be_empty()


def test_devices_are_named_and_ended_and_the_password_is_asked_for_when_it_was_given_long_ago(
    site, clock, profile, chromium
):
    alice = site.new_user()  # which is a device without a name
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, alice)
    phone, other = enter_with_another_device(site, chromium, alice)
    page.reload()
    devices = page.locator(".device")
    expect(devices).to_have_count(3)
    expect(devices.first.get_by_text("This device", exact=True)).to_be_visible()
    expect(devices.first).to_contain_text("127.0.0.1")

    press_until(page, page.get_by_role("button", name="Rename Chrome on Linux"))
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type("<b>Desk</b>")
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("Device renamed.")
    expect(page.get_by_role("heading", name="<b>Desk</b>")).to_be_focused()

    clock.move("+11m")
    page.get_by_role("button", name="Sign out Chrome on Android").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(devices).to_have_count(3)
    page.get_by_role("button", name="Sign out Chrome on Android").click()
    expect(dialog).to_be_visible()
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("The password is wrong.")
    page.keyboard.press("Control+A")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("Chrome on Android was signed out.")
    expect(devices).to_have_count(2)
    other.reload()
    other.wait_for_url("**/account/sign-in")
    expect(notice(other)).to_contain_text("This session was ended from another device")
    phone.close()

    page.get_by_role("button", name="Sign out all other devices").click()
    expect(notice(page)).to_contain_text("All other devices were signed out.")
    expect(devices).to_have_count(1)
    assert not profile.complaints


def test_coming_back_to_the_page_disturbs_nobody(site, profile):
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, site.new_user())
    rename = page.get_by_role("button", name="Rename Chrome on Linux")
    rename.focus()
    come_back = "document.dispatchEvent(new Event('visibilitychange'))"
    site.proxy.clear()
    page.evaluate("document.querySelector('.device').id = 'old'")
    page.evaluate(come_back)
    expect(page.locator("#old")).to_have_count(0)
    expect(rename).to_be_focused()

    is_writing = threading.Event()
    site.proxy.on("/auth/sessions", before=lambda _: is_writing.wait(20))
    page.evaluate(come_back)
    wait_for(lambda: site.proxy.count("/auth/sessions") == 2, "the request for the devices")
    rename.click()
    page.keyboard.press("Control+A")
    with page.expect_response("**/auth/sessions"):
        is_writing.set()
    page.keyboard.type("Desk")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Desk")).to_be_focused()
    assert not profile.complaints


def test_a_device_that_is_ended_leaves_the_list_while_another_is_being_renamed(site, profile):
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, site.new_user())
    page.get_by_role("button", name="Rename Chrome on Linux").click()
    page.get_by_role("button", name="Sign out Unnamed device").click()
    expect(page.locator(".device")).to_have_count(1)


def test_a_new_password_signs_all_other_devices_out(site, profile, chromium):
    alice = site.new_user()
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, alice)
    phone, other = enter_with_another_device(site, chromium, alice)
    page.get_by_role("link", name="Password").click()
    page.locator("#current").fill("not the password")
    page.locator("#new").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The password is wrong.")
    page.locator("#current").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("Password changed.")
    other.reload()
    other.wait_for_url("**/account/sign-in")
    enter(other, alice, NEW_PASSWORD)
    other.wait_for_url("**/account")
    phone.close()
    assert not profile.complaints


# FAULTS E4
def test_a_password_manager_is_led_to_the_form_for_a_new_password(site, profile):
    identifier = site.new_user()
    page = profile.open(f"{site.auth}/.well-known/change-password")
    page.wait_for_url("**/account/sign-in")
    enter(page, identifier)
    page.wait_for_url("**/account/password")
    expect(page.get_by_label("New password", exact=True)).to_be_visible()
    page.goto(f"{site.auth}/.well-known/change-password")
    expect(page.get_by_label("New password", exact=True)).to_be_visible()
    # Only this once: who signs out and in again wants to see the devices.
    page.get_by_role("navigation").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/sign-in")
    enter(page, identifier)
    page.wait_for_url("**/account")
    assert not profile.complaints


def lose_cookie(exchange):
    exchange.loses_cookie = True


# FAULTS E5: what WebKit does with a `Secure` cookie on http://localhost.
@pytest.mark.parametrize("path", ["/auth/register", "/auth/login"])
def test_a_browser_that_does_not_keep_the_cookie_is_told_what_to_do(site, profile, path):
    if path == "/auth/register":
        identifier, page = "cookieless@example.com", profile.open(f"{site.auth}/account/register")
    else:
        identifier, page = site.new_user(), profile.open(f"{site.auth}/account/sign-in")
    site.proxy.on(path, before=lose_cookie)
    enter(page, identifier)
    page.wait_for_url("**/account/sign-in")
    expect(notice(page)).to_contain_text("This browser did not keep you signed in.")
    expect(notice(page)).to_contain_text("Use Chrome, Edge or Firefox here, or open these pages over https.")
    # It is not said again where nobody has signed in, and not to who is kept.
    page.goto(f"{site.auth}/account")
    page.wait_for_url("**/account/sign-in")
    expect(notice(page)).to_be_empty()
    enter(page, identifier)
    page.wait_for_url("**/account")
    expect(page.get_by_text(f"Signed in as {identifier}.")).to_be_visible()
    assert not profile.complaints


def test_a_browser_that_refuses_all_cookies_is_told_so_before_anybody_signs_in(site, new_browser):
    browser = new_browser(cookies=False)
    for path in ("/account/sign-in", "/account/register", "/account", "/account/password"):
        page = browser.profile.open(f"{site.auth}{path}")
        expect(notice(page)).to_contain_text("Allow cookies for this site.")


def test_a_sign_out_shows_in_every_tab(site, profile):
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, site.new_user())
    page.locator(".device").first.wait_for()
    other = profile.open(f"{site.auth}/account")
    other.locator(".device").first.wait_for()
    page.get_by_role("navigation").get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/account/sign-in")
    expect(notice(other)).to_contain_text("You are signed out.")


@pytest.mark.promise("P8")
def test_a_sign_out_while_offline_is_shown_at_once_and_carried_out_later(site, profile):
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, site.new_user())
    page.locator(".device").first.wait_for()
    cookie = profile.cookie()
    profile.context.set_offline(True)
    page.get_by_role("navigation").get_by_role("button", name="Sign out").click()
    expect(notice(page)).to_contain_text("You are signed out.")
    expect(page.locator("#devices")).to_be_hidden()
    expect(page.get_by_text("Signed in as")).to_be_hidden()
    profile.context.set_offline(False)
    wait_for(lambda: profile.cookie() is None or page.evaluate("0"), "the end of the cookie")
    assert site.refresh_with(cookie)[0] == 401
    assert not profile.complaints


@pytest.mark.promise("P6")
def test_a_server_that_is_away_signs_nobody_out(site, profile):
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, site.new_user())
    page.locator(".device").first.wait_for()
    target, site.proxy.target = site.proxy.target, 9  # where nobody listens
    try:
        page.get_by_role("button", name="Rename Chrome on Linux").click()
        page.keyboard.type("x")
        page.keyboard.press("Enter")
        expect(notice(page)).to_contain_text("The server cannot be reached.", timeout=20_000)
    finally:
        site.proxy.target = target
    page.reload()
    page.locator(".device").first.wait_for()


# FAULTS B11
@pytest.mark.promise("P6")
@pytest.mark.parametrize("is_leeway_over", [False, True])
def test_a_cookie_that_is_too_old_after_a_crash_is_no_theft_and_asks_for_a_new_sign_in(
        site, clock, profile, is_leeway_over):
    page = profile.open(f"{site.auth}/account/sign-in")
    alice = site.new_user()
    enter(page, alice)
    page.locator(".device").first.wait_for()
    old = next(cookie for cookie in profile.context.cookies() if cookie["value"] == profile.cookie())
    for offset in ["+61", "+122"]:  # each page life repeats the name of the last attempt, and a minute later turns
        clock.move(offset)
        page.reload()
        page.locator(".device").first.wait_for()
    newest = profile.cookie()
    assert newest != old["value"]
    profile.context.add_cookies([old])
    if is_leeway_over:
        clock.move("+160")
    page.reload()
    page.wait_for_url("**/account/sign-in", timeout=40_000)
    expect(notice(page)).to_contain_text("no longer works")
    if is_leeway_over:
        assert profile.cookie() is None, "the page has signed that session out"
    enter(page, alice)
    page.wait_for_url("**/account")
    status, problem = site.refresh_with(newest)
    assert (status, problem["reason"]) == (401, "signed_out"), "no alarm was raised"


def test_opened_at_another_address_a_page_says_its_own(site, profile):
    page = profile.open(f"http://127.0.0.1:{site.pawl.port}/account/sign-in")
    page.locator("#identifier").fill("alice@example.com")
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text(f"Open this page at its own address: {site.auth}/account")


# FAULTS C5
def test_a_browser_with_too_many_cookies_is_told_to_delete_them(site, profile):
    host = site.auth.split("//")[1].split(":")[0]
    profile.context.add_cookies(
        [{"name": f"old{n}", "value": "x" * 3500, "domain": host, "path": "/"} for n in range(5)])
    page = profile.open(f"{site.auth}/account/sign-in")
    enter(page, "alice@example.com")
    expect(page.get_by_role("alert").first).to_contain_text("Delete the cookies of this site")



def test_every_page_is_accessible_and_looks_right(site, clock, profile, chromium):
    """Screenshots are kept where PAWL_SCREENSHOTS says."""
    alice = "alice@example.com"
    assert site.ask("/auth/register", {"identifier": alice, "password": PASSWORD})[0] == 201
    page = profile.open(f"{site.auth}/account/sign-in")

    def look(name):
        page.mouse.move(0, 0)
        for scheme, (width, height) in (("light", (1000, 720)), ("dark", (1000, 720)), ("phone", (390, 760))):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            serious = [
                (violation["id"], [node["target"] for node in violation["nodes"]])
                for violation in Axe().run(page).response["violations"]
                if violation["impact"] in ("serious", "critical", "moderate")
            ]
            assert not serious, f"{name}, {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
            if folder := os.environ.get("PAWL_SCREENSHOTS"):
                page.screenshot(path=f"{folder}/{name}-{scheme}.png", full_page=name != "proof")

    look("sign-in")
    page.goto(f"{site.auth}/account/register")
    look("register")
    page.goto(f"{site.auth}/account/sign-in")
    enter(page, alice)
    phone, _ = enter_with_another_device(site, chromium, alice)
    page.locator(".device").first.wait_for()
    page.reload()
    expect(page.locator(".device")).to_have_count(3)
    look("devices")
    clock.move("+11m")
    page.get_by_role("button", name="Sign out Chrome on Android").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look("proof")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Password").click()
    page.locator("#current").wait_for()
    look("password")
    copied = profile.cookie()
    clock.move("+13m")
    page.reload()  # more than a minute after the last turn: turns the session
    page.locator("#current").wait_for()
    clock.move("+20m")
    assert site.ask("/auth/refresh", headers={"Origin": site.auth, "Cookie": f"__Host-Http-pawl={copied}"})[0] == 401
    page.reload()
    page.wait_for_url("**/account/sign-in")
    expect(notice(page)).to_contain_text("Somebody may have copied your session")
    look("stolen")
    phone.close()
    # What axe could not load because of the pages' policy is not theirs to complain of.
    assert not [complaint for complaint in profile.complaints if "axe" not in complaint]
