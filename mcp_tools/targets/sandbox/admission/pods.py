"""What every new pod gets: its service account with the token, tolerations, its priority, its runtime class.

Source: ``plugin/pkg/admission`` of Kubernetes: serviceaccount, defaulttolerationseconds, priority, runtimeclass.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import meta
from mcp_tools.targets.sandbox.admission.base import Action, Plugin, containers, creates_pod, refused
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj, copy

MIRROR = "kubernetes.io/config.mirror"
TOKEN_PATH, TOKEN_VOLUME = "/var/run/secrets/kubernetes.io/serviceaccount", "kube-api-access-"
TOKEN_SECONDS = 3607
TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
TOLERATION_SECONDS = 300
PRIORITIES, RUNTIMES = "priorityclasses.scheduling.k8s.io", "runtimeclasses.node.k8s.io"


class ServiceAccount(Plugin):
    """Names the account, and mounts its token."""

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
        """Complete the pod."""
        if not creates_pod(action, kind, subresource) or obj is None:
            return
        if MIRROR in (obj["metadata"].get("annotations") or {}):
            return
        spec = obj["spec"]
        name = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = self.store.get("serviceaccounts", namespace, name)
        if account is None:
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise refused(kind, obj, why, mutating=True)
        automount = spec.get("automountServiceAccountToken")
        if automount is None:
            automount = account.get("automountServiceAccountToken")
        if automount is None or automount:
            mount_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = copy(account)["imagePullSecrets"]


def mount_token(spec: dict[str, Any]) -> None:
    """Mount the token into each container that has nothing at that place."""
    name = next(
        (each["name"] for each in spec.get("volumes") or () if each["name"].startswith(TOKEN_VOLUME)),
        None,
    )
    volume = name or TOKEN_VOLUME + meta.suffix()
    mounted = False
    for container in containers(spec):
        mounts = container.get("volumeMounts") or []
        if any(mount.get("mountPath") == TOKEN_PATH for mount in mounts):
            continue
        container["volumeMounts"] = [*mounts, {"name": volume, "readOnly": True, "mountPath": TOKEN_PATH}]
        mounted = True
    if mounted and name is None:
        spec["volumes"] = [*(spec.get("volumes") or ()), _token_volume(volume)]


def _token_volume(name: str) -> Obj:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
            ],
            "defaultMode": 420,
        },
    }


class DefaultTolerationSeconds(Plugin):
    """Lets a pod stay five minutes on a node that is lost."""

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
        """Add the tolerations that are not there; also to a pod that is changed, whose own may be gone."""
        if kind.key != "pods" or subresource or action == "DELETE" or obj is None:
            return
        given = obj["spec"].get("tolerations") or []
        added = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
            for key in TOLERATED
            if not any(
                each.get("key", "") in ("", key) and each.get("effect", "") in ("", "NoExecute") for each in given
            )
        ]
        if added:
            obj["spec"]["tolerations"] = [*given, *added]


class Priority(Plugin):
    """Resolves the name of a priority class to its number."""

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
        """Set priority and preemption of the pod."""
        if not creates_pod(action, kind, subresource) or obj is None:
            return
        spec = obj["spec"]
        name = spec.get("priorityClassName") or ""
        if name:
            found = self.store.get(PRIORITIES, "", name)
            if found is None:
                raise refused(kind, obj, f"no PriorityClass with name {name} was found", mutating=True)
        else:
            found = self._default()
        value = int(found["value"]) if found is not None else 0
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
        given = spec.get("priority")
        if given is not None and given != value:
            why = (
                f"the integer value of priority ({given}) must not be provided in pod spec; priority admission "
                f"controller computed {value} from the given PriorityClass name"
            )
            raise refused(kind, obj, why, mutating=True)
        spec["priority"] = value
        policy = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")
        if spec.get("preemptionPolicy") not in (None, policy):
            why = (
                "the string value of PreemptionPolicy (" + spec["preemptionPolicy"] + ") must not be provided in pod "
                f"spec; priority admission controller computed {policy} from the given PriorityClass name"
            )
            raise refused(kind, obj, why, mutating=True)
        spec["preemptionPolicy"] = policy

    def _default(self) -> Obj | None:
        """The class of pods that name none; that of the lowest value, should there be several."""
        found = [each for each in self.store.select(PRIORITIES) if each.get("globalDefault")]
        return min(found, key=lambda each: int(each["value"]), default=None)

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
        """Let there be one default class only."""
        if kind.key != PRIORITIES or obj is None or action == "DELETE" or not obj.get("globalDefault"):
            return
        found = self._default()
        if found is not None and found["metadata"]["name"] != obj["metadata"]["name"]:
            why = f"PriorityClass {found['metadata']['name']} is already marked as default. Only one default can exist"
            raise refused(kind, obj, why)


class RuntimeClass(Plugin):
    """Takes the overhead and the scheduling of the runtime class over."""

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
        """Complete the pod."""
        if not creates_pod(action, kind, subresource) or obj is None:
            return
        spec = obj["spec"]
        name = spec.get("runtimeClassName")
        if not name:
            return
        found = self.store.get(RUNTIMES, "", name)
        if found is None:
            raise refused(kind, obj, f'pod rejected: RuntimeClass "{name}" not found', mutating=True)
        fixed = (found.get("overhead") or {}).get("podFixed")
        if fixed:
            if spec.get("overhead") not in (None, {}, fixed):
                why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
                raise refused(kind, obj, why, mutating=True)
            spec["overhead"] = dict(fixed)
        scheduling = found.get("scheduling") or {}
        for label, value in (scheduling.get("nodeSelector") or {}).items():
            if spec.get("nodeSelector", {}).get(label, value) != value:
                why = (
                    "conflict: runtimeClass.scheduling.nodeSelector["
                    f"{label}] = {value}, pod.spec.nodeSelector[{label}] = {spec['nodeSelector'][label]}"
                )
                raise refused(kind, obj, why, mutating=True)
            spec.setdefault("nodeSelector", {})[label] = value
        for toleration in scheduling.get("tolerations") or ():
            if toleration not in (spec.get("tolerations") or ()):
                spec["tolerations"] = [*(spec.get("tolerations") or ()), dict(toleration)]
