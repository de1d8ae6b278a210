"""The report's figures in plain words."""

from .figures import Report, Share
from .rates import Interval

CANNOT_KNOW = (
    "A visit is a face that was in the picture for a while. It is not footfall: who walked past "
    "behind others, looked away or wore a mask was not seen.",
    "A person who came back later, or at another place in the picture, is counted again. A person "
    "who took another's place within a few seconds (the setting hold) is not counted.",
    "A smile is a shape of the mouth, not a mood, and no measure of satisfaction.",
    "Attributes are impressions of a model that learned from photos of celebrities. It errs more "
    "on people who look different from them, and the correction assumes that it errs as on its "
    "test photos.",
    "Groups of fewer visits than the smallest group were merged with later ones or withheld, so "
    "hours are rounded in time and the numbers may add up to less than were seen.",
)


def percent(found: Interval) -> str:
    """Return "41 % (38 to 44)"."""
    return f"{100 * found.value:.0f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


def rate(value: float) -> str:
    """Return a rate, 0..1, as "94 %", and what rounds to none or all as "under 1 %"."""
    if 0 < value < 0.005:
        return "under 1 %"
    return "over 99 %" if 0.995 <= value < 1 else f"{100 * value:.0f} %"


def points(found: Interval) -> str:
    """Return a difference of shares as "+3 points (-1 to +7)"."""
    low, value, high = (signed(100 * one) for one in (found.low, found.value, found.high))
    return f"{value} points ({low} to {high})"


def signed(value: float) -> str:
    """Return a number without decimals and with its sign: "+3", "-2", "0"."""
    return f"{round(value):+d}" if round(value) else "0"


def plain_name(attribute: str) -> str:
    """Return an attribute as words: "wearing hat"."""
    return attribute.replace("_", " ").lower()


def traffic_sentence(report: Report) -> str:
    """Return how many visits there were, and how that compares with the week before."""
    week = report.week
    if not week.seen and week.withheld_groups:
        return "Fewer visits were seen than the smallest group, so their number was withheld."
    text = f"{week.seen:,.0f} visits were seen in {week.watched_hours:,.0f} hours"
    if week.refused:
        share = 100 * week.refused / week.seen
        text += f"; in {share:.0f} % of them no face was clear enough to classify"
    text += "."
    if report.change is None:
        return f"{text} There is no week before to compare with."
    low, high = (100 * (factor - 1) for factor in (report.change.low, report.change.high))
    value = 100 * (report.change.value - 1)
    chance = ", which may be chance" if low <= 0 <= high else ""
    compared = f"{abs(value):.0f} % {'more' if value > 0 else 'fewer'} than in the week before"
    if not round(value):
        compared = "as many as in the week before"
    span = f"the true change is likely between {signed(low)} % and {signed(high)} %"
    return f"{text} Per hour that is {compared}{chance}; {span}."


def share_sentence(share: Share) -> str:
    """Return a share in words: counted, corrected, and against the week before."""
    name = plain_name(share.name)
    text = f"{name.capitalize()}: counted in {percent(share.raw)} of {share.total:,} visits."
    if share.corrected and share.rates:
        text += (
            f" On test photos the model finds {rate(share.rates.sensitivity)} of those who have "
            f"it and takes {rate(1 - share.rates.specificity)} of the others for it; corrected "
            f"for that it is {percent(share.corrected)}."
        )
    elif share.rates:
        text += (
            " No true share fits the errors that the model makes on test photos: they are others "
            "at this camera, so there is no corrected figure."
        )
    else:
        text += " The model's errors are unknown or too large to correct this."
    if share.change:
        chance = share.change.low <= 0 <= share.change.high
        text += f" Against the week before: {points(share.change)}"
        text += f", corrected {points(share.corrected_change)}" if share.corrected_change else ""
        text += ", which may be chance." if chance else ", more than chance explains."
    return text


def range_words(name: str) -> str:
    """Return a range of durations in words: "2 to 5 s", "5 min and longer"."""
    low, _, high = name.partition("..")
    if not high:
        return f"{_duration(low)} and longer"
    if float(low) == 0:
        return f"up to {_duration(high)}"
    return f"{_duration(low)} to {_duration(high)}"


def _duration(text: str) -> str:
    seconds = float(text)
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
