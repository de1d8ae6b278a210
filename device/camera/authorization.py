"""Answer a camera's request for user and password, over HTTP and RTSP alike: Digest and Basic."""

import base64
import hashlib
import re
import secrets
from urllib.request import parse_http_list, parse_keqv_list

DIGESTS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def authorize(challenges: list[str], method: str, uri: str, user: str, password: str) -> str:
    """Return the Authorization header for a challenge, Digest before Basic; "" for no such one."""
    # Control characters would begin another header.
    if re.search(r"[\x00-\x1f\x7f]", user + password + uri):
        return ""
    for challenge in challenges:
        scheme, _, rest = challenge.strip().partition(" ")
        if scheme.lower() == "digest":
            answer = _digest(rest, method, uri, user, password)
            if answer:
                return answer
    if any(challenge.strip().lower().startswith("basic") for challenge in challenges):
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return f"Basic {pair}"
    return ""


def _digest(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """Return the answer to a Digest challenge (RFC 7616), "" for an unknown algorithm."""
    try:
        asked = parse_keqv_list([one for one in parse_http_list(challenge) if "=" in one])
    except (ValueError, IndexError):
        return ""
    algorithm = asked.get("algorithm", "MD5").upper()
    digest = DIGESTS.get(algorithm)
    realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
    if digest is None or re.search(r'[\x00-\x1f"]', realm + nonce + asked.get("opaque", "") + user):
        return ""

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode()).hexdigest()

    user_hash, target_hash = hashed(user, realm, password), hashed(method, uri)
    fields = f'username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}"'
    if "auth" in re.split(r"[ ,]+", asked.get("qop", "")):
        count, client = "00000001", secrets.token_hex(8)
        answer = hashed(user_hash, nonce, count, client, "auth", target_hash)
        fields += f', qop=auth, nc={count}, cnonce="{client}"'
    else:
        answer = hashed(user_hash, nonce, target_hash)
    fields += f', response="{answer}", algorithm={algorithm}'
    if "opaque" in asked:
        fields += f', opaque="{asked["opaque"]}"'
    return f"Digest {fields}"
