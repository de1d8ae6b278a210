"""The schema of all settings: defaults here, then a TOML file, then a command's flags.

[camera]
source = "usb:0"

[attributes]
show = ["Smiling", "Eyeglasses"]

Unit, limits and help stand beside each field as data (`config.about`). The classes are msgspec
Structs: importing msgspec takes 0.02 s and 5 MB, pydantic 0.09 s and 21 MB.
"""

import os
import re
from pathlib import Path
from typing import Annotated

from .config import Table, about, expanded, merge, read_toml
from .errors import UsageError, one_line
from .listen import parse_listen
from .resources import model_path

MODEL = model_path()
PEOPLE = Path(os.path.expanduser("~/.local/share/facet/people.json"))  # private to each user
YUNET = model_path("face_detection_yunet_2023mar.onnx")

SIDE = (16, 16384)  # px; upper limits, here and below, are far beyond use: they catch typing errors
FACE = (0, 16384)  # px
RATE = (0.1, 1000)  # Hz
DAY = (0, 86400)  # s
MAX_ID = 64  # characters of a camera's id
MAX_TOPIC = 200  # likewise of a rule's topic


# fmt: off
# Tables: a setting in three lines, not ten.


class CameraSettings(Table, frozen=True):
    """The source of the pictures, and the mode requested from a camera."""

    source: Annotated[str, about(
        "source of the pictures: 0 (the first camera listed), usb:0, csi:0, /dev/video0, "
        "rtsp://..., a video, a photo, a folder of photos, - (stdin), demo, or auto: the first "
        "camera that works, else the demo clip",
        flag="--camera SRC",
    )] = "auto"
    width: Annotated[int, about(
        "width requested from a camera, which delivers the nearest size it has", "px", SIDE,
        ("finds only near faces", "finds faces farther away, needs more CPU time"),
        flag="--size WxH",
        flag_help="size requested from a camera, which delivers the nearest it has",
    )] = 640
    height: Annotated[int, about("height, as width", "px", SIDE, flag="--size WxH")] = 480
    fps: Annotated[int, about(
        "frame rate requested from a camera", "frames/s", (1, 1000),
        ("brighter pictures, less CPU time", "darker pictures, more CPU time"), flag="--fps N",
    )] = 30
    rotate: Annotated[int, about(
        "turn of the pictures, clockwise, for a camera that hangs upside down or on its side: 0, "
        "90, 180 or 270", "degrees", (0, 270), flag="--rotate DEG",
    )] = 0
    flip: Annotated[str, about(
        "mirror image, after the turn: horizontal, vertical, or empty for none",
        choices=("", "horizontal", "vertical"),
    )] = ""
    snapshot_fps: Annotated[float, about(
        "pictures requested from an http address that gives one picture at a time", "frames/s",
        (0.2, 30), ("faces are missed", "more load on camera and network"),
    )] = 1.0
    name: Annotated[str, about(
        "name of a network camera in logs; empty: its address without user, password, query and "
        "unusual parts of the path",
    )] = ""
    user: Annotated[str, about(
        "user of a network camera; empty: the address's, or FACET_CAMERA_USER in the environment",
    )] = ""
    password_file: Annotated[Path | None, about(
        "file with the password of a network camera, else FACET_CAMERA_PASSWORD in the "
        "environment; one in the address can be read in the settings or the process list",
        example="/etc/facet.password",
    )] = None
    tls_verify: Annotated[bool, about(
        "verify the certificate of https and rtsps cameras; off: anybody between may watch",
    )] = True
    ca_file: Annotated[Path | None, about(
        "certificates to trust in https and rtsps, a PEM file: the camera's own or its authority's",
        example="/etc/facet-camera.pem",
    )] = None
    other_hosts: Annotated[bool, about(
        "follow redirects and playlists of a network camera to other hosts and ports, also of this "
        "computer and its network",
    )] = False
    max_megapixels: Annotated[float, about(
        "largest JPEG picture accepted from a live camera; above 12 megapixels its size is reduced",
        "megapixels", (0.1, 200), ("large pictures are refused", "more memory"),
    )] = 40.0
    max_video_megapixels: Annotated[float, about(
        "largest picture accepted from a video or a stream, whose decoder takes about 20 bytes a "
        "pixel",
        "megapixels", (0.1, 200), ("large videos are refused", "more memory"),
    )] = 9.0
    repeat: Annotated[bool, about(
        "play a video again and again, at its own speed, until Facet is stopped; live cameras are "
        "not affected, photos refused",
        flag="--repeat",
    )] = False
    wait: Annotated[bool, about(
        "wait for a camera that is absent at the start, as for one that was unplugged; not for a "
        "file or folder",
    )] = False
    frozen_s: Annotated[float, about(
        "time with identical pictures after which a live camera counts as frozen; 0: never", "s",
        DAY, ("warnings about still scenes without noise", "frozen pictures are analyzed longer"),
    )] = 60.0
    frozen_restart: Annotated[bool, about("open a frozen camera again, not only warn")] = False
    recursive: Annotated[bool, about(
        "read the photos in a folder's subfolders too", flag="--recursive",
    )] = False

    def check(self, origin: str) -> None:
        if self.rotate % 90:
            raise UsageError(f"{origin} rotate = {self.rotate}", "0, 90, 180 or 270")


