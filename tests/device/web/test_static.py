"""The page's files: a strict content security policy holds, and no other host is asked."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import device

STATIC = Path(device.__file__).parent / "web" / "static"
HTML = sorted(STATIC.glob("*.html"))
SCRIPTS = sorted(STATIC.glob("*.js"))
FILES = sorted(STATIC.iterdir())
# Names of XML vocabularies, which nothing loads.
NAMESPACES = ("http://www.w3.org/2000/svg",)
VOID = {"meta", "link", "img", "input", "br", "path", "circle"}


class Page(HTMLParser):
    """The elements of a page, and the text inside of scripts and style sheets."""

    def __init__(self, path: Path):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.inline: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style") and data.strip():
            self.inline.append(data)

    def all(self, name: str) -> list[str]:
        """Return the values of an attribute, of all elements."""
        return [attrs[name] or "" for _, attrs in self.elements if name in attrs]


def test_the_files_are_there():
    assert {"index.html", "login.html", "page.css", "page.js"} <= {path.name for path in FILES}


@pytest.mark.parametrize("path", HTML, ids=lambda path: path.name)
def test_no_script_style_or_handler_is_inline(path):
    page = Page(path)
    assert page.open == []
    assert page.inline == []
    assert not page.all("style")
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert not [tag for tag, attrs in page.elements if tag == "script" and "src" not in attrs]
    assert not [tag for tag, _ in page.elements if tag in ("style", "iframe", "base", "object")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_other_host_is_named(path):
    text = path.read_text(encoding="utf-8")
    for namespace in NAMESPACES:
        text = text.replace(f"'{namespace}'", "")
    assert not re.findall(r"(?:https?|wss?|ftp)://|[\"'(=]\s*//\w", text)
    assert "@import" not in text


@pytest.mark.parametrize("path", HTML, ids=lambda path: path.name)
def test_addresses_begin_at_this_server(path):
    page = Page(path)
    for address in [*page.all("src"), *page.all("href"), *page.all("action")]:
        assert address.startswith(("/", "#", "data:image/", "data:,")), address


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_markup_from_text(path):
    code = path.read_text(encoding="utf-8")
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", code)
    assert 'setAttribute("style"' not in code


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_imports_and_static_addresses_exist(path):
    code = path.read_text(encoding="utf-8")
    for name in re.findall(r"from \"\./([^\"]+)\"", code):
        assert (STATIC / name).is_file(), name


@pytest.mark.parametrize("path", HTML, ids=lambda path: path.name)
def test_what_a_page_links_to_exists(path):
    page = Page(path)
    for address in [*page.all("src"), *page.all("href")]:
        if address.startswith("/static/"):
            assert (STATIC / address.removeprefix("/static/")).is_file(), address


@pytest.mark.parametrize("path", HTML, ids=lambda path: path.name)
def test_ids_are_unique_and_references_resolve(path):
    page = Page(path)
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    targets = [*page.all("aria-labelledby"), *page.all("for")]
    targets += [address[1:] for address in page.all("href") if address.startswith("#")]
    assert set(targets) <= set(ids)


def test_each_id_that_scripts_use_is_on_a_page():
    ids = {name for path in HTML for name in Page(path).all("id")}
    used = {
        name
        for path in SCRIPTS
        for name in re.findall(r"(?:byId|getElementById)\(\"([^\"]+)\"", path.read_text("utf-8"))
    }
    assert used <= ids


def test_the_page_has_landmarks_headings_and_texts():
    page = Page(STATIC / "index.html")
    tags = [tag for tag, _ in page.elements]
    assert {"header", "main", "footer", "noscript"} <= set(tags)
    assert tags.count("h1") == 1
    for tag, attrs in page.elements:
        if tag == "section":
            assert "aria-labelledby" in attrs
        if tag == "img":
            assert attrs.get("alt")
        if tag == "html":
            assert attrs.get("lang") == "en"


def test_the_page_is_for_phones_and_for_dark_rooms():
    css = (STATIC / "page.css").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in css
    assert "prefers-reduced-motion: reduce" in css
    assert "focus-visible" in css
    for path in HTML:
        assert 'content="width=device-width, initial-scale=1"' in path.read_text(encoding="utf-8")


def channel(byte: int) -> float:
    share = byte / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb, by WCAG 2."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    red, green, blue = (channel(int(digits[at : at + 2], 16)) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes() -> list[dict[str, str]]:
    css = (STATIC / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block)) for block in blocks]
    light, dark = found
    return [light, light | dark]


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark"])
def test_texts_have_the_contrast_of_aa(theme):
    pairs = [(text, ground) for text in ("ink", "soft") for ground in ("ground", "card", "track")]
    pairs += [("accent", "card"), ("accent", "ground"), ("on-accent", "accent"), ("error", "card")]
    pairs += [(level, f"{level}-ground") for level in ("ok", "warning", "error")]
    for text, ground in pairs:
        assert contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
    for part in ("accent", "soft"):  # of a bar, against its track
        assert contrast(theme[part], theme["track"]) >= 3
