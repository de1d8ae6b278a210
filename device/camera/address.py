"""Addresses of network cameras: parse one, and make the only name of it that may be printed.

A password may stand in an address anywhere: before the host, in the path, in the query, also
unescaped with `@` and `/` in it. A name is therefore made of what is known to be harmless: scheme,
host, port, and the parts of the path that are common words or short numbers.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urljoin

from ..errors import SourceError, UsageError, os_reason
from ..files import open_regular
from ..settings import CameraSettings

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# One that settings or a flag may hold; a text around it ends it, unless its password has spaces.
IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:.*@)?[^\s'\"]+|[^\s'\"]*:[^\s]*@[^\s'\"]+")
# Bucket and key of an object; what else stands in an address may be a key, or a signature.
OBJECT = re.compile(r"(?:s3|gs|gcs|az|abfs)://[A-Za-z0-9._-]*(?:/(?:(?!://)[^@?#;])*)?")
PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
MASK = "***"
PASSWORD, USER = "FACET_CAMERA_PASSWORD", "FACET_CAMERA_USER"  # in the environment
MAX_PASSWORD_BYTES = 4096  # of its file
ESCAPE = "write @ as %40 and / as %2F in a password, or use [camera] user and password_file"

HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?|\[[0-9A-Fa-f:.]+\])")
AUTHORITY = re.compile(rf"({HOST.pattern})(?::([0-9]{{1,5}})?)?")
MAX_NUMBERS = 2  # in a path; more might be a password
# Words of camera makers' paths; every other part of a path may be a password.
_WORDS = """
    api av avc axis b bin cam camera cameras cgi ch channel channels cif current defaultprimary
    faststream feed flv frame frames h hd high hls html image images img index isapi jpe jpeg
    jpg live livestream low m m3u main media mediainput mjpeg mjpg mjpgvideo mkv mov mp mpeg
    multicast nphmotionjpeg onvif original path photo picture play playlist png preview profile
    realmonitor s sd sdp shot snap snapshot snapshots still stream streaming streams sub
    substream track ts u unicast v video videofeed videos videostream view web webcam webm xml
