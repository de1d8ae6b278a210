"""Write a model's card for people: purpose, metrics, errors by group, limits."""

import shlex
from pathlib import Path

from device.attributes.model_card import ModelCard
from device.text import counted
from train.data.split import SPLITS
from train.data.unreadable import LEFT_OUT
from train.evaluation.agreement import flat_line
from train.evaluation.fairness_text import WORST, summary_lines, worst_groups
from train.evaluation.group_errors import MIN_PEOPLE

SOURCES = {
    "MobileNetV2": " 1.0 (Sandler et al., 2018)",
    "MobileNet": " 1.0 (Howard et al., 2017)",
    "EfficientNetLite2": " 1.0 (Liu, 2020)",
    "EfficientNetLite3": " 1.0 (Liu, 2020)",
}
CELEBA_LIMITS = [
    "- CelebA shows celebrities, mostly young, light-skinned, well lit and facing the camera; "
    "expect more errors on other people.",
    "- The labels are single impressions of annotators. Attractive, Young, Chubby, Big_Lips, "
    "Big_Nose, Pointy_Nose, Oval_Face, High_Cheekbones, Narrow_Eyes, Arched_Eyebrows, "
    "Bushy_Eyebrows, Bags_Under_Eyes, Pale_Skin, Rosy_Cheeks and Heavy_Makeup are subjective: "
    "two annotators often disagree (Wu et al., 2023, Consistency and Accuracy "
    "of CelebA Attribute Values). CelebA's own splits differ in how freely they were given.",
]
UNLIKE_OWN_PHOTOS = "unlike those in its training photos, such as children if they show none."
RELIABLE_AUC = 0.9  # from it on, an attribute of own photos is not called unreliable

# Metric's key -> its name in the card.
METRICS = {
    "accuracy": "mean accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "mean_auc": "mean AUC",
    "smiling_accuracy": "Smiling, accuracy",
    "calibration_error": "calibration error (15 bins)",
}


def _stages(training: dict) -> list[str]:
    """Return a line per run that led to the model, in order."""
    if ensemble := training.get("ensemble"):
        members = ensemble["members"]
        mean = (
            f"- the mean of the log-odds of {' and '.join(members)} (Lakshminarayanan et al., 2017)"
        )
        return [*(line for member in members.values() for line in _stages(member)), mean]
    settings = training["settings"]
    weights = settings["weights"]
    start = "random weights" if weights == "none" else f"the weights {weights}"
    line = (
        f"- {counted(settings['epochs'], 'epoch')} from {start}, learning rate "
        f"{settings['learning_rate']:g} at its peak, batch {settings['batch']}, seed "
        f"{settings['seed']}{_options(settings)}, code {training['code']}"
    )
    source, soup = training.get("continued_from"), training.get("soup")
    averaged = []
    if soup:
        shares = ", ".join(f"{name} {share:g}" for name, share in soup["shares"].items())
        averaged = [f"- the mean of the weights of these runs ({shares}; Wortsman et al., 2022)"]
    return [*(_stages(source) if source else []), line, *averaged]


def _options(settings: dict) -> str:
    """Return data, distillation, mixup and EMA as text; older records may lack their keys."""
    text = ""
    if further := settings.get("more"):
        names = " and ".join(Path(folder).name for folder in further)
        text += f", further photos of {names}"
    if limit := settings.get("limit"):
        text += f", the first {limit:,} photos of each folder"
    if balance := settings.get("balance"):
        text += f", groups of gender, age and race balanced by {balance:g}"
    if settings.get("teacher"):
        teachers = " and ".join(settings["teacher"])
        text += f", {settings['teacher_share']:.0%} of each label predicted by {teachers}"
    if share := settings.get("augmentation", {}).get("mixup"):
        text += f", each photo blended with up to {share:.0%} of another"
    if settings.get("ema"):
        text += f", running mean of the weights ({settings['ema']:g})"
    return text


def splits_of(card: ModelCard) -> dict[str, dict]:
    """Return the card's metrics per split."""
    return {name: card.measured[name] for name in SPLITS if name in card.measured}