class FacesSettings(Table, frozen=True):
    """Detection, and which faces are classified; the others get a box but no labels."""

    detector: Annotated[str, about(
        "face detector: back (across a room), full (half the time, misses more), short (arm's "
        "length) or yunet (crowds; slow, and its network is not included)",
        choices=("back", "full", "short", "yunet"), flag="--detector NAME",
    )] = "back"
    yunet: Annotated[Path, about("network of the detector yunet, an ONNX file")] = YUNET
    min_score: Annotated[float, about(
        "detector threshold", "", (0.05, 0.99),
        ("more detections and more false positives", "more missed faces"),
    )] = 0.6
    detect_hz: Annotated[float, about(
        "full-frame detections per second", "Hz", RATE, ("new faces appear later", "more CPU time"),
    )] = 5.0
    search_face: Annotated[float, about(
        "width of the smallest face that photos are searched for, in tiles if they are large; 0: "
        "each photo as a whole",
        "px", FACE, ("more CPU time, four times at half the width", "misses small faces"),
    )] = 48.0
    min_face: Annotated[float, about(
        "smallest face to classify, width of its box", "px", FACE,
        ("more wrong labels", "more faces without labels"), flag="--min-face PX",
    )] = 24.0
    max_turn: Annotated[float, about(
        "largest head turn to classify, as distance of the landmarks from a frontal face's",
        "eye distances", (0, 1000), ("more faces without labels", "more wrong labels"),
        flag="--max-turn X",
    )] = 0.25
    min_sharpness: Annotated[float, about(
        "lowest sharpness to classify: share of the contrast that is fine detail, 0.2 in a sharp "
        "face, 0 accepts fog",
        "", (0, 1), ("more wrong labels", "more faces without labels"), flag="--min-sharpness X",
    )] = 0.1
    min_brightness: Annotated[float, about(
        "darkest face to classify, brightness of its lightest parts (95th percentile)", "",
        (0, 255), ("more wrong labels", "more faces without labels"),
    )] = 60.0
    max_overexposed: Annotated[float, about(
        "largest burnt-out part of a face to classify, a share of its pixels", "", (0, 1),
        ("more faces without labels", "more wrong labels"),
    )] = 0.3


class TracksSettings(Table, frozen=True):
    """Tracks: faces followed from frame to frame, and their labels over time."""

    min_hits: Annotated[int, about(
        "frames before a new track gets an ID", "frames", (1, 1000), ("false tracks", "delay"),
    )] = 3
    max_lost_s: Annotated[float, about(
        "time that a lost track keeps its ID", "s", (0, 3600),
        ("a face that was hidden gets a new ID", "another face may get the ID"),
    )] = 1.0
    smoothing_s: Annotated[float, about(
        "time constant of probability smoothing", "s", (0, 60),
        ("labels flicker", "labels lag"),
    )] = 0.3
    hysteresis: Annotated[float, about(
        "distance past the threshold at which a label changes", "log-odds", (0, 10),
        ("labels flicker", "labels lag"),
    )] = 0.5


