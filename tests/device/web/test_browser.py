"""The page in a real Chromium: signing in, what it shows, what it asks for, keyboard, phones."""

import os
from dataclasses import replace

import pytest

from device.types import Line, LineCount
from device.web.login import Pauses
from scripts.chromium import INSTALL, Chromium, find_chromium
from tests.device.outputs.made_up import face, result
from tests.device.web.conftest import HASH, PASSWORD, Loop, live_run, until

if find_chromium() is None and os.environ.get("FACET_INTEGRATIONS") != "1":
    pytest.skip(f"no chromium ({INSTALL})", allow_module_level=True)

LIVE = "document.body.dataset.link === 'live'"
LOADED = f"{LIVE} && document.querySelector('.fill') && document.querySelector('#chart svg')"
SHOWN = "getComputedStyle(document.getElementById('{}')).display !== 'none'"
FOCUS = "(document.activeElement.id || document.activeElement.textContent.trim())"


@pytest.fixture(scope="module")
def browser():
    with Chromium() as browser:
        yield browser


@pytest.fixture
def page(browser):
    """Return a function that opens a page, which is closed at the test's end."""
    pages = []

    def opened(served, path="/", size=(1280, 900), **options):
        pages.append(browser.page(*size, **options))
        pages[-1].open(f"{served.url}{path}")
        return pages[-1]

    yield opened
    for one in pages:
        one.close()


def sign_in(tab, password):
    tab.until(
        f"document.readyState === 'complete' && {FOCUS} === 'password'"
    )  # the field has the focus: nothing to click
    tab.evaluate("document.getElementById('password').value = ''")
    tab.type(password)
    tab.press("Enter")


@pytest.mark.parametrize(
    "scripts",
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["scripts", "no scripts"],
)
def test_a_user_signs_in_with_the_form(serve, page, scripts):
    served = serve(password=HASH)
    served.show()
    tab = page(served, size=(390, 844), scripts=scripts)
    tab.until("location.pathname === '/login' && document.readyState === 'complete'")
    assert not tab.evaluate(SHOWN.format("wrong"))
    sign_in(tab, "wrong horse")
    tab.until(f"location.hash === '#wrong' && document.forms.length && {SHOWN.format('wrong')}")
    if not scripts:
        tab.evaluate("document.getElementById('password').focus()")
    sign_in(tab, PASSWORD)
    tab.until("location.pathname === '/' && document.getElementById('picture')")
    if scripts:
        tab.until("!document.getElementById('logout').hidden")
        tab.click("#logout button")
    else:
        tab.until("document.querySelector('.notice img')?.naturalWidth === 160")
        assert not tab.evaluate("document.querySelector('main').checkVisibility()")
        assert "needs JavaScript" in tab.evaluate("document.body.innerText")
        tab.click(".notice button")
    tab.until("location.pathname === '/login'")
    tab.open(f"{served.url}/")
    tab.until("location.pathname === '/login'")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_after_wrong_passwords_the_form_says_to_wait(serve, page, scripts):
    served = serve(password=HASH)
    until(lambda: served.page.site, "the page's start")
    pauses = Pauses(lambda: 0.0)  # its time does not pass
    served.page.site._access._pauses = pauses
    for _ in range(4):
        pauses.wrong("127.0.0.1")
    tab = page(served, "/login", scripts=scripts)
    sign_in(tab, PASSWORD)
    tab.until(f"location.hash === '#wait' && document.forms.length && {SHOWN.format('wait')}")
    assert not tab.evaluate(SHOWN.format("wrong"))


@pytest.mark.slow
def test_an_expired_session_leads_to_the_form_which_says_so(serve, page):
    served = serve(password=HASH)
    served.show()
    tab = page(served)
    sign_in(tab, PASSWORD)
    tab.until(LIVE)
    served.page.site._access._sessions._key = b"another password's"
    tab.evaluate("dispatchEvent(new Event('pagehide'))")
    tab.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    tab.until(f"location.pathname === '/login' && {SHOWN.format('expired')}")


def test_nothing_is_asked_of_other_hosts_and_nothing_complains(serve, page):
    served = serve(fps=30)
    with Loop(served):
        tab = page(served)
        tab.until(LOADED)
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        tab.until("document.querySelectorAll('#hours tr').length === 24")
        tab.until("document.querySelectorAll('#settings table').length >= 11")
        tab.until("document.getElementById('picture').naturalWidth === 160")  # the stream is shown
        tab.click("#snapshot")
        tab.until("document.getElementById('snapshot-note').textContent === 'Saved.'")
    asked = [url for url in tab.requests if not url.startswith(("data:", "blob:"))]
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(f"{served.url}/")] == []
    assert tab.complaints == []


