"""MkDocs hook: pages from files outside docs/, and links that work in the site as on GitHub.

Links are written relative to their file in the repository. In the site a link to a page stays one,
wherever the file lies; a link to another file (code, LICENSE) becomes the name alone.
"""

import ast
import json
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
# Files of the repository that become pages under the same path.
CARDS = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("models/MODEL_CARD*.md"))]
OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "models/LICENSE.md", *CARDS)
EXAMPLES, NOTEBOOK = "examples.md", "train_in_colab.md"
INSTEAD = {
    "README.md": "index.md",
    "docs/examples": EXAMPLES,
    "docs/examples/train_in_colab.ipynb": NOTEBOOK,
}
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
EXAMPLES_INTRO = """# Examples

One task each, for the library. Run one from a checkout's root or with the wheel installed:

    python docs/examples/count_smiles.py demo

A source is `demo`, a camera (`0`, `usb:0`, `csi:0`, `rtsp://...`), a video, a photo or a folder of
photos.
"""


def on_files(files, config):
    """Add the pages from outside docs/ and the page of the examples."""
    for path in OUTSIDE:
        files.append(File.generated(config, path, content=(ROOT / path).read_text()))
    folder = Path(config.docs_dir) / "examples"
    files.append(File.generated(config, EXAMPLES, content=examples_page(folder)))
    page = notebook_page(folder / "train_in_colab.ipynb")
    files.append(File.generated(config, NOTEBOOK, content=page))
    for file in list(files):
        if file.src_uri.startswith("examples/"):
            files.remove(file)
    return files


def on_page_markdown(markdown, page, config, files):
    """Point the links of a page at pages of the site."""
    source = page.file.src_uri
    place = source if source in OUTSIDE else f"docs/{source}"
    return rewrite(markdown, place, source, {file.src_uri for file in files})


def rewrite(markdown: str, place: str, page: str, pages: set[str]) -> str:
    """Return Markdown whose links fit the site.

    place: path of the file in the repository. page: its path in the site. pages: paths in the site.
    """

    def fitting(link: re.Match) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        path = INSTEAD.get(path, path)
        uri = path.removeprefix("docs/")
        if uri in pages and (path.startswith("docs/") or path in (*OUTSIDE, *INSTEAD.values())):
            start = posixpath.dirname(page) or "."
            return f"[{text}]({posixpath.relpath(uri, start)}{anchor})"
        return link[0] if path.startswith("docs/") else text

    return LINK.sub(fitting, markdown)


def notebook_page(path: Path) -> str:
    """Return a notebook as a page: its text, and its code as blocks."""
    parts = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source)
    title, *others = parts
    name = f"`docs/examples/{path.name}`, to be opened in Jupyter or on Colab."
    first, _, text = title.partition("\n")
    return "\n\n".join([first, name, text.strip(), *others]) + "\n"


def examples_page(folder: Path) -> str:
    """Return the page that shows every script of a folder, its docstring as its heading."""
    parts = [EXAMPLES_INTRO]
    for path in sorted(folder.glob("*.py")):
        source = path.read_text()
        title = (ast.get_docstring(ast.parse(source)) or path.stem).splitlines()[0].rstrip(".")
        parts.append(f"## {title}\n\n`docs/examples/{path.name}`\n\n```python\n{source}```\n")
    return "\n".join(parts)
