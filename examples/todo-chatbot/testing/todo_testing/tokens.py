"""Tokens as the frontend signs them, and such as nobody should accept."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt

SECRET = "a-secret-for-tests-only-0123456789abcdef"
ISSUER = "todo-chatbot"
AUDIENCE = "todo-api"


def new_user() -> str:
    """The id of a user that nobody else has."""
    return f"user-{uuid4().hex}"


def claims(user_id: str, **changed: Any) -> dict[str, Any]:
    """The claims of a good token; a claim that is set to None is left out."""
    now = int(time.time())
    good = {"sub": user_id, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 900}
    return {name: value for name, value in (good | changed).items() if value is not None}


def token(user_id: str, *, secret: str = SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    """A signed token of `user_id`."""
    return jwt.encode(claims(user_id, **changed), secret, algorithm=algorithm)


def bearer(value: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {value}"}


def tampered(value: str) -> str:
    """`value` with another user in it under the old signature."""
    header, _, signature = value.split(".")
    other = token("somebody-else").split(".")[1]
    return f"{header}.{other}.{signature}"


REFUSED: dict[str, Callable[[], str]] = {
    "expired": lambda: token("u", iat=1_000, exp=int(time.time()) - 1),
    "tampered": lambda: tampered(token("u")),
    "another key": lambda: token("u", secret="another-secret-0123456789abcdef0123456789"),
    "another audience": lambda: token("u", aud="another-api"),
    "another issuer": lambda: token("u", iss="another-issuer"),
    "no expiry": lambda: token("u", exp=None),
    "no audience": lambda: token("u", aud=None),
    "no issuer": lambda: token("u", iss=None),
    "no subject": lambda: token("u", sub=None),
    "empty subject": lambda: token(""),
    "unsigned": lambda: jwt.encode(claims("u"), "", algorithm="none"),
    "another algorithm": lambda: token("u", secret=SECRET * 2, algorithm="HS512"),
    "no token at all": lambda: "abc",
}
"""Tokens that every service must refuse, by what is wrong with them."""
