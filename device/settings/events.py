"""Settings of lines in the picture and of rules: arrays of tables."""

import re
from pathlib import Path
from typing import Annotated

from ..config import Table, about
from ..errors import UsageError, one_line
from .limits import DAY

MAX_TOPIC = 200  # characters of a rule's topic


# fmt: off
# Tables: a setting in three lines, not ten.


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
            "webhook": (self.url, 'url = "http://127.0.0.1:1880"'),
            "gpio": (self.pin >= 0, "pin = 17"),
            "command": (self.argv, 'argv = ["/usr/bin/aplay", "bell.wav"]'),
            "snapshot": (self.folder, 'folder = "snapshots"'),
            "push": (self.addresses_file, 'addresses_file = "push.txt"'),
        }
        given, hint = needed.get(self.do, (True, ""))
        if not given:
            raise UsageError(f'{origin} do = "{self.do}" without {hint.partition(" ")[0]}', hint)
        # A program's arguments and environment cannot hold one.
        if "\0" in "".join((self.title, *self.argv)):
            raise UsageError(f"{origin} has a NUL character", r"name, when and argv without \u0000")
        if re.search(r"[+#\s]|[^\x21-\x7e]|^/|//|/$", self.topic) or len(self.topic) > MAX_TOPIC:
            raise UsageError(
                f"{origin} topic = {one_line(repr(self.topic), 80)} is no end of a topic",
                'topic = "lamp"',
            )
        if self.do == "webhook" and not re.match("https?://[^/]", self.url):
            raise UsageError(f"{origin} url = {self.url!r}, need an http or https address", hint)
# fmt: on
