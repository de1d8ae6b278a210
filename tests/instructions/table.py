"""The baseline as the tables of docs/benchmarks.md."""

from .baseline import Baseline
from .count import all_else, spoken
from .recording import NETWORKS, SCENES, SIZE_WH


def lines_of(baseline: Baseline) -> list[str]:
    """Return the tables as lines of Markdown, in millions of instructions."""
    figures = baseline.figures
    versions = ", ".join(f"{name} {version}" for name, version in baseline.versions.items())
    size = f"{SIZE_WH[0]}x{SIZE_WH[1]}"
    lines = [
        f"Counted on {baseline.date}, in millions: {versions.removeprefix('processor ')}.",
        "",
        f"| a frame of {size} | instructions | of which the models | all else |",
        "|---|---:|---:|---:|",
    ]
    for scene in SCENES:
        whole, rest = figures[scene], figures[all_else(scene)]
        lines.append(
            f"| {scene} | {_millions(whole)} | {_millions(whole - rest)} | {_millions(rest)} |"
        )
    lines += ["", "| a model's invocation | instructions |", "|---|---:|"]
    lines += [f"| {spoken(one)} | {_millions(figures[spoken(one)])} |" for one in NETWORKS]
    return lines


def _millions(instructions: int) -> str:
    return f"{instructions / 1e6:.2f}"