"""
WORDS = frozenset(_WORDS.split())


@dataclass(frozen=True)
class Address:
    """An address of a network camera. Its repr and str have no secrets."""

    scheme: str  # in lower case
    host: str  # without the brackets of IPv6
    port: int
    path: str = field(repr=False)  # with the query, as sent; begins with /
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS.get(self.scheme, 0) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as requests name it, without user and password. Not for printing."""
        return self.root + self.path

    @property
    def root(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def name(self) -> str:
        """What may be printed: scheme, host, port, path without secrets."""
        return self.root + _harmless(self.path)

    def __str__(self) -> str:
        return self.name

    @property
    def secure(self) -> bool:
        return self.scheme in ("https", "rtsps")

    def joined(self, reference: str) -> Address:
        """Return what a reference in an answer means: a redirect, a playlist's entry.

        It never has the user and password; raises UsageError where it is no address.
        """
        return parse(urljoin(self.url, reference.strip()))

    def same_host(self, other: Address) -> bool:
        """Whether another address is this camera's: same host and port, or its encrypted one."""
        if self.host.lower() != other.host.lower():
            return False
        if self.secure and not other.secure:  # a password must not go on in clear text
            return False
        upgrade = (self.scheme, self.port, other.scheme, other.port) == ("http", 80, "https", 443)
        return self.port == other.port or upgrade


def is_address(source: str) -> bool:
    return SCHEME.match(source) is not None


def parse(text: str) -> Address:
    """Return the address that a text is; UsageError, which does not quote it, where it is none."""
    scheme = SCHEME.match(text)
    if not scheme or re.search(r"[\x00-\x20\x7f]", text):
        raise UsageError("the camera's address is malformed", ESCAPE)
    kind = scheme[1].lower()
    userinfo, rest = _without_userinfo(text[scheme.end() :])
    end = _end_of_authority(rest)
    authority, path = AUTHORITY.fullmatch(rest[:end]), rest[end:].partition("#")[0]
    port = int(authority[2] or PORTS.get(kind, 0)) if authority else 0
    if not authority or port > 65535:
        raise UsageError("the camera's address is malformed", ESCAPE)
    user, _, password = userinfo.partition(":")
    path = quote(path if path.startswith("/") else f"/{path}", safe=string.punctuation)
    return Address(kind, authority[1].strip("[]"), port, path, unquote(user), unquote(password))


def printable(text: str) -> str:
    """Return the name of an address that may be printed, whatever it is: never raises."""
    try:
        return parse(text).name
    except UsageError:
        scheme = SCHEME.match(text)
        return f"{scheme[1].lower()}://{MASK}" if scheme else MASK


def shown(source: str) -> str:
    """Return how --camera may be printed, whatever it is: an address without secrets, or itself."""
    # An address without its scheme has a password as well.
    return printable(source) if is_address(source) or "@" in source else source


def mask_addresses(text: str) -> str:
    """Return a text in which every address is replaced by its name without secrets.

    What has an `@` and no scheme may be one as well. Names of objects in a store are no secrets.
    """

    def masked(found: re.Match[str]) -> str:
        address = found[0].rstrip(".,:;")  # of the sentence around it
        name = address if OBJECT.fullmatch(address) else printable(address)
        return name + found[0][len(address) :]

    return IN_TEXT.sub(masked, text)


def with_credentials(
    settings: CameraSettings, environment: Mapping[str, str] = os.environ
) -> Address:
    """Return the address of `settings.source` with user and password from wherever they stand.

    Those in the address win, then the settings, then the environment. Raises UsageError for a
    malformed address, SourceError where the password's file cannot be read.
    """
    address = parse(settings.single_source)
    user = address.user or settings.user or environment.get(USER, "")
    password = address.password
    if not password and settings.password_file is not None:
        password = _read_password(settings.password_file)
    password = password or environment.get(PASSWORD, "")
    return Address(address.scheme, address.host, address.port, address.path, user, password)


def _read_password(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.read(MAX_PASSWORD_BYTES).decode("utf-8-sig").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise SourceError(
            f"cannot read the password file {path}: {os_reason(error)}",
            f"ls -l {shlex.quote(str(path))}",
        ) from None


def _end_of_authority(rest: str) -> int:
    return min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))


def _without_userinfo(rest: str) -> tuple[str, str]:
    """Return (user and password, host and what follows) of what follows "://".

    Where the password is not escaped, the `@` that counts is the last before the query; in the
    query it counts only where what precedes it cannot be a host.
    """
    end = _end_of_authority(rest)
    userinfo, _, host = rest[:end].rpartition("@")
    valid = AUTHORITY.fullmatch(host)
    if valid and int(valid[2] or 0) <= 65535:
        # No camera's address has a fragment: a # before an @ belongs to a password.
        query = rest.find("?")
        later = rest.rfind("@", end, query if query >= 0 else len(rest))
        # An address made of numbers is a host and no user: an @ in its path belongs to the path.
        if later < 0 or _is_ip(valid[1]) or not AUTHORITY.match(rest[later + 1 :]):
            return userinfo, rest[end - len(host) :]
        return rest[:later], rest[later + 1 :]
    later = rest.rfind("@")
    return (rest[:later], rest[later + 1 :]) if later >= 0 else ("", rest)


def _is_ip(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _harmless(path: str) -> str:
    """Return a path without query whose parts are masked unless they are known words."""
    parts = re.split(r"[?;]", path, maxsplit=1)[0].split("/")[1:]
    if sum(len(re.findall(r"[0-9]+", part)) for part in parts) > MAX_NUMBERS:
        return f"/{MASK}"
    return "".join(f"/{part if _is_known(part) else MASK}" for part in parts).rstrip("/")


def _is_known(part: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9._-]*", part) or re.search(r"[0-9]{4}", part):
        return False
    words = re.findall(r"[A-Za-z]+", part)
    # A word twice, or many of them, may be a password as well.
    return len(words) <= 3 and all(word.lower() in WORDS for word in words)