class AttributesSettings(Table, frozen=True):
    """The classifier, and which of its attributes are computed, shown and logged."""

    model: Annotated[Path, about("model card, a JSON file", flag="--model CARD")] = MODEL
    classify_hz: Annotated[float, about(
        "classifications of each face per second", "Hz", RATE, ("labels lag", "more CPU time"),
    )] = 5.0
    compute: Annotated[tuple[str, ...], about(
        "attributes to compute, all if empty; the rest is discarded, never shown, logged or kept "
        "in memory. Below 20, identity switches within one frame go unnoticed",
    )] = ()
    show: Annotated[tuple[str, ...], about(
        "attributes that labels mention: observable (what a photo shows), all, names, or a mix",
        flag="--attributes A,B,..",
        flag_help="attributes to show and log: observable (what a photo shows), all, or names",
    )] = ("observable",)
    logged: Annotated[tuple[str, ...], about(
        "attributes in log and events, named as in show; those shown if empty",
        flag="--attributes A,B,..",
    )] = ()


class RuntimeSettings(Table, frozen=True):
    """How the networks run."""

    threads: Annotated[int, about(
        "threads of each network", "", (1, 64),
        ("slower", "faster, leaves less CPU time to other programs"), flag="--threads N",
    )] = 1
    delegates: Annotated[bool, about(
        "use the runtime's fast kernels (XNNPACK); without them slower",
    )] = True


class PeopleSettings(Table, frozen=True):
    """Recognition of enrolled people."""

    enabled: Annotated[bool, about(
        "name the people enrolled with `python -m device.people`; if off, the recognition module "
        "is not imported",
        flag="--people",
    )] = False
    file: Annotated[Path, about("names and face templates of enrolled people; no photos")] = PEOPLE
    min_score: Annotated[float, about(
        "similarity at which an enrolled person is recognized", "", (0, 1),
        ("other people get a name", "enrolled people stay unknown"),
    )] = 0.48
    min_face: Annotated[float, about(
        "smallest face to recognize, width of its box", "px", FACE,
        ("more mistakes", "people must come nearer"),
    )] = 40.0


class OutputsSettings(Table, frozen=True):
    """Window, files and status lines."""

    headless: Annotated[bool, about("no window", flag="--headless")] = False
    log: Annotated[Path | None, about(
        "CSV file that gets a row per face, - for stdout; text only", flag="--log FILE.csv",
        example="faces.csv",
    )] = None
    events: Annotated[Path | None, about(
        "CSV file that gets a row per visit: when, how long, which attributes; not for photos",
        flag="--events FILE.csv", example="visits.csv",
    )] = None
    crossings: Annotated[Path | None, about(
        "CSV file that gets a row for each crossing of a line of [[lines]]; not for photos",
        flag="--crossings FILE.csv", example="crossings.csv",
    )] = None
    log_every: Annotated[float, about(
        "time between two rows of one face; 0: every frame", "s", DAY, ("fills the disk", ""),
        flag="--log-every S",
    )] = 1.0
    log_no_face: Annotated[bool, about(
        "log photos without faces too, as a row with the state `no face`", flag="--log-no-face",
    )] = False
    record: Annotated[Path | None, about(
        "annotated video; stores pictures of faces, as rules with snapshots do",
        flag="--record FILE.mp4", example="film.mp4",
    )] = None
    readable_by: Annotated[str, about(
        "who may read the files and folders that a run makes; files that exist keep their "
        "permissions",
        choices=("owner", "group", "everyone"),
    )] = "owner"
    max_frames: Annotated[int, about(
        "stop after so many frames; 0: never", "frames", (0, 2**53), flag="--max-frames N",
    )] = 0
    status_every: Annotated[float, about(
        "time between status lines when stderr is not a terminal; 0: none", "s", DAY,
    )] = 60.0


