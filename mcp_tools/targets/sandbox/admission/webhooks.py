"""Admission webhooks: in the sandbox nothing answers them, so that a matching one fails as one that is down.

Source: ``apiserver/pkg/admission/plugin/webhook`` of Kubernetes. A webhook of ``failurePolicy: Ignore`` lets pass.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_tools.targets.sandbox.admission import rules
from mcp_tools.targets.sandbox.admission.base import Action, Plugin
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj

GROUP = "admissionregistration.k8s.io"
MUTATING, VALIDATING = f"mutatingwebhookconfigurations.{GROUP}", f"validatingwebhookconfigurations.{GROUP}"


class Webhooks(Plugin):
    """Calls the webhooks of both kinds of configuration."""

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Call the mutating ones."""
        self._call(MUTATING, action, kind, obj, old, namespace, request, subresource)

    def validate(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Call the validating ones."""
        self._call(VALIDATING, action, kind, obj, old, namespace, request, subresource)

    def _call(
        self,
        key: str,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        if kind.group == GROUP or not self.store.count(key):
            return
        for hook in self._hooks(key):
            if hook.get("failurePolicy", "Fail") != "Fail":
                continue
            asked = rules.ruled(hook.get("rules"), hook.get("matchPolicy"), action, kind, subresource)
            if asked and rules.selected(self.store, hook, kind, obj, old, namespace):
                if request.dry_run and hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
                    raise ApiError(400, f'admission webhook "{hook["name"]}" does not support dry run')
                raise failed(hook, self._why(hook))

    def _hooks(self, key: str) -> Iterator[Obj]:
        for configuration in self.store.select(key):
            yield from configuration.get("webhooks") or ()

    def _why(self, hook: Obj) -> str:
        """What the connection says that cannot be made."""
        config = hook.get("clientConfig") or {}
        timeout = f"?timeout={hook.get('timeoutSeconds', 10)}s"
        service = config.get("service")
        if service is None:
            url = config.get("url", "")
            host = url.partition("://")[2].partition("/")[0].partition(":")[0]
            return f'Post "{url}{timeout}": dial tcp: lookup {host}: no such host'
        name, namespace = service["name"], service["namespace"]
        port, path = service.get("port", 443), service.get("path", "")
        path = path if path.startswith("/") or not path else f"/{path}"
        title = f'Post "https://{name}.{namespace}.svc:{port}{path or "/"}{timeout}"'
        found = self.store.get("services", namespace, name)
        if found is None:
            return f'{title}: service "{name}" not found'
        if all(each["port"] != port for each in found["spec"].get("ports") or ()):
            return f'{title}: no service port {port} found for service "{name}"'
        # Minikube's API server connects to the address of the service, whether there are pods behind it or not.
        return f"{title}: dial tcp {found['spec'].get('clusterIP')}:{port}: connect: connection refused"


def failed(hook: Obj, why: str) -> ApiError:
    """The answer to a request that a webhook was to decide about."""
    text = f'failed calling webhook "{hook["name"]}": failed to call webhook: {why}'
    return ApiError(500, f"Internal error occurred: {text}", details={"causes": [{"message": text}]})
