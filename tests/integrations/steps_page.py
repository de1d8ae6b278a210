"""The page, looked at by Chromium as a person does."""

import itertools
from urllib.parse import urlsplit

from scripts.chromium import Chromium
from tests.integrations import programs
from tests.integrations.stage import PASSWORD, Stage
from tests.integrations.step import step

PART = "Web page"
# What the picture is now, as few numbers; 0 while there is none.
SHOWN = """(() => {
  const image = document.getElementById("picture");
  if (!image.naturalWidth) return 0;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [32, 24];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 32, 24);
  return context.getImageData(0, 0, 32, 24).data.join();
})()"""
LOOKS_S, LOOKS = 0.5, 20


@step(PART, "sign in", "the page asks for its password over https, and opens with it")
def sign_in(stage: Stage) -> str:
    stage.running()
    programs.CHROMIUM.need()
    browser = stage.add(stage.stack.enter_context(Chromium()))
    page = stage.add(browser.page(1300, 1000))
    # Nobody has signed the certificate; a person would be asked once.
    page.call("Security.setIgnoreCertificateErrors", ignore=True)
    page.open(stage.secure)
    page.until("location.pathname === '/login' && document.activeElement.id === 'password'")
    page.type(PASSWORD)
    page.press("Enter")
    page.until("location.pathname === '/' && document.getElementById('picture') !== null")
    return "first the form, then the page"


@step(PART, "people in view", "the page lists those whom the camera sees, with their attributes")
def people(stage: Stage) -> str:
    page = stage.page
    page.until("document.querySelectorAll('#people-list > li').length >= 1")
    text = page.until("document.getElementById('people-list').innerText")
    return " ".join(text.split())[:80] + " ..."


@step(PART, "live picture", f"changes in {LOOKS * LOOKS_S:.0f} s at least {LOOKS // 2} times")
def moves(stage: Stage) -> str:
    page = stage.page
    page.until("document.getElementById('picture').naturalWidth === 640")
    seen = []
    for _ in range(LOOKS):
        seen.append(page.evaluate(SHOWN))
        page.rest(LOOKS_S)
    changes = sum(a != b for a, b in itertools.pairwise(seen))
    assert changes >= LOOKS // 2, f"{changes} changes"
    rate = page.evaluate("document.getElementById('fps').innerText")
    (stage.evidence / "page.png").write_bytes(page.screenshot())
    return f"{changes} changes in {LOOKS} looks, 640 px wide; the page says {rate}"


@step(PART, "console and network", "no error or warning, and no request to another host")
def quiet(stage: Stage) -> str:
    page = stage.page
    hosts = {urlsplit(url).netloc for url in page.requests if not url.startswith("data:")}
    assert not page.complaints, page.complaints
    assert hosts == {f"127.0.0.1:{stage.web_port}"}, hosts
    return f"0 errors, 0 warnings; {len(page.requests)} requests, all to Facet"
