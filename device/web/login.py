"""Who may look: sessions, the pause after wrong passwords, and passwords in a request's header."""

import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

SESSION_S = 30 * 86400.0
MAX_PAUSE_S = 60.0
FREE_TRIES = 3  # wrong passwords without a pause: typing errors
FORGET_S = 3600.0  # after so long without a try, an address begins anew
MAX_ADDRESSES = 1000  # remembered with their wrong passwords
MAX_REVOKED = 1000  # sessions that were logged out


class Sessions:
    """Makes and checks session tokens. A token is "NONCE.END.SIGNATURE", signed with the hash.

    Tokens survive a restart; with another password none of the old ones is valid. hashed: of the
    password. clock_s: s since 1970.
    """

    def __init__(self, hashed: str, clock_s: Callable[[], float] = time.time):
        self._key = hmac.digest(hashed.encode(), b"facet web session", "sha256")
        self._clock_s = clock_s
        self._revoked: OrderedDict[str, None] = OrderedDict()

    def new(self) -> str:
        """Return the token of a new session."""
        text = f"{secrets.token_urlsafe(16)}.{int(self._clock_s() + SESSION_S)}"
        return f"{text}.{self._signature(text)}"

    def valid(self, token: str) -> bool:
        """Whether a token is of a session that has not ended."""
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return False
        nonce, _, end = text.partition(".")
        return nonce not in self._revoked and self._clock_s() < int(end)

    def end(self, token: str) -> None:
        """End a session, if the token is of one."""
        if self.valid(token):
            self._revoked[token.partition(".")[0]] = None
            if len(self._revoked) > MAX_REVOKED:
                self._revoked.popitem(last=False)

    def _signature(self, text: str) -> str:
        digest = hmac.digest(self._key, text.encode("utf-8", "replace"), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Pauses:
    """The pause that an address must make after wrong passwords: 1, 2, 4, ... 60 s.

    clock_s: s on a monotonic clock.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic):
        self._clock_s = clock_s
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # (tries, time of last)

    def left_s(self, address: str) -> float:
        """Return how long an address must wait until its next try, s; 0 if it need not."""
        tries, last_s = self._wrong.get(address, (0, 0.0))
        if tries < FREE_TRIES:
            return 0.0
        pause_s = min(MAX_PAUSE_S, 2.0 ** min(tries - FREE_TRIES, 10))
        return max(0.0, last_s + pause_s - self._clock_s())

    def wrong(self, address: str) -> None:
        """Note a wrong password."""
        tries, last_s = self._wrong.pop(address, (0, 0.0))
        now_s = self._clock_s()
        tries = 0 if now_s - last_s > FORGET_S else tries
        self._wrong[address] = tries + 1, now_s
        if len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        """Note the right password."""
        self._wrong.pop(address, None)


class RecentPassword:
    """Remembers that a password was right, so that a client that sends it with each request does
    not cost a scrypt each. Keeps a keyed digest, and no password.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._digest = b""

    def remember(self, password: str) -> None:
        self._digest = self._of(password)

    def is_same(self, password: str) -> bool:
        return hmac.compare_digest(self._digest, self._of(password))

    def _of(self, password: str) -> bytes:
        secret = password.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, secret, hashlib.sha256)


def basic_password(header: str) -> str | None:
    """Return the password of an Authorization header of the kind Basic; None for any other."""
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2] or None
    except ValueError:
        return None
