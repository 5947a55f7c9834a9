import json
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from browsers import CHROMIUM, FLAGS, CrashableBrowser, Profile
from servers import Site


@pytest.fixture(scope="session")
def site():
    site = Site()
    yield site
    site.stop()


@pytest.fixture(autouse=True)
def quiet_proxy(request):
    if "site" in request.fixturenames:
        request.getfixturevalue("site").proxy.clear()


@pytest.fixture(scope="session")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright):
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def profile(chromium):
    """A browser of its own: cookies, storage, tabs."""
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield Profile(context)
    context.close()


@pytest.fixture
def new_browser(playwright):
    started = []
    folders = []

    def start(prefix=(), cookies=True):
        folders.append(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        if not cookies:
            preferences = Path(folders[-1].name, "Default", "Preferences")
            preferences.parent.mkdir()
            block = 2  # of Chromium's content settings
            preferences.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": block}}}))
        started.append(CrashableBrowser(playwright, folders[-1].name, prefix))
        return started[-1]

    yield start
    for browser in started:
        if browser.process.poll() is None:
            browser.kill()
    for folder in folders:
        folder.cleanup()


def pytest_configure(config):
    config.addinivalue_line("markers", "promise(name): which of the project's promises a test holds")