class RotationSettings(Table, frozen=True):
    """How the files of `outputs.log`, `outputs.events` and `outputs.crossings` are kept.

    `faces.csv` is the current file; older ones are `faces.2026-11-22.csv.gz`.
    """

    sync_s: Annotated[float, about(
        "fsync interval: the most that a power cut can lose", "s", (0, 3600),
        ("wears the SD card", "loses more rows"),
    )] = 5.0
    buffer_rows: Annotated[int, about(
        "rows kept in memory while the disk cannot be written, 400 bytes each", "rows",
        (100, 10_000_000), ("rows are lost sooner", "more memory"),
    )] = 10_000
    daily: Annotated[bool, about("start a new file each UTC day")] = False
    max_mb: Annotated[float, about(
        "size at which a new file starts; 0: any size", "MB (10^6 bytes)", (0, 1_000_000),
        ("many files", ""),
    )] = 0.0
    keep_days: Annotated[int, about(
        "age at which older files are deleted, needs daily; 0: never", "days", (0, 36_500),
        ("shorter history", ""),
    )] = 0
    min_free_mb: Annotated[float, about(
        "free disk space, ensured by deleting the oldest files; 0: not ensured", "MB (10^6 bytes)",
        (0, 1_000_000_000), ("", "shorter history"),
    )] = 0.0
    compress: Annotated[bool, about("gzip older files, to a fifth of their size")] = True

    def check(self, origin: str) -> None:
        if self.keep_days and not self.daily:  # a file of many days has no age
            raise UsageError(f"{origin} keep_days without daily", "daily = true in [rotation]")
        if self.min_free_mb and not (self.daily or self.max_mb):
            raise UsageError(
                f"{origin} min_free_mb without older files to delete",
                "daily = true or max_mb in [rotation]",
            )


class WebSettings(Table, frozen=True):
    """The web page: live picture, people in view, visits, state of the computer."""

    by_key = False  # the library opens none

    address: Annotated[str, about(
        "host and port to serve the page at; empty: no page, and nothing of it is imported. Any "
        "host but 127.0.0.1 needs a password; 0.0.0.0 is every network of this computer",
        flag="--web HOST:PORT", alone="127.0.0.1:8420",
    )] = ""
    password: Annotated[str, about(
        "scrypt hash of the page's password, made by `python -m device.web password`; empty: none",
    )] = ""
    hosts: Annotated[tuple[str, ...], about(
        "further names by which browsers may call this computer, such as facet.example.org; IP "
        "addresses, localhost, the computer's name and its name in .local are known",
    )] = ()
    cert: Annotated[Path | None, about(
        "certificate for https, a PEM file, with `key`; without it the page is unencrypted",
        example="/etc/facet-web.crt",
    )] = None
    key: Annotated[Path | None, about(
        "private key of the certificate, a PEM file without a passphrase",
        example="/etc/facet-web.key",
    )] = None
    blur: Annotated[bool, about("blur the faces that were found in stream and snapshot")] = False
    embed: Annotated[bool, about(
        "let pages of other sites show stream and snapshot in an <img>; they cannot read them",
    )] = False
    fps: Annotated[float, about(
        "pictures of the stream", "frames/s", (0.1, 30),
        ("movements are jerky", "more CPU time and network traffic"),
    )] = 10.0
    quality: Annotated[int, about(
        "JPEG quality of stream and snapshot", "", (10, 100),
        ("visible blocks", "more network traffic"),
    )] = 75
    width: Annotated[int, about(
        "width to which larger pictures are reduced", "px", (160, 7680),
        ("small faces are hard to see", "more CPU time and network traffic"),
    )] = 1280
    max_viewers: Annotated[int, about(
        "viewers of the stream at one time; further ones are refused", "", (1, 200),
        ("", "more network traffic"),
    )] = 20

    def check(self, origin: str) -> None:
        if (self.cert is None) != (self.key is None):
            given, missing = ("key", "cert") if self.cert is None else ("cert", "key")
            raise UsageError(f"{origin} {given} without {missing}", f"{missing} in [web]")
        if self.address and not parse_listen(self.address).local and not self.password:
            raise UsageError(
                f"{origin} address = {self.address} without a password: other computers could look",
                "python -m device.web password, or --web 127.0.0.1:8420",
            )


