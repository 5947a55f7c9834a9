"""What docs/browsers.md shows."""

import re

from servers import PASSWORD, REPOSITORY, wait_for


def test_the_page_in_the_documentation_works(site, profile):
    text = (REPOSITORY / "docs/browsers.md").read_text()
    code = re.search(r"```js\n(.*?)```", text, re.S)[1]
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
