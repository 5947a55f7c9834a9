"""What docs/browsers.md shows."""

import re
import shlex

from servers import PASSWORD, REPOSITORY, Pawl, wait_for

TEXT = (REPOSITORY / "docs/browsers.md").read_text()


def test_the_command_in_the_documentation_starts_a_server():
    pawl, serve, *options = shlex.split(re.search(r"```sh\n(.*?)```", TEXT, re.S)[1])
    named = dict(zip(options[::2], options[1::2]))
    assert [pawl, serve, *named] == ["pawl", "serve", "--public-url", "--origins"]
    Pawl(*named.values()).stop()


def test_the_page_that_asks_again_is_the_one_of_the_example():
    page = re.search(r"```html\n(.*?)\n```", TEXT, re.S)[1]
    assert f'#"{page}"#' in (REPOSITORY / "Examples/web-app/Renderer.swift").read_text()


def test_the_page_in_the_documentation_works(site, profile):
    code = re.search(r"```js\n(.*?)```", TEXT, re.S)[1]
    for named, real in (("https://auth.example.com", site.auth), ("https://api.example.com", site.app),
                        (f"{site.app}/notes", f"{site.app}/api")):
        assert named in code
        code = code.replace(named, real)
    page = profile.open(f"{site.app}/page")
    page.evaluate("([identifier, password]) => Object.assign(window, { identifier, password, showSignIn() {}, warn() {} })",
                  [site.new_user(), PASSWORD])
    page.add_script_tag(content=f"{code}\nwindow.status = notes.status", type="module")
    wait_for(lambda: page.evaluate("window.status") == "200", "the answer of the API")
    assert not profile.complaints
