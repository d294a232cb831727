"""One mutating run per target at a time: a Lease in the cluster, held by name and renewed in the background.

The Lease is ``kube-system/longshore`` (coordination.k8s.io/v1), the same mechanism as Kubernetes' own leader
election, so that two terminals, or two people, cannot deploy over each other.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import os
import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio

from mcp_tools.engines.kube_http import FIELD_MANAGER
from mcp_tools.engines.kube_kinds import Kind
from mcp_tools.engines.kubernetes import KubeEngine
from mcp_tools.errors import Busy, Conflict, LongshoreError

NAMESPACE, NAME = "kube-system", "longshore"
DURATION = 30
RENEW_EVERY = 8.0
_LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
_MICRO = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Holder:
    """Who holds it: written ``user@host/run/pid/nonce``; the nonce tells two holders of one process apart."""

    user: str
    host: str
    run: str
    pid: int
    nonce: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}/{self.run}/{self.pid}/{self.nonce}"

    @property
    def shown(self) -> str:
        """For a person."""
        return f"{self.user}@{self.host} (run {self.run}, process {self.pid})"

    @classmethod
    def me(cls, run: str) -> Holder:
        """This process, for one run."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = str(os.getuid())
        return cls(
            user.replace("/", "_"),
            socket.gethostname(),
            run.replace("/", "_") or "-",
            os.getpid(),
            uuid.uuid4().hex[:8],
        )

    @classmethod
    def parse(cls, text: str) -> Holder | None:
        """From its written form; None when it is not one."""
        try:
            who, run, pid, nonce = text.rsplit("/", 3)
            user, host = who.split("@", 1)
            return cls(user, host, run, int(pid), nonce)
        except ValueError:
            return None

    @property
    def dead(self) -> bool:
        """Whether it was a process of this host that is gone. Of other hosts nothing is known: False."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return _zombie(self.pid)


def _zombie(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:  # noqa: PTH123 (a pseudo file)
            return stream.read().rsplit(")", 1)[1].split()[0] in ("Z", "X")
    return False


def expired(spec: dict[str, Any], now: dt.datetime) -> bool:
    """Whether a Lease's time is over."""
    renewed = str(spec.get("renewTime") or "")
    try:
        at = dt.datetime.fromisoformat(renewed.replace("Z", "+00:00"))
    except ValueError:
        return True
    return now - at > dt.timedelta(seconds=int(spec.get("leaseDurationSeconds") or DURATION))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Lease:
    """The lease of one target: ``async with Lease(kube, run_id).held(): …``."""

    def __init__(self, kube: KubeEngine, run: str) -> None:
        self.kube = kube
        self.me = Holder.me(run)
        self.lost = False

    async def holder(self) -> Holder | None:
        """Who holds it now; None when it is free, expired, or its holder is dead. May be ourselves."""
        found = await self._read()
        return self._living(found) if found else None

    async def _read(self) -> dict[str, Any] | None:
        return await self.kube.get(_LEASE.api, _LEASE.kind, NAME, NAMESPACE)

    @staticmethod
    def _living(lease: dict[str, Any]) -> Holder | None:
        spec = lease.get("spec") or {}
        holder = Holder.parse(str(spec.get("holderIdentity") or ""))
        if holder is None or expired(spec, _now()) or holder.dead:
            return None
        return holder

    def _spec(self, previous: dict[str, Any] | None = None) -> dict[str, Any]:
        now, before = _now().strftime(_MICRO), previous or {}
        same = before.get("holderIdentity") == str(self.me)
        return {
            "holderIdentity": str(self.me),
            "leaseDurationSeconds": DURATION,
            "acquireTime": before.get("acquireTime", now) if same else now,
            "renewTime": now,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (0 if same else 1),
        }

    async def acquire(self) -> None:
        """Take it.

        Raises:
            Busy: a living run holds it; names the holder.
        """
        found = await self._read()
        try:
            if found is None:
                body = {"apiVersion": _LEASE.api, "kind": "Lease", "metadata": {"name": NAME, "namespace": NAMESPACE}}
                await self._write("POST", _LEASE.path(NAMESPACE), body | {"spec": self._spec()})
                return
            living = self._living(found)
            if living is not None and living != self.me:
                raise Busy(
                    f"the cluster is in use by {living.shown}", remedy="wait for it, or end it: longshore runs list"
                )
            await self._put(found, self._spec(found.get("spec")))
        except Conflict as error:  # somebody was quicker
            winner = await self.holder()
            who = winner.shown if winner else "another run"
            raise Busy(
                f"the cluster is in use by {who}", remedy="wait for it, or end it: longshore runs list"
            ) from error

    async def renew(self) -> None:
        """Say that we are still here.

        Raises:
            Busy: somebody else has taken it.
        """
        found = await self._read()
        if found is None or (found.get("spec") or {}).get("holderIdentity") != str(self.me):
            self.lost = True
            raise Busy("the lease of the cluster was lost", remedy="longshore runs resume")
        await self._put(found, self._spec(found.get("spec")))

    async def release(self) -> None:
        """Give it back, when it is ours."""
        found = await self._read()
        if found is not None and (found.get("spec") or {}).get("holderIdentity") == str(self.me):
            spec = dict(found["spec"])
            spec.update(holderIdentity="", leaseDurationSeconds=1, renewTime=_now().strftime(_MICRO))
            with contextlib.suppress(Conflict):
                await self._put(found, spec)

    async def _put(self, found: dict[str, Any], spec: dict[str, Any]) -> None:
        """Replace it, on condition that nobody did so since it was read (its resourceVersion)."""
        await self._write("PUT", _LEASE.path(NAMESPACE, NAME), found | {"spec": spec})

    async def _write(self, method: str, path: str, body: dict[str, Any]) -> None:
        await self.kube.request(method, path, {"fieldManager": FIELD_MANAGER}, body, what="holding the cluster's lease")

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[Lease]:
        """Acquire, renew in the background, release; work whose lease is lost is cancelled.

        Raises:
            Busy: a living run holds it, or has taken it over meanwhile.
        """
        await self.acquire()
        try:
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._keep, group.cancel_scope)
                    yield self
                    group.cancel_scope.cancel()
            except BaseExceptionGroup as several:  # the body's own error, as it was
                if len(several.exceptions) == 1:
                    raise several.exceptions[0] from None
                raise
            if self.lost:
                raise Busy("the lease of the cluster was lost to another run", remedy="longshore runs resume")
        finally:
            with anyio.CancelScope(shield=True), contextlib.suppress(LongshoreError):
                await self.release()

    async def _keep(self, scope: anyio.CancelScope) -> None:
        while True:
            await anyio.sleep(RENEW_EVERY)
            try:
                await self.renew()
            except Busy:
                self.lost = True
                scope.cancel()
                return
            except LongshoreError:
                continue  # the API server may be away for a moment; the lease outlives three tries
