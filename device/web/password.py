"""Hash the page's password, and compare one with its hash: scrypt of the standard library.

A hash is a text such as scrypt$16384$8$5$SALT$HASH, the last two in base64.
"""

import base64
import hashlib
import hmac
import re
import secrets

from ..errors import UsageError

# OWASP's recommendation with the least memory that a Pi Zero 2 has for it: 16 MB.
COST, BLOCK, PARALLEL = 2**14, 8, 5
MAX_MEMORY = 70_000_000  # bytes; a hash of the settings must not take all there is
MAX_COST, MAX_BLOCK, MAX_PARALLEL = 2**15, 16, 16
MIN_LENGTH = 8  # characters
MAX_LENGTH = 1000
SALT_BYTES, HASH_BYTES = 16, 32
FORMAT = re.compile(
    r"scrypt\$(\d{1,6})\$(\d{1,3})\$(\d{1,3})\$([\w+/=]{16,100})\$([\w+/=]{40,100})"
)
HINT = "python -m device.web password, and its line in [web]"


def hash_password(password: str) -> str:
    """Return the hash of a password; UsageError for one that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise UsageError(
            f"a password of {len(password)} characters, need {MIN_LENGTH} to {MAX_LENGTH}",
            "a few words",
        )
    salt = secrets.token_bytes(SALT_BYTES)
    key = _scrypt(password, salt, COST, BLOCK, PARALLEL)
    salt64, key64 = (base64.b64encode(value).decode() for value in (salt, key))
    return f"scrypt${COST}${BLOCK}${PARALLEL}${salt64}${key64}"


def check_hash(text: str) -> None:
    """Raise UsageError for a text that is no hash, or one that would take too long."""
    _parsed(text)


def matches(password: str, hashed: str) -> bool:
    """Whether a password is the one of a hash, in a time that does not depend on how near it is.

    Takes 0.3 s on a desktop, 1 to 3 s on a Pi.
    """
    cost, block, parallel, salt, key = _parsed(hashed)
    return hmac.compare_digest(_scrypt(password, salt, cost, block, parallel), key)


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(
        secret, salt=salt, n=cost, r=block, p=parallel, maxmem=MAX_MEMORY, dklen=HASH_BYTES
    )


def _parsed(text: str) -> tuple[int, int, int, bytes, bytes]:
    """Return (cost, block, parallel, salt, key) of a hash."""
    found = FORMAT.fullmatch(text)
    if not found:
        raise UsageError("[web] password is not a hash of a password", HINT)
    cost, block, parallel = (int(number) for number in found.groups()[:3])
    power_of_two = cost > 1 and cost & (cost - 1) == 0
    small = cost <= MAX_COST and 1 <= block <= MAX_BLOCK and 1 <= parallel <= MAX_PARALLEL
    try:
        salt, key = (base64.b64decode(part, validate=True) for part in found.groups()[3:])
    except ValueError:
        raise UsageError("[web] password is a damaged hash", HINT) from None
    if not (power_of_two and small and len(key) == HASH_BYTES):
        raise UsageError("[web] password is a hash of another program", HINT)
    return cost, block, parallel, salt, key
