"""Write a model's card for people: what it is for, its figures, for whom it errs, its limits."""

from device.attributes.model_card import ModelCard
from train.celeba import SPLITS

SOURCES = {
    "MobileNetV2": " 1.0 (Sandler et al., 2018)",
    "MobileNet": " 1.0 (Howard et al., 2017)",
    "EfficientNetLite2": " 1.0 (Liu, 2020)",
}
CELEBA_LIMITS = [
    "- CelebA shows celebrities, mostly young, light-skinned, lit and facing the camera; "
    "expect more errors on everybody else.",
    "- The labels are single impressions of annotators. Attractive, Young, Chubby, Big_Lips, "
    "Big_Nose, Pointy_Nose, Oval_Face, High_Cheekbones, Narrow_Eyes, Arched_Eyebrows, "
    "Bushy_Eyebrows, Bags_Under_Eyes, Pale_Skin, Rosy_Cheeks and Heavy_Makeup are matters of "
    "opinion, on which two annotators often differ (Wu et al., 2023, Consistency and Accuracy "
    "of CelebA Attribute Values). CelebA's own splits differ in how freely they were given.",
]
FEW_PEOPLE = 20  # fewer say nothing about a group

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
    if ensemble := training.get("ensemble"):
        members = ensemble["members"]
        said = (
            f"- the mean of the log-odds of {' and '.join(members)} (Lakshminarayanan et al., 2017)"
        )
        return [*(line for one in members.values() for line in _stages(one)), said]
    settings = training["settings"]
    line = (
        f"- {settings['epochs']} epochs from the weights {settings['weights']}, learning rate "
        f"{settings['learning_rate']:g} at its peak, batch {settings['batch']}, seed "
        f"{settings['seed']}{_extras(settings)}, code {training['code']}"
    )
    before, soup = training.get("went_on_from"), training.get("soup")
    mean = []
    if soup:
        shares = ", ".join(f"{name} {share:g}" for name, share in soup["shares"].items())
        mean = [f"- the mean of the weights of these runs ({shares}; Wortsman et al., 2022)"]
    return [*(_stages(before) if before else []), line, *mean]


def _extras(settings: dict) -> str:
    """Return what a recipe has beyond the plain one; older runs have no word of it."""
    said = ""
    if settings.get("teacher"):
        teachers = " and ".join(settings["teacher"])
        said += f", {settings['teacher_share']:.0%} of each label {teachers}'s opinion"
    if mix := settings.get("augmentation", {}).get("mix"):
        said += f", each photo blended with up to {mix:.0%} of another"
    if settings.get("ema"):
        said += f", running mean of the weights ({settings['ema']:g})"
    return said


def splits_of(card: ModelCard) -> dict[str, dict]:
    """Return the card's figures per split."""
    return {name: card.measured[name] for name in SPLITS if name in card.measured}


def model_card(card: ModelCard, name: str, verified: list[str]) -> str:
    """Return the card for people; all figures are those in the device's card."""
    training, measured = card.training, card.measured
    width, height = card.crop_wh
    celeba = training["data"].startswith("CelebA")
    lines = [
        f"# {name}: {len(card.attributes)} face attributes",
        "",
        "Written by `python -m train.convert`; the figures are those of "
        f"`{name}.json`, and `python -m train.evaluate --model models/{name}.json` reproduces "
        "them.",
        "",
        "## What it is",
        "",
        f"{_network(training)}, {width}x{height} RGB bytes in, one probability per "
        f"attribute out; full-integer .tflite of {measured['bytes'] / 1e6:.2f} MB, "
        f"{measured['multiply_adds'] / 1e6:.0f} million multiply-adds a face. The device scales "
        "each output's logit with the slope and offset in the card (Platt scaling on validation "
        "photos, at the training photos' prevalence) and says an attribute from the card's "
        "threshold on.",
        "",
        "## What it is for, and not",
        "",
        "For labelling faces in one's own pictures, for teaching, research and art, and for counts "
        "over many people in which single errors do not matter.",
        "",
        "Not for deciding about anybody: not for access, hiring, policing, medicine, age checks or "
        "advertising by group. Not for telling gender: `Male` is what annotators saw in "
        "photos of celebrities, not what a person is. Not for identifying people. Not for faces "
        "of children: CelebA has none to speak of.",
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
        *_figures(card),
        "Runtimes:",
        "",
        *(f"- {line}" for line in verified),
        "",
        *_groups(measured.get("groups", {})),
        "## Limits",
        "",
        *(CELEBA_LIMITS if celeba else []),
        *_hardest(measured.get("hardest", {})),
        "- It needs a face upright and to scale, cut out as `device/faces/align.py` does.",
        *(["- Non-commercial use only, since CelebA is."] if celeba else []),
        "",
    ]
    return "\n".join(lines)


def _network(training: dict) -> str:
    if "ensemble" in training:
        members = training["ensemble"]["members"].values()
        return "The mean of " + " and ".join(_backbone(one["settings"]) for one in members)
    return _backbone(training["settings"])


def _backbone(settings: dict) -> str:
    name = settings.get("backbone", "MobileNetV2")
    until = settings.get("until")
    # Runs of before named the last layer of the whole network.
    part = f", cut after `{until}`" if until not in (None, "", "out_relu") else ""
    return f"{name}{SOURCES.get(name, '')}{part}"


def _figures(card: ModelCard) -> list[str]:
    lines = []
    for split, figures in splits_of(card).items():
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
    return lines


def _hardest(aucs: dict[str, float]) -> list[str]:
    if not aucs:
        return []
    said = ", ".join(f"{name} ({auc:.2f})" for name, auc in aucs.items())
    return [f"- Nearest to noise, by their AUC on test photos: {said}. Take these as hints."]


def _groups(errors: dict[str, list[dict]]) -> list[str]:
    """Return for whom the model errs most: a sentence per attribute and data set."""
    lines = []
    for title, rows in errors.items():
        for attribute in dict.fromkeys(row["attribute"] for row in rows):
            of_it = [row for row in rows if row["attribute"] == attribute]
            overall = next((row for row in of_it if row["group"] == "all"), None)
            ordered = sorted(of_it, key=lambda row: -row["error"])
            worst = [row for row in ordered if row is not overall and row["people"] >= FEW_PEOPLE]
            if not worst:
                continue
            told = "; ".join(_error(row) for row in worst[:3])
            mean = f" {_share(overall)} overall," if overall else ""
            least = _error(worst[-1])
            lines.append(f"- {title}, {attribute}, wrong:{mean} most for {told}; least {least}.")
    if not lines:
        return []
    return ["## For whom it errs most", "", "With 95 % intervals.", "", *lines, ""]


def _error(row: dict) -> str:
    return f"{row['group']} {_share(row)}"


def _share(row: dict) -> str:
    low, high = 100 * row["low"], 100 * row["high"]
    return f"{100 * row['error']:.1f} % ({low:.1f} to {high:.1f})"
