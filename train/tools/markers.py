"""Fill text between <!-- NAME --> and <!-- /NAME --> in Markdown pages."""

import re
from pathlib import Path

from device.errors import UsageError

README = Path(__file__).parents[2] / "README.md"


def fill_markers(text: str, name: str, lines: list[str]) -> str:
    """Return the text with these lines between two markers; UsageError if it has none."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise UsageError(f"the page has no <!-- {name} --> ... <!-- /{name} -->")
    return pattern.sub(lambda match: match[1] + "\n".join(lines) + "\n" + match[2], text)
