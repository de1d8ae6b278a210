"""What names a camera and a visit wherever they are sent or stored: MQTT, stores, archives."""

import hashlib
import re
import socket
from collections.abc import Mapping

from ..settings.connections import MAX_ID

NAMING = ("first_seen", "last_seen", "source", "track", "dwell_s")  # what tells visits apart


def camera_id(wanted: str = "", host_name: str = "") -> str:
    """Return the id of this camera: the wanted one, else the computer's name.

    host_name: in place of the computer's.
    """
    return wanted or _as_id(host_name or socket.gethostname())


def visit_id(row: Mapping[str, str], camera: str) -> str:
    """Return what names a visit in every message and store, 16 hexadecimal digits.

    row: the columns NAMING as in the visits file. camera: its id.
    """
    text = "\n".join((camera, *(row[name] for name in NAMING)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _as_id(host_name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", host_name.partition(".")[0])[:MAX_ID] or "camera"