class LineSettings(Table, frozen=True):
    """A line in the picture; faces that cross it are counted in each direction.

    Looking from `from` to `to`, a face that crosses from the left to the right goes in.
    """

    name: Annotated[str, about(
        "name of the line, required; each has its own", example="door",
    )] = ""
    from_: Annotated[tuple[float, float], about(
        "begin of the line: x and y, 0 at the left and at the top", "shares of the picture", (0, 1),
    )] = (0.0, 0.5)
    to: Annotated[tuple[float, float], about(
        "end of the line, as from", "shares of the picture", (0, 1),
    )] = (1.0, 0.5)
    in_name: Annotated[str, about("what the picture says for in")] = "in"
    out_name: Annotated[str, about("what the picture says for out")] = "out"

    def check(self, origin: str) -> None:
        if not self.name.strip():
            raise UsageError(f"{origin} a line without a name", 'name = "door"')
        if self.from_ == self.to:
            raise UsageError(f"{origin} from and to are the same point", "to = [1.0, 0.5]")


class MetricsSettings(Table, frozen=True):
    """Figures of the run for Prometheus: at an address, in a file, or both."""

    by_key = False  # the library opens none

    listen: Annotated[str, about(
        "address and port that serve /metrics to Prometheus, such as 127.0.0.1:9842; empty: none. "
        "Without a password and unencrypted",
    )] = ""
    file: Annotated[Path | None, about(
        "file for the textfile collector of node_exporter, in its folder; every user may read it",
        example="/var/lib/facet/facet.prom",
    )] = None
    file_every_s: Annotated[float, about(
        "time between two writes of the file", "s", (1, 3600), ("more writes", "older figures"),
    )] = 5.0

    @property
    def enabled(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.listen or self.file)

    def check(self, origin: str) -> None:
        host, _, port = self.listen.rpartition(":")
        valid = re.fullmatch("[0-9]{1,5}", port) and int(port) <= 65535
        if self.listen and not (host and valid):
            raise UsageError(
                f'{origin} listen = "{one_line(self.listen, 80)}", need an address and a port',
                'listen = "127.0.0.1:9842"',
            )
        if self.file and self.file.suffix != ".prom":  # node_exporter reads no other
            raise UsageError(
                f"{origin} file = {self.file} does not end in .prom",
                f'file = "{self.file.with_suffix(".prom")}"',
            )


