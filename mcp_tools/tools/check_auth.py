"""check_auth: tokens are issued, demanded and verified, and their key comes from its Secret and stands nowhere else.

What it leaves behind: one test user ``longshore-check-…@example.invalid``, when the application has no request to
delete an account (``checks.auth.deleteAccount``). Nothing of the deployment changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio
from pydantic import BaseModel, Field

from mcp_tools import application
from mcp_tools.application_checks import AuthCheck
from mcp_tools.catalog import Effect, Observation, Preview, tool
from mcp_tools.errors import LongshoreError
from mcp_tools.tools import check_account, check_environment, check_exposure, check_tokens
from mcp_tools.tools.check_account import Session
from mcp_tools.tools.check_common import CheckInput, CheckOutput, Place, Scene, mark
from mcp_tools.tools.check_environment import Sources
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

SKIPPED = "longshore.yaml has no checks.auth"
TITLES = {
    "tampered": "a token whose signature was changed",
    "other-claims": "a token whose claims were changed",
    "other-key": "a token that is signed with another key",
    "expired": "a token that has expired",
    "wrong-audience": "a token for another audience",
    "wrong-issuer": "a token from another issuer",
    "alg-none": "an unsigned token (alg none)",
}


class Row(BaseModel):
    """One request, and what it had to answer."""

    title: str
    expected: str
    got: Untrusted
    ok: bool


class CheckAuthOutput(CheckOutput):
    """``ok``: all rows are, the key comes from its Secret in every pod, and stands nowhere else."""

    issued: bool = False
    required: bool = Field(False, description="401 without a token")
    rejects_tampered: bool = False
    rejects_expired: bool = False
    rejects_wrong_audience: bool = False
    rejects_wrong_issuer: bool = False
    rejects_unsigned: bool = False
    from_secret: bool = Field(False, description="In every pod that uses it, the key is taken from its Secret")
    hardcoded: list[str] = Field(default_factory=list, description="Where else the key stands")
    test_user: str = Field("", description="The account that was made")
    test_user_deleted: bool = False
    rows: list[Row] = Field(default_factory=list)

    def text(self) -> str:
        """A line per request."""
        if self.skipped:
            return f"skipped: {self.reason}"
        lines = [f"{mark(self.ok)} authentication {self.reason}".rstrip()]
        lines += [f"  {mark(r.ok)} {r.title}: {r.got} (expected {r.expected})" for r in self.rows]
        lines.append(f"  {mark(self.from_secret)} the signing key comes from its Secret in every pod")
        return "\n".join([*lines, *(f"  FAIL the signing key stands in {place}" for place in self.hardcoded)])


async def observe_auth(args: CheckInput, call: Call) -> Observation:
    """Which test user would be made."""
    app = application.load(call.path(args.application))
    auth = app.spec.checks.auth
    if auth is None:
        return Observation(effect=Effect.READ, preview=Preview(summary=f"skipped: {SKIPPED}"), done=True)
    if call.world.simulated:
        return Observation(effect=Effect.READ, preview=Preview(summary="simulated: nobody signs up"), done=True)
    if auth.sign_up is None:
        summary = "ask the protected endpoint with right and wrong tokens; nobody signs up, nothing is written"
        return Observation(effect=Effect.READ, preview=Preview(summary=summary), state={"sign_up": None})
    where = auth.sign_up.service
    after = "and is deleted again" if auth.delete_account else "and stays: there is no checks.auth.deleteAccount"
    summary = f"sign up a test user with a random name at {where} in {app.spec.namespace}; it has no todos, {after}"
    added = [f"account longshore-check-…@{check_account.DOMAIN} at {where}"]
    state = {"namespace": app.spec.namespace, "sign_up": auth.sign_up.model_dump(mode="json")}
    return Observation(effect=Effect.CREATE, preview=Preview(summary=summary, added=added), state=state)


@tool(
    domain="diagnostics",
    title="Check authentication",
    effect=Effect.CREATE,
    observe=observe_auth,
    idempotent=False,
    long=True,
)
async def check_auth(args: CheckInput, call: Call) -> CheckAuthOutput:
    """Check authentication end to end: sign up, sign in, token; 401 without one and with tampered and expired ones.

    Also that the signing key comes from its Secret in the running pods and stands nowhere else.
    """
    scene = await Scene.look(call, args.application)
    auth = scene.app.spec.checks.auth
    if auth is None:
        return CheckAuthOutput(ok=True, skipped=True, reason=SKIPPED)
    if call.world.simulated:
        unknown = "whether tokens are issued, and whether wrong, tampered and expired ones are refused"
        return CheckAuthOutput(ok=False).mark_simulated(unknown, "which signing key the processes hold")
    await call.progress(0, 3, "signing up a test user")
    work = _Work(scene, auth, CheckAuthOutput(ok=False))
    try:
        await work.requests()
        await call.progress(2, 3, "looking where the signing key stands")
        await work.key()
    except LongshoreError as error:
        work.out.rows.append(Row(title=error.what, expected="it works", got=error.why or error.what, ok=False))
    return work.result()


@dataclass
class _Work:
    scene: Scene
    auth: AuthCheck
    out: CheckAuthOutput

    async def requests(self) -> None:
        """The good token and the bad ones."""
        key = await check_account.signing_key(self.scene)
        session = await self._session(key)
        await self._expect("without a token", {}, 401)
        status = self.auth.protected.status
        await self._expect("with the issued token", session.headers(self.auth.protected, self.auth), status)
        self.out.required = self.out.rows[-2].ok
        rejected = {}
        for kind, token in check_tokens.spoiled(session.token, key).items():
            rejected[kind] = await self._expect(f"with {TITLES[kind]}", {"Authorization": f"Bearer {token}"}, 401)
        self.out.rejects_tampered = all(rejected[kind] for kind in ("tampered", "other-claims", "other-key"))
        self.out.rejects_expired = rejected["expired"]
        self.out.rejects_wrong_audience = rejected["wrong-audience"]
        self.out.rejects_wrong_issuer = rejected["wrong-issuer"]
        self.out.rejects_unsigned = rejected["alg-none"]
        await self._delete(session)

    async def _session(self, key: str) -> Session:
        if self.auth.sign_up is None:
            subject = "longshore-check"
            self._row("sign-up", "described", "not described: the token is signed by this check", True)
            return Session(subject, check_tokens.mint(self.auth.issuer, self.auth.audience, key, subject))
        session = await check_account.new_user(self.scene)
        self.out.test_user = session.email
        for title, answer in session.rows:
            self._row(title, "200", answer.said, answer.status in (200, 201))
        claims = check_tokens.claims_of(session.token)
        signed = check_tokens.signed_by(session.token, key)
        self._row("the token is signed with the key of the Secret", "yes", "yes" if signed else "no", signed)
        right = claims.get("iss") == self.auth.issuer and self.auth.audience in _list(claims.get("aud"))
        who = f"iss {claims.get('iss')}, aud {claims.get('aud')}"
        self._row("issuer and audience", f"iss {self.auth.issuer}, aud {self.auth.audience}", who, right)
        lasting = isinstance(claims.get("exp"), int | float)
        self._row("the token expires", "exp is set", "exp is set" if lasting else "no exp", lasting)
        self.out.issued = all(row.ok for row in self.out.rows)
        return session

    def _row(self, title: str, expected: str, got: str, ok: bool) -> None:
        self.out.rows.append(Row(title=title, expected=expected, got=got, ok=ok))

    async def _expect(self, title: str, headers: dict[str, str], status: int) -> bool:
        request = self.auth.protected
        answer = await self.scene.ask(request, headers=headers)
        ok = answer.status == status
        self._row(f"{request.method} {request.path} {title}", str(status), answer.said, ok)
        return ok

    async def _delete(self, session: Session) -> None:
        request = self.auth.delete_account
        if request is None or not session.created:
            return
        answer = await self.scene.ask(request, headers=session.headers(request, self.auth))
        self.out.test_user_deleted = answer.status == request.status
        self._row("the test user is deleted", str(request.status), answer.said, self.out.test_user_deleted)

    async def key(self) -> None:
        """Where the signing key stands."""
        ref = self.auth.secret
        wanted = (ref.secret, ref.key)
        every = self.scene.app.spec.services
        users = [s for s in every if any((r.secret, r.key) == wanted for r in s.secret_env.values())]
        wrong: list[str] = []
        async with anyio.create_task_group() as group:
            for service in users:
                for place in self.scene.places(service.name):
                    group.start_soon(self._place, service.name, place, wrong)
        self.out.from_secret = not wrong and bool(users)
        found = await check_exposure.find(self.scene.kube, self.scene.seen, self.scene.namespace)
        mine = {e.place for e in found if (e.secret, e.key) == (ref.secret, ref.key)}
        self.out.hardcoded = sorted({*mine, *(line for line in wrong if "image" in line)})
        for line in wrong:
            self._row("the signing key in the pods", "from its Secret, current", line, False)

    async def _place(self, service: str, place: Place, wrong: list[str]) -> None:
        """Whether a container has the key in the variables that are taken from the Secret, and in no other."""
        ref, scene = self.auth.secret, self.scene
        sources = Sources(scene.kube, scene.namespace)
        now = (await sources.digests("Secret", ref.secret) or {}).get(ref.key)
        pod = next(p for p in scene.pods_of(service) if p["metadata"]["name"] == place.pod)
        box = next(c for c in pod["spec"]["containers"] if c["name"] == place.container)
        known = await check_environment.origins(box, sources)
        source = f"secret/{ref.secret}[{ref.key}]"
        names = [name for name, origin in known.items() if origin.source == source]
        try:
            has = await scene.kube.env_digests(*place, None)
        except LongshoreError:
            has = await scene.kube.env_digests(*place, sorted(known))
        if not names:
            wrong.append(f"{place.pod}: no variable is taken from {source}")
        wrong += [f"{place.pod}: {name} is not the Secret's present value" for name in names if has.get(name) != now]
        for name, digest in has.items():
            if digest == now and name not in names:
                origin = known[name].source if name in known else "the image"
                wrong.append(f"{place.pod}: variable {name} holds the key and comes from {origin}")

    def result(self) -> CheckAuthOutput:
        """The verdict."""
        out = self.out
        broken = [row for row in out.rows if not row.ok]
        out.ok = bool(out.rows) and not broken and out.from_secret and not out.hardcoded
        if not out.ok:
            first = broken[0] if broken else None
            out.reason = (
                f"{first.title}: {first.got}, expected {first.expected}" if first else "the signing key is exposed"
            )
        out.evidence = [f"{row.title}: {row.got}" for row in out.rows]
        out.evidence.append(f"signing key from its Secret: {out.from_secret}; elsewhere: {len(out.hardcoded)} places")
        if out.test_user and not out.test_user_deleted:
            out.evidence.append(f"the test user {out.test_user} remains in the application's database")
        return out


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
