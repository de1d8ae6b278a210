"""Whether a request may look: a session's cookie, or the password in its Authorization header."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from starlette.requests import Request

from .guard import network_of
from .login import SESSION_S, Pauses, RecentPassword, Sessions, basic_password
from .password import MAX_LENGTH, matches

COOKIE = "facet_session"
MAX_WAITING = 8  # password checks; each takes 16 MB and up to seconds


@dataclass(frozen=True)
class Verdict:
    """Whether a client may look; or that a password was not compared, and when it may be."""

    allowed: bool
    wait_s: int = 0


YES, NO = Verdict(True), Verdict(False)


class Access:
    """Decides who may look. hashed: the password's hash, "" for none: then everybody may.

    secure: cookies are sent over https only.
    """

    def __init__(
        self,
        hashed: str,
        secure: bool,
        sessions: Sessions | None = None,
        pauses: Pauses | None = None,
    ):
        self._hashed = hashed
        self._sessions = sessions or Sessions(hashed)
        self._pauses = pauses or Pauses()
        self._recent = RecentPassword()
        self._one = asyncio.Lock()
        self._waiting = 0
        self._cookie_end = f"; Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"

    @property
    def needed(self) -> bool:
        """Whether there is a password."""
        return bool(self._hashed)

    async def may_look(self, request: Request) -> Verdict:
        """Return whether a request may look."""
        if not self.needed or self._sessions.valid(request.cookies.get(COOKIE, "")):
            return YES
        password = basic_password(request.headers.get("authorization", ""))
        if password is None or request.method not in ("GET", "HEAD"):
            return NO
        if wait := self._wait(_network(request)):  # or guesses went on, against the recent password
            return wait
        return YES if self._recent.is_same(password) else await self.compare(request, password)

    async def compare(self, request: Request, password: str) -> Verdict:
        """Compare a password with the settings', in a thread, unless its address must wait."""
        address = _network(request)
        if wait := self._wait(address):
            return wait
        if self._waiting >= MAX_WAITING:
            return Verdict(False, 1)
        self._waiting += 1
        try:
            async with self._one:
                if wait := self._wait(address):  # others of this address were wrong meanwhile
                    return wait
                short = len(password) <= MAX_LENGTH
                right = short and await asyncio.to_thread(matches, password, self._hashed)
                if right:
                    self._pauses.right(address)
                    self._recent.remember(password)
                else:
                    self._pauses.wrong(address)
        finally:
            self._waiting -= 1
        return YES if right else NO

    def _wait(self, address: str) -> Verdict | None:
        left_s = self._pauses.left_s(address)
        return Verdict(False, math.ceil(left_s)) if left_s else None

    def new_cookie(self) -> str:
        """Return the Set-Cookie header of a new session."""
        return f"{COOKIE}={self._sessions.new()}; Max-Age={SESSION_S:.0f}{self._cookie_end}"

    def end(self, request: Request) -> str:
        """End a request's session; return the Set-Cookie header that removes it."""
        self._sessions.end(request.cookies.get(COOKIE, ""))
        return f"{COOKIE}=; Max-Age=0{self._cookie_end}"


def _network(request: Request) -> str:
    return network_of(request.client.host if request.client else "")