def test_the_policy_stops_inline_scripts_and_other_hosts(serve, page):
    served = serve()
    served.show()
    tab = page(served)
    tab.until(LIVE)
    tab.evaluate(
        "(() => { const one = document.createElement('script');"
        "one.textContent = 'window.ran = true'; document.body.append(one); })()"
    )
    assert tab.evaluate("window.ran") is None
    assert tab.evaluate("fetch('http://127.0.0.1:9/').then(() => 1, () => 2)") == 2
    assert sum("Content Security Policy" in complaint for complaint in tab.complaints) >= 2


def test_keys_reach_everything_and_the_focus_is_seen(serve, page):
    served = serve()
    served.show()
    tab = page(served)
    tab.until(LOADED)
    order = []
    for _ in range(6):
        tab.press("Tab")
        order.append(tab.evaluate(FOCUS))
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        box = "document.activeElement.getBoundingClientRect()"
        assert tab.evaluate(f"{box}.bottom > 0 && {box}.right > 0")
    assert order[:4] == ["Skip to the people in view", "snapshot", "fullscreen",
                         "By hour, as a table"]  # fmt: skip


def test_a_screen_reader_finds_names_and_hears_little(serve, page):
    served = serve(fps=30)
    with Loop(served):
        tab = page(served)
        tab.until(LOADED)
        tab.rest(4)  # the number of people has been said
        tab.evaluate(
            "window.said = []; for (const one of document.querySelectorAll('[role=status]'))"
            " new MutationObserver(() => said.push(one.textContent))"
            ".observe(one, {childList: true, characterData: true, subtree: true})"
        )
        frames = served.count
        until(lambda: tab.rest(0.5) or served.count > frames + 60, "sixty more frames")
        assert tab.evaluate("said") == []
        found = tab.accessible()
    assert ("image", "Live picture with a box around each face") in found
    names = [name.strip() for role, name in found if role == "heading"]
    assert {"Facet", "Live picture", "A camera watches here", "People in view",
            "Face 1", "Visits", "Checks", "Settings"} <= set(names)  # fmt: skip
    nameless = ("button", "link", "image", "region", "table", "textbox", "DisclosureTriangle")
    assert [role for role, name in found if role in nameless and not name.strip()] == []


@pytest.mark.parametrize(
    "size",
    [
        (320, 600),
        pytest.param((390, 844), marks=pytest.mark.slow),
        pytest.param((820, 1100), marks=pytest.mark.slow),
        (1280, 900),
    ],
)
@pytest.mark.parametrize(
    "dark", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["light", "dark"]
)
def test_nothing_is_wider_than_the_screen(serve, page, size, dark):
    line = Line("a very long name of a line in the garden", (0.5, 0.0), (0.5, 1.0), "came", "went")
    rule = {"when": "Smiling", "do": "snapshot", "folder": "/var/lib/facet/pictures/of/the/garden"}
    served = serve(live=live_run(rules=[rule]))
    people = face(1), face(2, person="Ada"), face(3, values=None, state="blurred")
    served.live.state.write(replace(result(*people), lines=(LineCount(line, 31_234, 1_234),)))
    tab = page(served, size=size, dark=dark)
    tab.until(LOADED)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    tab.until("document.querySelector('#settings table')")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    outside = (
        "[...document.querySelectorAll('main *:not(.hidden, .hidden *, .fill, svg *)')]"
        ".filter((one) => one.getBoundingClientRect().right > innerWidth + 1)"
        ".map((one) => one.outerHTML.slice(0, 80))"
    )
    assert tab.evaluate(outside) == []
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(16, 19, 23)" if dark else "rgb(243, 246, 247)")


@pytest.mark.slow
def test_the_sums_of_lines_are_shown_as_they_change(serve, page):
    served = serve()
    served.show()
    tab = page(served)
    tab.until(LIVE)
    assert tab.evaluate("document.getElementById('lines-part').hidden")
    line = Line("door", (0.5, 0.0), (0.5, 1.0), "came", "went")
    for ins in (3, 1_004):
        counted = LineCount(line, ins, 1)
        served.live.state.write(replace(result(face(), index=ins), lines=(counted,)))
        tab.until(f"document.getElementById('lines').innerText.includes('{ins:,}')")
    shown = tab.evaluate("document.getElementById('lines').innerText").split()
    assert shown == ["door", "came", "1,004", "went", "1"]


@pytest.mark.slow
def test_a_server_that_ends_is_told_and_its_return_found(serve, page):
    served = serve()
    served.show()
    tab = page(served)
    tab.until(LIVE)
    served.page.__exit__(None, None, None)
    tab.until("document.body.dataset.link === 'lost'")
    assert "Connection lost" in tab.evaluate("document.getElementById('state').textContent")
    again = serve(live=live_run({"address": f"127.0.0.1:{served.port}"}))
    again.show()
    tab.until(LIVE)
