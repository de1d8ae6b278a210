"""Write MODEL_CARD.md, the card for people: what the model is for, its figures, its limits."""

from device.attributes.card import Card

# Figure's key -> what people call it.
FIGURES = {
    "accuracy": "mean accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "mean_auc": "mean AUC",
    "smiling_accuracy": "Smiling, accuracy",
    "calibration_error": "calibration error (15 bins)",
}


def _stages(training: dict) -> list[str]:
    """Return a line per run that led to the model, the first one first."""
    settings = training["settings"]
    line = (
        f"- {settings['epochs']} epochs from the weights {settings['weights']}, learning rate "
        f"{settings['learning_rate']:g} at its peak, batch {settings['batch']}, seed "
        f"{settings['seed']}, code {training['code']}"
    )
    before = training.get("went_on_from")
    return [*(_stages(before) if before else []), line]


def model_card(card: Card, name: str, size_bytes: int, verified: list[str]) -> str:
    """Return the text of MODEL_CARD.md; all figures are those in the card."""
    training = card.training
    width, height = card.crop_wh
    lines = [
        f"# {name}: {len(card.attributes)} face attributes",
        "",
        "Written by `python -m train.convert`; the figures are those of "
        f"`{name}.json`, and `python -m train.evaluate` reproduces them.",
        "",
        "## What it is",
        "",
        f"MobileNetV2 1.0 (Sandler et al., 2018), {width}x{height} RGB bytes in, one probability "
        f"per attribute out; full-integer .tflite of {size_bytes / 1e6:.2f} MB. The device scales "
        "each output's logit with the slope and offset in the card (Platt scaling, fitted on "
        "validation photos) and says an attribute from the card's threshold on.",
        "",
        "## Trained on",
        "",
        f"{training['data']}: {training['photos']['train']:,} photos. {training['licence']}",
        "",
        *_stages(training),
        "",
        "## Measured",
        "",
        "Means over the attributes, at the card's thresholds; nothing was fitted on test photos.",
        "",
    ]
    for split, figures in card.measured.items():
        lines += [
            f"| {split}, {figures['photos']:,} photos | float | int8 |",
            "|---|---|---|",
            *(
                f"| {label} | {figures['float'][key]:.3f} | {figures['int8'][key]:.3f} |"
                for key, label in FIGURES.items()
                if figures["float"].get(key) is not None
            ),
            "",
        ]
    lines += [
        "Runtimes:",
        "",
        *(f"- {line}" for line in verified),
        "",
        "## Limits",
        "",
        "- CelebA shows celebrities, mostly young, light-skinned, lit and facing the camera; "
        "expect more errors on everybody else.",
        "- The labels are annotators' impressions. Attractive, Young or Male say how a face struck "
        "them, not what a person is. Do not decide about people by them.",
        "- It needs a face upright and to scale, cut out as `device/faces/align.py` does.",
        "- Non-commercial use only.",
        "",
    ]
    return "\n".join(lines)
