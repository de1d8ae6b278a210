"""The packages of train/ import only those below them, and hints name modules that exist."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

TRAIN = ROOT / "train"
# From the bottom; commands, the modules directly in train/, are on top.
LAYERS = (
    "keras_import",
    "data",
    "network",
    "training",
    "evaluation",
    "report",
    "weights",
    "tools",
    "command",
)
SIBLINGS = {"report", "tools"}  # neither imports the other
SOURCES = sorted(TRAIN.rglob("*.py"))
MODULE = re.compile(r"(?<![\w-])(?:train|device)(?:\.[a-z_0-9]+)+\b(?!\()")


def layer(module: str) -> str:
    """Return the layer of a dotted module name that starts with train."""
    first = module.split(".")[1] if "." in module else "command"
    return first if first in LAYERS else "command"


def imports(path: Path) -> set[str]:
    """Return the modules of train/ that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("train.")}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_module_imports_only_layers_below(path):
    own = layer(module_of(path))
    for name in imports(path):
        other = layer(name)
        assert LAYERS.index(other) <= LAYERS.index(own), f"{module_of(path)} imports {name}"
        assert {own, other} != SIBLINGS, f"{module_of(path)} imports {name}"


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    path = ROOT.joinpath(*parts)
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    parent = path.parent.with_suffix(".py")
    package = path.parent / "__init__.py"
    source = parent if parent.is_file() else package
    return source.is_file() and re.search(rf"\b{parts[-1]}\b", source.read_text()) is not None


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_modules_named_in_texts_exist(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for name in MODULE.findall(node.value):
                assert exists(name), f"{module_of(path)} names {name}: {node.value[:80]!r}"


def test_commands_named_after_python_m_exist():
    texts = [path.read_text() for path in (*SOURCES, *TRAIN.rglob("*.toml"))]
    named = {name for text in texts for name in re.findall(r"-m ((?:train|device)[.\w]*\w)", text)}
    assert "train.fit" in named
    for name in named:
        assert importlib.util.find_spec(name), name


@pytest.mark.parametrize(
    "module",
    [
        *("celeba", "own_photos", "recipe", "quantize", "fit", "convert", "evaluate", "predict"),
        *("calibrate", "compare", "soup", "ensemble", "people", "verify", "report", "weights"),
        "pretrain",
        *("tools.readme_figures", "tools.skin_tone"),
        *("tools.skin_tone_sheets", "tools.skin_tone_agreement"),
    ],
)
def test_every_command_has_a_main(module):
    path = TRAIN.joinpath(*module.split("."))
    source = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__main__.py"
    text = source.read_text()
    assert "exit_with(main)" in text and f'"train.{module}", __doc__' in text
