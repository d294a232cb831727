"""Accounts and tokens for the checks: signing up and in through the application, from inside the cluster.

Passwords and tokens travel on the standard input of probes and are kept in this process only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from mcp_tools.application_checks import AuthCheck, Request
from mcp_tools.diagnosis.snapshot import Manifest
from mcp_tools.errors import ToolFailed
from mcp_tools.guard.redact import REDACTOR
from mcp_tools.tools import check_tokens
from mcp_tools.tools.check_common import Answer, Scene

DOMAIN = "example.invalid"
"""Reserved (RFC 2606): no mail to a test user can ever arrive."""


@dataclass(frozen=True)
class Session:
    """A signed-in test user. ``created``: it was made just now, and stays in the application's database."""

    email: str
    token: str = field(repr=False)
    cookie: str = field(default="", repr=False)
    created: bool = False
    rows: tuple[tuple[str, Answer], ...] = ()

    def headers(self, request: Request, auth: AuthCheck) -> dict[str, str]:
        """What makes a request authenticated: the session for the service that signs in, the token for all others."""
        if self.cookie and auth.sign_up and request.service == auth.sign_up.service:
            return {"Cookie": self.cookie}
        return {"Authorization": f"Bearer {self.token}"}


def auth_of(scene: Scene) -> AuthCheck:
    """How the application signs in.

    Raises:
        ToolFailed: its longshore.yaml does not say.
    """
    found = scene.app.spec.checks.auth
    if found is None:
        raise ToolFailed("there is no way to sign in", "longshore.yaml has no checks.auth", "describe checks.auth")
    return found


async def signing_key(scene: Scene) -> str:
    """The key that tokens are signed with, from its Secret.

    Raises:
        ToolFailed: the Secret or its key is missing.
    """
    auth = auth_of(scene)
    item: Manifest | None = await scene.kube.get("v1", "Secret", auth.secret.secret, scene.namespace)
    encoded = ((item or {}).get("data") or {}).get(auth.secret.key)
    if not encoded:
        why = f"Secret {auth.secret.secret} has no key {auth.secret.key}" if item else "there is no such Secret"
        raise ToolFailed(f"the signing key {auth.secret.secret}:{auth.secret.key} is missing", why, "secret_ensure")
    key = base64.b64decode(encoded).decode()
    REDACTOR.learn([key])
    return key


async def new_user(scene: Scene) -> Session:
    """Sign up a user with a random name, sign in and fetch a token.

    Raises:
        ToolFailed: a step was refused; says which and how.
    """
    password = secrets.token_urlsafe(24)
    REDACTOR.learn([password])
    return await _enter(scene, f"longshore-check-{secrets.token_hex(6)}@{DOMAIN}", password, new=True)


async def usual_user(scene: Scene) -> Session:
    """The one test user of an application: signed in, or signed up the first time.

    Its password is derived from the signing key, so that it needs to be kept nowhere. Applications that do not
    describe signing up get a token that is signed here.

    Raises:
        ToolFailed: a step was refused; says which and how.
    """
    auth, key = auth_of(scene), await signing_key(scene)
    if auth.sign_up is None or auth.token is None:
        return Session("longshore-check", check_tokens.mint(auth.issuer, auth.audience, key, "longshore-check"))
    name = hmac.new(key.encode(), b"longshore-check name", hashlib.sha256).hexdigest()[:10]
    password = check_tokens.encode(hmac.new(key.encode(), b"longshore-check password", hashlib.sha256).digest())
    REDACTOR.learn([password])
    email = f"longshore-check-{name}@{DOMAIN}"
    if auth.sign_in is not None:
        answer = await scene.ask(auth.sign_in, body={"email": email, "password": password})
        if answer.status == 200 and cookie_of(answer):
            token, row = await _token(scene, cookie_of(answer))
            return Session(email, token, cookie_of(answer), False, (("sign-in", answer), ("token", row)))
    return await _enter(scene, email, password, new=True)


async def _enter(scene: Scene, email: str, password: str, *, new: bool) -> Session:
    auth = auth_of(scene)
    if auth.sign_up is None or auth.token is None:
        raise ToolFailed("nobody can sign up", "longshore.yaml has no checks.auth.signUp and token")
    rows: list[tuple[str, Answer]] = []
    body = {**(auth.sign_up.body or {}), "name": "Longshore check", "email": email, "password": password}
    answer = await scene.ask(auth.sign_up, body=body)
    rows.append(("sign-up", answer))
    if answer.status not in (200, 201):
        raise ToolFailed("signing up failed", _why(answer), f"look at the log of {auth.sign_up.service}")
    cookie = cookie_of(answer)
    if auth.sign_in is not None:
        answer = await scene.ask(auth.sign_in, body={"email": email, "password": password})
        rows.append(("sign-in", answer))
        if answer.status != 200:
            raise ToolFailed("signing in failed", _why(answer), f"look at the log of {auth.sign_in.service}")
        cookie = cookie_of(answer) or cookie
    token, answer = await _token(scene, cookie)
    rows.append(("token", answer))
    return Session(email, token, cookie, new, tuple(rows))


async def _token(scene: Scene, cookie: str) -> tuple[str, Answer]:
    auth = auth_of(scene)
    assert auth.token is not None
    answer = await scene.ask(auth.token, headers={"Cookie": cookie} if cookie else {})
    data = answer.probe.json()
    token = data.get("token") if isinstance(data, dict) else None
    if answer.status != 200 or not isinstance(token, str):
        raise ToolFailed("no token is issued", _why(answer), f"look at the log of {auth.token.service}")
    REDACTOR.learn([token])
    return token, answer


def cookie_of(answer: Answer) -> str:
    """The Cookie header that answers the Set-Cookie headers."""
    lines = answer.probe.headers.get("set-cookie", "").splitlines()
    return "; ".join(line.split(";", 1)[0].strip() for line in lines if "=" in line)


def _why(answer: Answer) -> str:
    """The status and the message of an answer; a body may echo what was sent, so only its message is taken."""
    data = answer.probe.json()
    message = data.get("message") or data.get("detail") or data.get("code") if isinstance(data, dict) else ""
    return f"{answer.said} {str(message)[:200]}".strip() if message else answer.said
