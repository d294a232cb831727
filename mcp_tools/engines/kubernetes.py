"""The Kubernetes engine: raw JSON objects over one pinned context.

Field manager and user agent are Longshore's, so that the cluster's own records tell who did what. Every mutating
method takes a permit; below them the HTTP layer refuses any write that has none (``kube_rest``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp_tools.effects import Effect
from mcp_tools.engines import kube_exec, kube_kinds
from mcp_tools.engines.kube_exec import ExecResult, ProbeResult, TcpResult
from mcp_tools.engines.kube_http import APPLY, FIELD_MANAGER, MERGE, STRATEGIC, in_thread
from mcp_tools.engines.kube_kinds import Kind
from mcp_tools.engines.kube_prober import Prober
from mcp_tools.engines.kube_probes import admit
from mcp_tools.engines.kube_reader import KubeReader
from mcp_tools.errors import NotFound

if TYPE_CHECKING:
    from mcp_tools.guard.permit import Permit

__all__ = ["MERGE", "STRATEGIC", "ExecResult", "Kind", "KubeEngine", "ProbeResult", "TcpResult"]


class KubeEngine(KubeReader):
    """One cluster. ``context`` None means the current one at the first use; it does not move afterwards."""

    def __init__(self, context: str | None = None, *, kubeconfig: str | None = None) -> None:
        super().__init__(context, kubeconfig=kubeconfig)
        self._prober = Prober(self.exec)

    # -- changing -----------------------------------------------------------------------------------------------

    async def apply(
        self,
        manifest: Mapping[str, Any],
        *,
        permit: Permit,
        dry_run: bool = False,
        force: bool = False,
        effect: Effect | None = None,
    ) -> dict[str, Any]:
        """Server-side apply. Needs leave to create for a new object and to change for one that exists.

        ``effect`` overrides that when the caller knows that nothing existing is touched (adding a key).
        """
        if not dry_run:
            permit.require(effect or await self._apply_effect(manifest))
        return await self._apply(manifest, permit, dry_run, force)

    async def dry_run(self, manifest: Mapping[str, Any], force: bool = False) -> dict[str, Any]:
        """What the object would be after :meth:`apply`; the server validates and admits it, and stores nothing."""
        return await self._apply(manifest, None, True, force)

    async def _apply_effect(self, manifest: Mapping[str, Any]) -> Effect:
        meta = manifest["metadata"]
        existing = await self.get(manifest["apiVersion"], manifest["kind"], meta["name"], meta.get("namespace"))
        return Effect.CREATE if existing is None else Effect.CHANGE

    async def _apply(
        self, manifest: Mapping[str, Any], permit: Permit | None, dry: bool, force: bool
    ) -> dict[str, Any]:
        kind, meta = str(manifest["kind"]), manifest["metadata"]
        resource = await self.kind_of(str(manifest["apiVersion"]), kind)
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false", "dryRun": "All" if dry else None}
        return await self.request(
            "PATCH",
            resource.path(meta.get("namespace"), meta["name"]),
            query,
            dict(manifest),
            APPLY,
            permit=permit,
            what=f"applying {kind} {meta['name']}",
        )

    async def create(
        self, manifest: Mapping[str, Any], *, permit: Permit, effect: Effect = Effect.CREATE
    ) -> dict[str, Any]:
        """Create an object that does not exist yet.

        Raises:
            Conflict: it exists.
        """
        permit.require(effect)
        kind, meta = str(manifest["kind"]), manifest["metadata"]
        resource = await self.kind_of(str(manifest["apiVersion"]), kind)
        return await self.request(
            "POST",
            resource.path(meta.get("namespace")),
            {"fieldManager": FIELD_MANAGER},
            dict(manifest),
            permit=permit,
            what=f"creating {kind} {meta.get('name', '')}",
        )

    async def patch(
        self,
        api: str,
        kind: str,
        name: str,
        namespace: str | None,
        body: Mapping[str, Any],
        *,
        permit: Permit,
        content_type: str = MERGE,
        subresource: str | None = None,
        effect: Effect = Effect.CHANGE,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Patch an object. ``effect`` CREATE is for a patch that only adds (a new key of a Secret)."""
        if not dry_run:
            permit.require(effect)
        resource = await self.kind_of(api, kind)
        return await self.request(
            "PATCH",
            resource.path(namespace, name, subresource),
            {"fieldManager": FIELD_MANAGER, "dryRun": "All" if dry_run else None},
            dict(body),
            content_type,
            permit=permit,
            what=f"changing {kind} {name}",
        )

    async def delete(
        self,
        api: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        permit: Permit,
        grace_seconds: int | None = None,
        uid: str | None = None,
        effect: Effect = Effect.DESTROY,
    ) -> bool:
        """Delete an object and, in the background, what it owns. False when it was gone already.

        ``uid`` makes sure that it is the one that was looked at. ``effect`` CHANGE is for what comes back by itself
        (the pod of a Deployment).
        """
        permit.require(effect)
        resource = await self.kind_of(api, kind)
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self.request(
                "DELETE", resource.path(namespace, name), body=options, permit=permit, what=f"deleting {kind} {name}"
            )
        except NotFound:
            return False
        return True

    # -- inside containers --------------------------------------------------------------------------------------

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes | None = None,
    ) -> ExecResult:
        """Run a registered probe in a container (``kube_probes.register``); never a shell, never free text.

        Raises:
            Refused: the argv is not a registered probe.
            NotFound, TimedOut, ToolFailed: see ``kube_exec.run``.
        """
        admit(argv)
        path = kube_kinds.KNOWN[0].path(namespace, pod, "exec")

        def work() -> ExecResult:
            settings, _ = self.http.connect()
            return kube_exec.run(settings, self.http.headers(), path, container, argv, timeout=timeout, stdin=stdin)

        return await in_thread(work)

    async def http_probe(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        json_body: Any = None,
        timeout: float = 5,
    ) -> ProbeResult:
        """One HTTP request from inside a container, by whatever it has: python3, node, wget or curl.

        Redirects are not followed. A request that gets no answer has ``status`` None and says why in ``error``.
        """
        body = None if json_body is None else json.dumps(json_body)
        return await self._prober.http((namespace, pod, container), url, method, dict(headers or {}), body, timeout)

    async def tcp_probe(
        self, namespace: str, pod: str, container: str, *, host: str, port: int, timeout: float = 5
    ) -> TcpResult:
        """Resolve a name and open a TCP connection from inside a container (python3 or node)."""
        return await self._prober.tcp((namespace, pod, container), host, port, timeout)

    async def env_digests(
        self, namespace: str, pod: str, container: str, names: Sequence[str] | None
    ) -> dict[str, str | None]:
        """SHA-256 of environment variables as the container's processes get them; None for those not set.

        ``names`` None means all of them (python3 or node only). The values are hashed and go nowhere else.
        """
        return await self._prober.env((namespace, pod, container), names)

    async def memory_usage(self, namespace: str, pod: str, container: str) -> tuple[int | None, int | None]:
        """Bytes that a container uses, and its limit, by its own cgroup (python3 or node); None for what is unknown."""
        return await self._prober.usage((namespace, pod, container))

    async def service_proxy_get(
        self, namespace: str, service: str, port: int | str, path: str = "/", timeout: float = 5
    ) -> ProbeResult:
        """GET a Service's path through the API server (no port-forward, no shell)."""
        return await self._prober.service(self.http, namespace, service, port, path, timeout)
