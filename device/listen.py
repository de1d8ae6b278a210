"""The address that a server of Facet listens on: "127.0.0.1:8420", "[::1]:8420", "8420"."""

from dataclasses import dataclass

from .errors import UsageError, one_line

LOCAL = "127.0.0.1"
PORT = 8420


@dataclass(frozen=True)
class Listen:
    """A host and a port to listen on."""

    host: str
    """A name or an IP address, without the brackets of IPv6."""
    port: int
    """0: any free one."""

    @property
    def local(self) -> bool:
        """Whether only this computer reaches it."""
        return self.host == "localhost" or is_loopback(self.host)

    @property
    def everywhere(self) -> bool:
        """Whether it is every address of this computer."""
        return self.host in ("0.0.0.0", "::")

    def __str__(self) -> str:
        return join(self.host, self.port)


def join(host: str, port: int) -> str:
    """Return host and port as an address has them: "[::1]:8420"."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_ip(host: str) -> bool:
    """Whether a host is an IP address, without brackets."""
    from ipaddress import ip_address  # here: the default settings need no address

    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is an IP address of this computer alone."""
    from ipaddress import ip_address

    return is_ip(host) and ip_address(host).is_loopback


def parse_listen(text: str, port: int = PORT, origin: str = "") -> Listen:
    """Return the address that a text is: HOST:PORT, HOST, PORT or [IPV6]:PORT.

    port: the port if there is none in the text. Raises UsageError for anything else, which begins
    with origin.
    """
    host, number = _split(text.strip())
    valid = host and not any(letter in host for letter in " /@[]?#\0")
    digits = number.isascii() and number.isdigit() and len(number) <= 5
    if not valid or (number and not (digits and int(number) <= 65535)):
        raise UsageError(
            f"{origin}{one_line(repr(text), 80)} is no address to listen on", f"{LOCAL}:{port}"
        )
    return Listen(host, int(number) if number else port)


def _split(text: str) -> tuple[str, str]:
    """Return (host, port), each of them "" where it is missing."""
    if text.isascii() and text.isdigit():
        return LOCAL, text
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        valid = bracket and is_ip(host) and rest[:1] in ("", ":") and rest != ":"
        return (host, rest[1:]) if valid else ("", "")
    if is_ip(text):  # of IPv6, without brackets
        return text, ""
    host, colon, number = text.partition(":")
    return (host, number) if bool(number) == bool(colon) else ("", "")
