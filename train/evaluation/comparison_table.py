"""The tables of a comparison, as text for Markdown and for the HTML page."""

from collections.abc import Sequence
from dataclasses import dataclass

from train.evaluation.comparison_rows import ComparisonRow, Step, steps
from train.evaluation.intervals import interval_text
from train.evaluation.metrics import decimals, percent_interval

QUALITY = (
    "recipe",
    "base, start",
    "photos",
    "input",
    "steps",
    "augmentation",
    "validation",
    "accuracy (95 %)",
    "balanced (95 %)",
    "F1 (95 %)",
    "AUC (95 %)",
)
COST = (
    "recipe",
    "epochs",
    "parameters",
    "multiply-adds",
    "training",
    "float",
    "int8",
    "int8 ms",
    "int8 loss",
)
STEPS = (
    "recipe",
    "accuracy",
    "earlier project",
    "after",
    "gain (95 %)",
    "earlier gain",
    "target",
    "passed",
)
SEEDS = "over seeds"
NOTE = "note"


@dataclass(frozen=True)
class TextTable:
    """A table of text whose first column names the row."""

    caption: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def markdown(self) -> list[str]:
        """Return the table as lines of Markdown."""
        lines = [f"{self.caption}:", "", _line(self.header), "|---" * len(self.header) + "|"]
        return lines + [_line((f"`{name}`", *cells)) for name, *cells in self.rows]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def tables(rows: Sequence[ComparisonRow]) -> list[TextTable]:
    """Return the tables of quality, of cost and, if there are figures for it, of the steps."""
    found = [quality_table(rows), cost_table(rows)]
    if compared := steps(rows):
        found.insert(1, steps_table(compared))
    return found


def markdown(rows: Sequence[ComparisonRow], photos: str, failed: dict[str, str]) -> list[str]:
    """Return all tables as lines of Markdown; photos: a line with their counts per split."""
    lines = [f"{photos}."]
    for table in tables(rows) if rows else ():
        lines += ["", *table.markdown()]
    if failed:
        lines += ["", f"{failed_line(failed)}."]
    return lines


def failed_line(failed: dict[str, str]) -> str:
    """Return a line with the runs that failed and why."""
    return "Failed: " + "; ".join(f"{name} ({reason})" for name, reason in failed.items())


def quality_table(rows: Sequence[ComparisonRow]) -> TextTable:
    """Return what each row was trained with, and its figures on test photos."""
    header: tuple[str, ...] = QUALITY
    cells = [_quality(row) for row in rows]
    if any(len(row.runs) > 1 for row in rows):
        place = header.index("accuracy (95 %)") + 1
        header = (*header[:place], SEEDS, *header[place:])
        cells = [
            (*cell[:place], seeds_text(row), *cell[place:])
            for row, cell in zip(rows, cells, strict=True)
        ]
    return TextTable(f"Accuracy on {tested_text(rows)}", header, cells)


def tested_text(rows: Sequence[ComparisonRow]) -> str:
    """Return "2,206 test photos, Smiling", or "..., means over 40 attributes"."""
    counts = sorted({run.tested for row in rows for run in row.runs})
    photos = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    names = rows[0].attributes
    what = names[0].replace("_", " ") if len(names) == 1 else f"means over {len(names)} attributes"
    return f"{photos} test photos, {what}"


def seeds_text(row: ComparisonRow) -> str:
    """Return the range of accuracy: "89.10 to 90.20 % (3 seeds)", "" for one run."""
    if (ends := row.seed_range()) is None:
        return ""
    return f"{100 * ends[0]:.2f} to {100 * ends[1]:.2f} % ({len(row.runs)} seeds)"


def _quality(row: ComparisonRow) -> tuple[str, ...]:
    run = row.first
    width, height = run.input
    return (
        row.name,
        f"{run.backbone}, {run.start}",
        f"{run.photos:,}",
        f"{width}x{height}",
        f"{row.mean('steps'):,.0f}",
        run.augmentation,
        _percent(row, "validation"),
        _percent(row, "accuracy"),
        *(_share(row, metric) for metric in ("balanced_accuracy", "f1", "auc")),
    )


def _percent(row: ComparisonRow, metric: str) -> str:
    value, ends = row.mean(metric), row.interval(metric)
    if value != value:
        return ""
    if ends is None:
        return f"{100 * value:.2f} %"
    return percent_interval(value, *ends, digits=2, interval_digits=1)


def _share(row: ComparisonRow, metric: str) -> str:
    value, ends = row.mean(metric), row.interval(metric)
    return f"{decimals(value, 3)} ({interval_text(ends)})" if ends else decimals(value, 3)


def steps_table(compared: Sequence[Step]) -> TextTable:
    """Return each row's gain beside the earlier project's, and whether it reached its target."""
    header: tuple[str, ...] = STEPS
    cells = [_step(step) for step in compared]
    if any(step.row.plan.note for step in compared):
        header = (*header, NOTE)
        cells = [(*cell, step.row.plan.note) for step, cell in zip(compared, cells, strict=True)]
    caption = "Gain in points of accuracy on the row in the column after, on the same test photos"
    return TextTable(caption, header, cells)


def _step(step: Step) -> tuple[str, ...]:
    plan = step.row.plan
    gain = f"{100 * step.gain:+.2f}" if step.gain == step.gain else ""
    if step.interval:
        low, high = step.interval
        gain += f" ({100 * low:+.1f} to {100 * high:+.1f})"
    earlier = step.ancestor_gain
    return (
        plan.name,
        f"{100 * step.row.accuracy:.2f} %",
        f"{100 * plan.ancestor:.2f} %" if plan.ancestor is not None else "",
        plan.after,
        gain,
        f"{100 * earlier:+.2f}" if earlier == earlier else "",
        _target(step),
        {None: "", True: "yes", False: "no"}[step.passed],
    )


def _target(step: Step) -> str:
    plan, targets = step.row.plan, []
    if plan.target is not None:
        targets.append(f"{100 * plan.target:.2f} %")
    if plan.target_gain is not None:
        targets.append(f"gain {100 * plan.target_gain:+.2f}")
    return ", ".join(targets)


def cost_table(rows: Sequence[ComparisonRow]) -> TextTable:
    """Return what each row costs to train and to run; int8 loss is in points of accuracy."""
    return TextTable("Cost", COST, [_cost(row) for row in rows])


def _training(row: ComparisonRow) -> str:
    """Return "11.9 CPU min", or the time on the clock with an accelerator: "1.9 min, gpu"."""
    if row.first.device == "cpu":
        return f"{row.mean('training_cpu_s') / 60:.1f} CPU min"
    return f"{row.mean('training_s') / 60:.1f} min, {row.first.device}"


def _cost(row: ComparisonRow) -> tuple[str, ...]:
    run = row.first
    return (
        row.name,
        f"{row.mean('epochs'):g}",
        f"{run.parameters / 1e6:.2f} M",
        f"{run.multiply_adds / 1e6:,.0f} M",
        _training(row),
        f"{run.float_bytes / 1e6:.1f} MB",
        f"{run.int8_bytes / 1e6:.2f} MB",
        milliseconds(min(run.int8_ms for run in row.runs)),
        f"{100 * row.mean('int8_loss'):+.2f}",
    )


def milliseconds(value: float) -> str:
    """Return a time in ms as the table and the chart show it: never 0."""
    return f"{value:,.1f}" if value >= 0.1 else f"{value:.2g}"
