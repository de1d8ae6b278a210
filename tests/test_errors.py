"""Every error of Facet has a message and a hint, read from the source."""

import ast
import functools
from pathlib import Path

from device.errors import FacetError, Stopped

ROOT = Path(__file__).parent.parent
BASES = {"FacetError", "UsageError", "SourceError", "ModelError"}
# Classes that take other arguments: their own __init__ passes the hint on.
OWN_ARGUMENTS = {"RejectedError", "LayerError"}


@functools.cache
def trees() -> dict[str, ast.Module]:
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
        for half in ("device", "train")
        for path in sorted((ROOT / half).rglob("*.py"))
    }


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


@functools.cache
def error_classes() -> set[str]:
    found, classes = (
        set(BASES),
        [
            node
            for tree in trees().values()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
        ],
    )
    for _ in range(3):  # subclasses of subclasses
        found |= {c.name for c in classes if found & set(map(name_of, c.bases))}
    return found - {"Stopped"}


@functools.cache
def calls() -> list[tuple[str, ast.Call]]:
    names = error_classes() - OWN_ARGUMENTS
    return [
        (path, node)
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) in names
    ]


def hint_of(call: ast.Call) -> ast.expr | None:
    if len(call.args) > 1:
        return call.args[1]
    return next((word.value for word in call.keywords if word.arg == "hint"), None)


def ends_as_a_sentence(node: ast.expr | None) -> bool:
    """Whether a literal ends in a full stop, which would stand before ". Try:"."""
    last = node.values[-1] if isinstance(node, ast.JoinedStr) and node.values else node
    return isinstance(last, ast.Constant) and str(last.value).endswith(".")


def test_the_scan_finds_the_errors():
    assert len(calls()) > 250
    assert {"DataError", "AlignError", "InUse", "PhotoError"} <= error_classes()


def test_every_error_has_a_hint():
    without = [
        f"{path}:{call.lineno}"
        for path, call in calls()
        if (hint := hint_of(call)) is None or (isinstance(hint, ast.Constant) and not hint.value)
    ]
    assert not without


def test_messages_do_not_end_in_a_full_stop():
    odd = [f"{path}:{call.lineno}" for path, call in calls() if ends_as_a_sentence(call.args[0])]
    assert not odd


def test_an_error_is_one_line():
    error = FacetError("a fault\nof two lines", "a command")
    assert str(error) == "a fault of two lines. Try: a command"
    assert str(Stopped("stopped while opening")) == "stopped while opening"
