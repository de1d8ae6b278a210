"""Fill text between <!-- NAME --> and <!-- /NAME --> in Markdown pages."""

import re

from device.errors import UsageError


def fill_markers(text: str, name: str, lines: list[str]) -> str:
    """Return the text with these lines between two markers; UsageError if it has none."""
    if not has_markers(text, name):
        raise UsageError(
            f"the page has no <!-- {name} --> ... <!-- /{name} -->",
            "git checkout README.md docs/",
        )
    return _between(name).sub(lambda match: match[1] + "\n".join(lines) + "\n" + match[2], text)


def has_markers(text: str, name: str) -> bool:
    """Return whether the text has both markers."""
    return _between(name).search(text) is not None


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