def model_card(card: ModelCard, name: str, verified: list[str]) -> str:
    """Return the card for people; all numbers are those in the device's card."""
    training, measured = card.training, card.measured
    width, height = card.crop_wh
    celeba = training["data"].startswith("CelebA")
    line = flat_line(measured.get("flat", []), len(card.attributes))
    lines = [
        f"# {name}: {counted(len(card.attributes), 'face attribute')}",
        "",
        "Written by `python -m train.convert`; the numbers are those of "
        f"`{name}.json`, and `python -m train.evaluate scores --data DIR --model "
        f"{shlex.quote(f'models/{name}.json')}` reproduces them.",
        "",
        "## Description",
        "",
        f"{_network(training)}, {width}x{height} RGB bytes in, one probability per "
        f"attribute out; full-integer .tflite of {measured['bytes'] / 1e6:.2f} MB, "
        f"{measured['multiply_adds'] / 1e6:.0f} million multiply-adds per face. The device scales "
        "each output's logit with the slope and offset in the card (Platt scaling on validation "
        "photos, at the training photos' prevalence) and shows an attribute from the card's "
        "threshold on.",
        "",
        "## Intended use",
        "",
        "Labelling faces in your own pictures, teaching, research and art, and counts over many "
        "people in which single errors do not matter.",
        "",
        "Not for decisions about people: not for access, hiring, policing, medicine, age checks or "
        f"advertising by group. {_gender(card, celeba)}Not for identifying people. Not for faces "
        f"{'of children: CelebA has hardly any.' if celeba else UNLIKE_OWN_PHOTOS}",
        "",
        "## Training",
        "",
        f"{training['data']}: {_trained_on(training)}. {training['licence']}".strip(),
        "",
        *_stages(training),
        "",
        "## Results",
        "",
        "Means over the attributes, at the card's thresholds; nothing was fitted to test photos.",
        "",
        *_metrics(card),
        *_unreadable(measured),
        "Runtimes:",
        "",
        *(f"- {line}" for line in verified),
        "",
        *group_lines(measured),
        "## Limits",
        "",
        *(CELEBA_LIMITS if celeba else []),
        *([f"- {line[0].upper()}{line[1:]}."] if line else []),
        *_hardest(measured.get("hardest", {}), celeba),
        "- The input must be a face upright and to scale, cropped as `device/faces/align.py` does.",
        *(["- Non-commercial use only, since CelebA is."] if celeba else []),
        "",
    ]
    return "\n".join(lines)


def _gender(card: ModelCard, celeba: bool) -> str:
    if "Male" not in card.names:
        return ""
    annotators = "annotators of celebrity photos" if celeba else "those who labelled the photos"
    return (
        f"Not for determining gender: `Male` is the impression of {annotators}, not a person's "
        "gender. "
    )


def _network(training: dict) -> str:
    if "ensemble" in training:
        members = training["ensemble"]["members"].values()
        return "The mean of " + " and ".join(_backbone(member["settings"]) for member in members)
    return _backbone(training["settings"])


def _backbone(settings: dict) -> str:
    name = settings.get("backbone", "MobileNetV2")
    last_layer = settings.get("last_layer")
    # Records of older runs name the last layer of the whole network.
    part = f", cut after `{last_layer}`" if last_layer not in (None, "", "out_relu") else ""
    return f"{name}{SOURCES.get(name, '')}{part}"


def _metrics(card: ModelCard) -> list[str]:
    lines = []
    for split, metrics in splits_of(card).items():
        lines += [
            f"| {split}, {metrics['photos']:,} photos | float | int8 |",
            "|---|---|---|",
            *(
                f"| {label} | {metrics['float'][key]:.3f} | {metrics['int8'][key]:.3f} |"
                for key, label in METRICS.items()
                if metrics["float"].get(key) is not None
            ),
            "",
        ]
    return lines


def _trained_on(training: dict) -> str:
    count = training.get("unreadable", {}).get("train", 0)
    photos = f"{training['photos']['train']:,} photos"
    return f"{photos}, {count:,} of them {LEFT_OUT}" if count else photos


def _unreadable(measured: dict) -> list[str]:
    """Return the photos that are not in the metrics; cards of before do not have them."""
    line = measured.get("unreadable")
    return [f"{line}.", ""] if line else []


def _hardest(aucs: dict[str, float], celeba: bool) -> list[str]:
    if not celeba:
        aucs = {name: auc for name, auc in aucs.items() if auc < RELIABLE_AUC}
    if not aucs:
        return []
    names = ", ".join(f"{name} ({auc:.2f})" for name, auc in aucs.items())
    return [f"- Closest to noise, by AUC on test photos: {names}. These are unreliable."]


def group_lines(measured: dict) -> list[str]:
    """Return a card's section on groups, the worst first; [] without groups.

    measured: a card's; cards of before have no "fairness".
    """
    lines = worst_groups(measured.get("groups", {}))
    if not lines:
        return []
    summary = summary_lines(measured["fairness"]) if "fairness" in measured else []
    return [
        "## Error by group",
        "",
        f"The worst {WORST} groups of at least {MIN_PEOPLE} people, all, and the best group, with "
        "95 % intervals. The worst of many groups is so in part by chance.",
        "",
        *lines,
        "",
        *([f"UTKFace. {' '.join(summary)}", ""] if summary else []),
    ]
