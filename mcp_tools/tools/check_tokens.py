"""HS256 JSON Web Tokens, made and spoiled with the standard library. Pure; tokens and keys are never printed.

Source: RFC 7515 (JWS compact form), RFC 7519 (claims).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

LONG_AGO = 3600
"""Seconds by which an expired token's end lies in the past: more than any leeway for clocks."""


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The reverse of :func:`encode`."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(claims: Mapping[str, Any], key: str, *, algorithm: str = "HS256") -> str:
    """A token of these claims; algorithm ``none`` leaves the signature empty."""
    header = {"alg": algorithm, "typ": "JWT"}
    head = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, dict(claims)))
    if algorithm == "none":
        return f"{head}."
    return f"{head}.{encode(hmac.new(key.encode(), head.encode(), hashlib.sha256).digest())}"


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified; empty when it is none."""
    try:
        found = json.loads(decode(token.split(".")[1]))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def signed_by(token: str, key: str) -> bool:
    """Whether the token's signature is HS256 with this key."""
    head, _, signature = token.rpartition(".")
    made = encode(hmac.new(key.encode(), head.encode(), hashlib.sha256).digest())
    return hmac.compare_digest(made, signature)


def mint(issuer: str, audience: str, key: str, subject: str, seconds: int = 300) -> str:
    """A token like the application's own, for applications that do not describe how to sign up."""
    now = int(time.time())
    return sign({"sub": subject, "iss": issuer, "aud": audience, "iat": now, "exp": now + seconds}, key)


def spoiled(token: str, key: str) -> dict[str, str]:
    """Kind → a token that must be refused, each wrong in one way and right in all others."""
    claims, now = claims_of(token), int(time.time())
    head, _, signature = token.rpartition(".")
    tampered = bytearray(decode(signature))
    tampered[0] ^= 1
    other = sign(claims | {"sub": "somebody-else"}, key)
    old = {"iat": now - 2 * LONG_AGO, "exp": now - LONG_AGO}
    return {
        "tampered": f"{head}.{encode(bytes(tampered))}",
        "other-claims": f"{other.rpartition('.')[0]}.{signature}",
        "other-key": sign(claims, f"{key[::-1]}-not-the-key"),
        "expired": sign(claims | old, key),
        "wrong-audience": sign(claims | {"aud": "another-audience"}, key),
        "wrong-issuer": sign(claims | {"iss": "another-issuer"}, key),
        "alg-none": sign(claims, key, algorithm="none"),
    }