class RuleSettings(Table, frozen=True):
    """One rule: what to do when a face fulfils a condition (docs/rules.md)."""

    name: Annotated[str, about(
        "name in messages, webhooks and file names; empty: the condition",
    )] = ""
    when: Annotated[str, about(
        "condition, such as Smiling > 0.8 and not Eyeglasses: attributes with <, <=, >, >=, == or "
        "!= and a number of 0 to 1, or alone (at the threshold of its label), people (faces in "
        "view), person (name of an enrolled person), crossed, crossed_in and crossed_out (name of "
        "a line), and, or, not, parentheses",
        example="Smiling > 0.8",
    )] = ""
    for_s: Annotated[float, about(
        "time for which one face must fulfil the condition; 0 for one with a crossing", "s", DAY,
        ("fires on a moment", "fires later"),
    )] = 0.0
    cooldown_s: Annotated[float, about(
        "least time between two firings", "s", DAY, ("fires often", "misses events"),
    )] = 10.0
    do: Annotated[str, about(
        "what the rule does: webhook, gpio, command, snapshot, mqtt or push",
        choices=("", "webhook", "gpio", "command", "snapshot", "mqtt", "push"), example="webhook",
    )] = ""
    url: Annotated[str, about(
        "webhook: address that gets a POST with JSON", example="http://127.0.0.1:1880/smile",
    )] = ""
    secret_file: Annotated[Path | None, about(
        "webhook: file with the secret that signs each POST (HMAC-SHA256, in X-Facet-Signature)",
        example="/etc/facet.webhook",
    )] = None
    pin: Annotated[int, about(
        "gpio: number of the GPIO pin, as GPIO17; -1: none", "", (-1, 53),
    )] = -1
    on_s: Annotated[float, about("gpio: time that the pin stays on", "s", (0.01, 3600))] = 1.0
    argv: Annotated[tuple[str, ...], about(
        "command: program and its arguments, run without a shell; it gets the event as JSON on "
        "stdin and in FACET_RULE, FACET_TIME and FACET_FACE",
    )] = ()
    folder: Annotated[Path | None, about(
        "snapshot: folder that gets the annotated picture, which shows faces",
        example="/var/lib/facet/snapshots",
    )] = None
    keep: Annotated[int, about(
        "snapshot: pictures kept in the folder; older ones are deleted", "pictures", (1, 100_000),
        ("shorter history", "fills the disk"),
    )] = 100
    topic: Annotated[str, about(
        "mqtt: end of the topic, after facet/ID/rules/; empty: the rule's name",
    )] = ""
    addresses_file: Annotated[Path | None, about(
        "push: file with the addresses of apprise's services, one a line, such as ntfy://TOPIC",
        example="/etc/facet-push.txt",
    )] = None
    text: Annotated[str, about(
        "push: text of the message; empty: camera and time. Its title is the rule's name",
    )] = ""
    timeout_s: Annotated[float, about(
        "webhook, command: time after which an attempt is given up", "s", (0.1, 600),
        ("slow receivers fail", "later events wait"),
    )] = 5.0

    @property
    def title(self) -> str:
        """The name, or the condition without one."""
        return self.name or self.when

    def check(self, origin: str) -> None:
        if not self.when.strip():
            raise UsageError(f"{origin} has no condition", 'when = "Smiling > 0.8"')
        if not self.do:
            hint = 'do = "webhook", gpio, command, snapshot, mqtt or push'
            raise UsageError(f"{origin} does nothing", hint)
        needed = {
            "webhook": (self.url, 'url = "http://..."'),
            "gpio": (self.pin >= 0, "pin = 17"),
            "command": (self.argv, 'argv = ["/usr/bin/aplay", "bell.wav"]'),
            "snapshot": (self.folder, 'folder = "snapshots"'),
            "push": (self.addresses_file, 'addresses_file = "push.txt"'),
        }
        given, hint = needed.get(self.do, (True, ""))
        if not given:
            raise UsageError(f'{origin} do = "{self.do}" without {hint.partition(" ")[0]}', hint)
        if re.search(r"[+#\s]|[^\x21-\x7e]|^/|//|/$", self.topic) or len(self.topic) > MAX_TOPIC:
            raise UsageError(
                f"{origin} topic = {one_line(repr(self.topic), 80)} is no end of a topic",
                'topic = "lamp"',
            )
        if self.do == "webhook" and not re.match("https?://[^/]", self.url):
            raise UsageError(f"{origin} url = {self.url!r}, need an http or https address", hint)


