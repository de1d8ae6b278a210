"""POST a firing as JSON to an address, signed if there is a secret.

The signature is `X-Facet-Signature: sha256=HEX`, the HMAC-SHA256 of the body with the secret. The
body has the time and an id, so that a receiver can refuse what is old or was seen before.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import FacetError, UsageError, one_line, os_reason
from ...files import read_text
from ...resources import install_hint
from ...settings import RuleSettings
from ..watch import Firing
from . import body_of

ATTEMPTS = 4
PAUSE_S, MAX_PAUSE_S = 1.0, 30.0  # before the second attempt, doubled before each further one
RETRIED = (408, 425, 429, 500, 502, 503, 504)  # statuses that may pass
MAX_SECRET = 10_000  # bytes


def pause_s(attempt: int) -> float:
    """Return a random pause after an attempt (from 1), s: many cameras do not come back at once."""
    return random.uniform(0.5, 1.0) * min(MAX_PAUSE_S, PAUSE_S * 2 ** (attempt - 1))


class Webhook:
    """Posts firings; an attempt that fails is repeated up to 3 times after growing pauses.

    Redirects are not followed, the answer's body is not read, and neither proxies nor passwords are
    taken from the environment. transport: httpx's, for tests.
    """

    needs_picture = False

    def __init__(
        self,
        rule: RuleSettings,
        transport: Any = None,
        pause_s: Callable[[int], float] = pause_s,
    ):
        try:
            import httpx
        except ImportError as error:
            raise UsageError("httpx is not installed", install_hint("rules")) from error
        self._httpx, self._transport, self._pause_s = httpx, transport, pause_s
        try:
            self._url = httpx.URL(rule.url)
            valid = bool(self._url.host) and (self._url.port or 1) <= 65535
        except (httpx.InvalidURL, ValueError):
            valid = False
        if not valid:
            raise UsageError(
                f'the rule "{rule.title}": {rule.url!r} is no address of a webhook',
                'url = "http://127.0.0.1:1880"',
            )
        self._secret = read_secret(rule.secret_file) if rule.secret_file else None
        self._timeout_s = rule.timeout_s

    def __enter__(self) -> Webhook:
        self._client = self._httpx.Client(
            timeout=self._timeout_s,
            # The system's certificates, with those that its owner added.
            verify=ssl.create_default_context(),
            trust_env=False,
            transport=self._transport,
            headers={"User-Agent": f"facet/{__version__}", "Content-Type": "application/json"},
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.close()

    def act(self, firing: Firing, stopping: threading.Event) -> None:
        body = body_of(firing)
        headers = {"X-Facet-Delivery": firing.id}
        if self._secret:
            headers["X-Facet-Signature"] = signature(self._secret, body)
        for attempt in range(1, ATTEMPTS + 1):
            fault, again = self._post(body, headers)
            if not fault:
                return
            if not again or attempt == ATTEMPTS or stopping.wait(self._pause_s(attempt)):
                raise FacetError(f"{self._shown()} {fault}", "curl -i with the address")

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
        """Return why an attempt failed, "" if it did not, and whether to try again."""
        try:
            # Streamed, so that an answer without an end is left after its head.
            with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                status = answer.status_code
        except self._httpx.TimeoutException:
            return f"did not answer within {self._timeout_s:g} s", True
        except self._httpx.HTTPError as error:
            return f"cannot be reached: {one_line(error) or type(error).__name__}", True
        if 200 <= status < 300:
            return "", False
        return f"answered {status}", status in RETRIED

    def _shown(self) -> str:
        """Return the address without user, path and query, which may hold a secret."""
        port = f":{self._url.port}" if self._url.port else ""
        return f"{self._url.scheme}://{self._url.host}{port}"


def signature(secret: bytes, body: bytes) -> str:
    """Return the value of X-Facet-Signature."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def read_secret(path: Path) -> bytes:
    """Return the secret in a file, without white space around it; UsageError without one."""
    hint = "openssl rand -hex 32 > FILE, and secret_file = FILE"
    try:
        secret = read_text(path, MAX_SECRET).strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the secret {path}: {os_reason(error)}", hint) from error
    if not secret:
        raise UsageError(f"the secret {path} is empty", hint)
    return secret.encode()
