"""A notice to hang up where the camera watches: what it does, by the settings; HTML of one page."""

from collections.abc import Sequence
from html import escape

from ..errors import UsageError
from ..privacy import COUNTS, FACES, VISITS
from ..resources import install_hint
from ..settings import Settings
from .words import plain_name

STYLE = """
@page{size:A4;margin:16mm}
*{box-sizing:border-box;print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{font:21px/1.45 system-ui,sans-serif;color:#000;background:#fff;margin:0 auto;max-width:760px;
padding:28px}
header{display:flex;gap:24px;align-items:center;border-bottom:6px solid #00707a;padding-bottom:16px}
header svg{width:120px;flex:none}h1{font-size:44px;line-height:1.1;margin:0}
ul{padding-left:26px;margin:20px 0}li{margin:10px 0}
footer{display:flex;gap:28px;align-items:center;border-top:2px solid #000;padding-top:18px;
margin-top:26px;font-size:18px}footer p{margin:4px 0;overflow-wrap:anywhere}
.code svg{width:180px;height:180px;display:block}.code{flex:none}
@media print{body{font-size:24px;padding:0;max-width:none}h1{font-size:52px}footer{font-size:21px}
.code svg{width:230px;height:230px}}
"""
CAMERA = (
    '<svg viewBox="0 0 32 32" fill="none" stroke="#00707a" stroke-width="2.2" aria-hidden="true">'
    '<path d="M3 10h15a3 3 0 0 1 3 3v8a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3zM21 15l8-4v12l-8-4"/>'
    '<circle cx="8.5" cy="15.5" r="1.5"/></svg>'
)


def sentences(settings: Settings) -> list[str]:
    """Return what a run with these settings does, for those whom the camera sees."""
    found = [_purpose(settings)]
    if settings.outputs.record or any(rule.do == "snapshot" for rule in settings.rules):
        found.append("Pictures of people are stored.")
    else:
        found.append("No picture is stored.")
    found.append(
        "People who agreed to it are recognized by name. Nobody else is."
        if settings.people.enabled
        else "Nobody is recognized. Faces are not compared with one another."
    )
    days = settings.rotation.keep_days
    found.append(f"What is stored is deleted after {days} days." if days else "")
    if settings.counts.file and settings.counts.attributes:
        names = ", ".join(map(plain_name, settings.counts.attributes))
        found.append(f"Counted as well, by a computer that errs: {names}. No emotion is inferred.")
    return [one for one in found if one]


def _purpose(settings: Settings) -> str:
    if settings.privacy == COUNTS:
        least = settings.counts.min_group
        return (
            "A computer in the camera counts visits. It forgets each face at once and keeps "
            f"numbers of at least {least} visits together."
        )
    kept = {
        VISITS: "for each visit a line of text: when, how long, what the face looked like",
        FACES: "for each face lines of text: when, where in the picture, what it looked like",
    }
    return f"A computer in the camera looks for faces and keeps {kept[settings.privacy]}."


def html(settings: Settings, by: Sequence[str], address: str, purpose: str = "") -> str:
    """Return the notice; by: lines on who is responsible. address: of the page with all about it.

    purpose: why the camera is there; without one the notice leaves it to the page.

    Raises UsageError without segno, which draws the QR code.
    """
    try:
        import segno
    except ImportError as error:
        raise UsageError("the notice's QR code needs segno", install_hint("report")) from error
    try:
        code = segno.make(address, error="m", micro=False).svg_inline(border=2, omitsize=True)
    except segno.DataOverflowError as error:
        raise UsageError(
            f"--address of {len(address)} characters is too long for a QR code",
            "--address https://shop.example/camera",
        ) from error
    items = "".join(f"<li>{escape(one)}</li>" for one in sentences(settings))
    who = "".join(f"<p>{escape(line)}</p>" for line in by)
    why = f"<p>Purpose: {escape(purpose)}</p>" if purpose else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>A camera counts here</title><style>{STYLE}</style></head>\n<body>"
        f"<header>{CAMERA}<h1>A camera watches here</h1></header><ul>{items}</ul>"
        f'<footer><div class="code">{code}</div><div><p>Responsible:</p>{who}{why}'
        "<p>Your rights, the reasons and all details:</p>"
        f"<p>{escape(address)}</p></div></footer></body></html>\n"
    )