class MqttSettings(Table, frozen=True):
    """Messages to an MQTT broker, and Home Assistant's discovery; off without `host`."""

    by_key = False  # the library opens none; its user and name are not the camera's

    host: Annotated[str, about(
        "name or address of the broker, which must speak MQTT 5; empty: no MQTT, and nothing of it "
        "is imported",
    )] = ""
    port: Annotated[int, about("port of the broker; 0: 1883, with tls 8883", "", (0, 65535))] = 0
    user: Annotated[str, about("user of the broker")] = ""
    password_file: Annotated[Path | None, about(
        "file with the user's password", example="/etc/facet-mqtt.password",
    )] = None
    tls: Annotated[bool, about(
        "encrypt the connection, and verify the broker's certificate",
    )] = False
    ca_file: Annotated[Path | None, about(
        "certificates to trust, a PEM file: the broker's own or its authority's; the system's "
        "without it",
        example="/etc/facet-mqtt.pem",
    )] = None
    id: Annotated[str, about(
        "name of this camera in topics, letters, digits, _ and -; no two cameras of a broker may "
        "share it; empty: the computer's name",
    )] = ""
    name: Annotated[str, about(
        "name of this camera in Home Assistant; empty: Facet and the id",
    )] = ""
    discovery: Annotated[str, about(
        "prefix of Home Assistant's discovery topics; empty: no discovery",
    )] = "homeassistant"
    visits: Annotated[bool, about(
        "send each visit when it ends, also those of the time without a broker; needs "
        "outputs.events, which keeps them until then",
    )] = True
    attributes: Annotated[tuple[str, ...], about(
        "attributes to send: whether a person in view has it, and its probability in visits; "
        "among those shown. With Smiling, visits have a mood",
    )] = ()
    people: Annotated[bool, about(
        "send the names of enrolled people too; needs people.enabled",
    )] = False
    snapshot: Annotated[bool, about(
        "send a picture when a person comes into view; the broker does not keep it",
    )] = False
    hold_s: Annotated[float, about(
        "time that a person, a name or an attribute counts as in view after it was last seen",
        "s", (0, 3600), ("values flicker, and fill a recorder's disk", "values lag"),
    )] = 5.0
    numbers_s: Annotated[float, about(
        "least time between two messages with frames per second and temperature, and between two "
        "snapshots",
        "s", (1, 86400), ("fills a recorder's disk", "values lag"),
    )] = 10.0

    def check(self, origin: str) -> None:
        if re.search(r"[^A-Za-z0-9_-]", self.id) or len(self.id) > MAX_ID:
            raise UsageError(
                f"{origin} id = {one_line(repr(self.id), 80)}, need up to {MAX_ID} letters, "
                "digits, _ and -",
                'id = "kitchen"',
            )
        if re.search(r"[+#\0/\s]|^\$", self.discovery):
            raise UsageError(
                f"{origin} discovery = {one_line(repr(self.discovery), 80)} is no level of a topic",
                'discovery = "homeassistant"',
            )
        if self.ca_file and not self.tls:
            raise UsageError(f"{origin} ca_file without tls", "tls = true in [mqtt]")
        if self.password_file and not self.user:
            raise UsageError(f"{origin} password_file without user", 'user = "..." in [mqtt]')
# fmt: on


class Settings(Table, frozen=True):
    """All settings."""

    camera: CameraSettings = CameraSettings()
    faces: FacesSettings = FacesSettings()
    tracks: TracksSettings = TracksSettings()
    attributes: AttributesSettings = AttributesSettings()
    runtime: RuntimeSettings = RuntimeSettings()
    people: PeopleSettings = PeopleSettings()
    outputs: OutputsSettings = OutputsSettings()
    rotation: RotationSettings = RotationSettings()
    metrics: MetricsSettings = MetricsSettings()
    web: WebSettings = WebSettings()
    mqtt: MqttSettings = MqttSettings()
    lines: tuple[LineSettings, ...] = ()
    rules: tuple[RuleSettings, ...] = ()

    def check(self, origin: str) -> None:
        names = [line.name for line in self.lines]
        for name in names:
            if names.count(name) > 1:
                hint = f'name = "{name} 2" in one of them'
                raise UsageError(f"{origin} two [[lines]] have the name {name}", hint)


def load_settings(path: Path | str) -> Settings:
    """Return the defaults, overlaid by a TOML file; UsageError names what is wrong in it."""
    return merge(Settings(), read_toml(expanded(path)), str(path))
