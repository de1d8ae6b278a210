"""Settings of web page, metrics and MQTT."""

import re
from pathlib import Path
from typing import Annotated

from ..config import Table, about
from ..errors import UsageError, one_line
from ..listen import parse_listen

METRICS_PORT = 9842
MAX_ID = 64  # characters of a camera's id
MAX_USER = 65_535  # bytes, MQTT's own limit


# fmt: off
# Tables: a setting in three lines, not ten.


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
        if not self.address:
            return
        listen = parse_listen(self.address, origin=f"{origin} address = ")
        if not listen.local and not self.password:
            raise UsageError(
                f"{origin} address = {self.address} without a password: other computers could look",
                "python -m device.web password, or --web 127.0.0.1:8420",
            )


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
        if self.listen:
            parse_listen(self.listen, METRICS_PORT, f"{origin} listen = ")
        if self.file and self.file.suffix != ".prom":  # node_exporter reads no other
            raise UsageError(
                f"{origin} file = {self.file} does not end in .prom",
                f'file = "{self.file.parent / (self.file.stem or "facet")}.prom"',
            )


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
    resend_s: Annotated[float, about(
        "after each loss of the connection, send the visits of this time before it again, with the "
        "same ids: a broker that is killed forgets what it took since it last wrote its disk; "
        "0: only those that it never took",
        "s", (0, 86400), ("a broker that is killed loses visits", "more visits come twice"),
    )] = 0.0
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
        if len(self.user.encode()) > MAX_USER or "\0" in self.user:
            raise UsageError(
                f"{origin} user = {one_line(repr(self.user), 80)}, need up to {MAX_USER:,} bytes",
                'user = "facet"',
            )
        if self.ca_file and not self.tls:
            raise UsageError(f"{origin} ca_file without tls", "tls = true in [mqtt]")
        if self.password_file and not self.user:
            raise UsageError(f"{origin} password_file without user", 'user = "..." in [mqtt]')
# fmt: on
