"""Looking at a cluster: raw JSON objects over one pinned context, typed errors, and the one way to send a request."""

from __future__ import annotations

import builtins
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mcp_tools.engines import kube_http, kube_kinds
from mcp_tools.engines.kube_http import JSON, METADATA_ONLY, in_thread
from mcp_tools.engines.kube_kinds import Kind
from mcp_tools.errors import LongshoreError, NotFound, UsageError

if TYPE_CHECKING:
    from mcp_tools.guard.permit import Permit

PAGE = 500
LOG_BYTES = 256_000


class KubeReader:
    """One cluster, looked at. ``context`` None means the current one at the first use; it does not move afterwards."""

    def __init__(self, context: str | None = None, *, kubeconfig: str | None = None) -> None:
        self.http = kube_http.KubeHttp(context, kubeconfig)
        self._discovered: builtins.list[Kind] | None = None
        self._uid = ""

    @property
    def context(self) -> str:
        """The name of the pinned context (``in-cluster`` inside a pod)."""
        return self.http.pinned().name

    @property
    def kubeconfig(self) -> str | None:
        """The kubeconfig file that was named, if one was."""
        return self.http.pinned().kubeconfig

    # -- requests -----------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = JSON,
        *,
        permit: Permit | None = None,
        what: str = "",
        accept: str = JSON,
        timeout: float = 30.0,
    ) -> dict[str, Any]:
        """One request; the answer as JSON. A write needs a permit (dry runs and reviews of our own rights do not).

        Raises:
            Refused: a write without a permit.
            NotFound, Conflict, EnvironmentNotReady, TimedOut, ToolFailed: what the server said, with a remedy.
        """
        answer = await in_thread(
            lambda: self.http.send(
                method,
                path,
                query,
                body,
                what=what,
                content_type=content_type,
                accept=accept,
                permit=permit,
                timeout=timeout,
            )
        )
        found = json.loads(answer) if answer else {}
        return found if isinstance(found, dict) else {"value": found}

    async def kind_of(self, api: str, kind: str) -> Kind:
        """The resource type of an object's apiVersion and kind.

        Raises:
            UsageError: this cluster does not know it.
        """
        found = kube_kinds.known(api, kind)
        if found is None:
            try:
                answer = await self.request("GET", f"/{'api' if api == 'v1' else 'apis'}/{quote(api)}")
            except NotFound:
                answer = {}
            found = next((k for k in kube_kinds.parse_resource_list(api, answer) if k.kind == kind), None)
        if found is None:
            raise UsageError(f"this cluster has no kind {kind} in {api}", remedy="check apiVersion and kind")
        return found

    async def resolve(self, word: str) -> Kind:
        """The resource type a person means by ``pods``, ``deploy``, ``Ingress`` or ``certificates.cert-manager.io``.

        Raises:
            UsageError: none is called that.
        """
        found = kube_kinds.named(word)
        if found is None:
            found = kube_kinds.named(word, await self._discover())
        if found is None:
            raise UsageError(f"this cluster has no kind {word!r}", remedy="a kind such as Pod, Deployment or Ingress")
        return found

    async def _discover(self) -> builtins.list[Kind]:
        if self._discovered is None:
            groups = await self.request("GET", "/apis")
            kinds: builtins.list[Kind] = []
            for group in groups.get("groups") or []:
                api = str(group["preferredVersion"]["groupVersion"])
                try:
                    kinds += kube_kinds.parse_resource_list(api, await self.request("GET", f"/apis/{api}"))
                except LongshoreError:
                    continue  # an aggregated API that is down must not hide the others
            self._discovered = kinds
        return self._discovered

    # -- looking ------------------------------------------------------------------------------------------------

    async def get(self, api: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """The object; None when there is none."""
        resource = await self.kind_of(api, kind)
        try:
            return await self.request("GET", resource.path(namespace, name), what=f"reading {kind} {name}")
        except NotFound:
            return None

    async def list(
        self,
        api: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int | None = None,
        continue_: str | None = None,
        metadata_only: bool = False,
    ) -> builtins.list[dict[str, Any]]:
        """All objects of a kind, in one namespace or (None) in all; at most ``limit`` when it is given."""
        items: builtins.list[dict[str, Any]] = []
        cursor = continue_
        while True:
            size = PAGE if limit is None else min(PAGE, limit - len(items))
            page, cursor, _ = await self.list_page(
                api, kind, namespace, label_selector, field_selector, size, cursor, metadata_only
            )
            items += page
            if not cursor or (limit is not None and len(items) >= limit):
                return items

    async def list_page(
        self,
        api: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = PAGE,
        continue_: str | None = None,
        metadata_only: bool = False,
    ) -> tuple[builtins.list[dict[str, Any]], str | None, int]:
        """One page: its objects, the cursor of the next page or None, and how many remain (0 when unknown)."""
        resource = await self.kind_of(api, kind)
        query = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "limit": limit,
            "continue": continue_,
        }
        accept = METADATA_ONLY if metadata_only else JSON
        answer = await self.request(
            "GET", resource.path(namespace), query, accept=accept, what=f"listing {resource.plural}"
        )
        items = [{"apiVersion": api, "kind": kind} | item for item in answer.get("items") or []]
        if metadata_only:
            items = [item | {"apiVersion": api, "kind": kind} for item in items]
        meta = answer.get("metadata") or {}
        return items, meta.get("continue") or None, int(meta.get("remainingItemCount") or 0)

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str | None = None,
        previous: bool = False,
        tail: int = 200,
        since_seconds: int | None = None,
        limit_bytes: int = LOG_BYTES,
        timestamps: bool = False,
    ) -> str:
        """The last lines of a container's log; ``previous`` is the one before its last restart."""
        query = {
            "container": container,
            "previous": "true" if previous else None,
            "tailLines": tail,
            "sinceSeconds": since_seconds,
            "limitBytes": limit_bytes,
            "timestamps": "true" if timestamps else None,
        }
        path = kube_kinds.KNOWN[0].path(namespace, pod, "log")
        answer = await in_thread(
            lambda: self.http.send("GET", path, query, what=f"reading the log of {pod}", accept="*/*")
        )
        return answer.decode("utf-8", "replace")

    async def watch(
        self,
        api: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        resource_version: str | None = None,
        timeout: int = 60,
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Changes as they happen: (ADDED|MODIFIED|DELETED|ERROR, object), for at most ``timeout`` seconds."""
        resource = await self.kind_of(api, kind)
        query = {
            "watch": "true",
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "timeoutSeconds": timeout,
        }
        response, lines = await in_thread(lambda: self.http.lines(resource.path(namespace), query, timeout + 15))
        try:
            while (line := await in_thread(lambda: next(lines, None))) is not None:
                event = json.loads(line)
                yield str(event.get("type")), event.get("object") or {}
        finally:
            response.close()

    async def cluster_uid(self) -> str:
        """The identity of this cluster: the UID of its ``kube-system`` namespace."""
        if not self._uid:
            found = await self.request("GET", "/api/v1/namespaces/kube-system", what="identifying the cluster")
            self._uid = str(found["metadata"]["uid"])
        return self._uid

    async def server_version(self) -> str:
        """The API server's version, such as ``v1.33.1``."""
        return str((await self.request("GET", "/version", timeout=10)).get("gitVersion", ""))

    async def can_i(self, verb: str, api_group: str, resource: str, namespace: str | None = None) -> bool:
        """Whether the account of this context may do that."""
        plural, _, sub = resource.partition("/")
        attributes = {"verb": verb, "group": api_group, "resource": plural, "subresource": sub, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }
        answer = await self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
        return bool((answer.get("status") or {}).get("allowed"))
