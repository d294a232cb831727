"""New objects that are more than an addition: rights, reach over the cluster or the node, and hold on what runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_tools.engines import manifests, policy
from mcp_tools.engines.kube_reader import KubeReader
from mcp_tools.errors import LongshoreError

__all__ = ["SYSTEM", "powers"]

SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces of the cluster itself."""

_RIGHTS = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
_SECRETS = {
    "kubernetes.io/service-account-token": "hands out the token of an account",
    "helm.sh/release.v1": "writes into Helm's own records",
}


async def powers(
    kube: KubeReader, items: Sequence[Mapping[str, Any]], namespace: str, *, secrets: bool = False
) -> list[str]:
    """Why a human has to say yes to these objects even when they are all new; empty for plain additions.

    ``namespace`` is the one that the call is about. ``secrets``: pods that read a Secret which is not part of this
    count as well. Charts come from the workspace, and their Secrets are often made before them; a manifest is free
    text, and a pod of it could carry away what nobody may see.
    """
    why = [f"{found.object}: {found.message}" for found in policy.dangers(items)]
    made = {(str(item.get("kind")), str((item.get("metadata") or {}).get("name"))) for item in items}
    for item in items:
        said = await _of(kube, item, namespace, made)
        said += _read(manifests.pod_spec(item) or {}, made) if secrets else []
        why += [f"{manifests.label(item, namespace)} {text}" for text in said]
    return list(dict.fromkeys(text[:300] for text in why))  # none is so long that it hides another


async def _of(kube: KubeReader, item: Mapping[str, Any], namespace: str, made: set[tuple[str, str]]) -> list[str]:
    kind, meta = str(item.get("kind")), item.get("metadata") or {}
    if kind in _RIGHTS:
        return ["grants rights"]
    if not await _namespaced(kube, item):
        return [] if kind == "Namespace" and str(meta.get("name")) not in SYSTEM else ["is cluster-wide"]
    space = str(meta.get("namespace") or namespace)
    said = [f"is in {space}, which belongs to the cluster itself"] if space in SYSTEM else []
    if space != namespace:
        said.append(f"is outside of {namespace}")
    if kind == "Secret" and item.get("type") in _SECRETS:
        said.append(_SECRETS[str(item["type"])])
    target = (item.get("spec") or {}).get("scaleTargetRef") or {}
    if kind == "HorizontalPodAutoscaler" and (str(target.get("kind")), str(target.get("name"))) not in made:
        said.append(f"scales {target.get('kind')}/{target.get('name')}, which is not part of this")
    return said + _of_pod(manifests.pod_spec(item) or {}, made)


def _of_pod(spec: Mapping[str, Any], made: set[tuple[str, str]]) -> list[str]:
    said = []
    account = str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default")
    if account != "default" and ("ServiceAccount", account) not in made:
        said.append(f"acts with the rights of ServiceAccount/{account}")
    for volume in spec.get("volumes") or []:
        claim = str((volume.get("persistentVolumeClaim") or {}).get("claimName") or "")
        if claim and ("PersistentVolumeClaim", claim) not in made:
            said.append(f"mounts the data of PersistentVolumeClaim/{claim}")
    return said


def _read(spec: Mapping[str, Any], made: set[tuple[str, str]]) -> list[str]:
    """The Secrets that a pod reads, and that are not part of this."""
    found = []
    for volume in spec.get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        found += [
            (part.get("secret") or {}).get("secretName") or (part.get("secret") or {}).get("name") for part in sources
        ]
    boxes = [box for part in ("containers", "initContainers", "ephemeralContainers") for box in spec.get(part) or []]
    for box in boxes:
        found += [((one.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name") for one in box.get("env") or []]
        found += [(one.get("secretRef") or {}).get("name") for one in box.get("envFrom") or []]
    return [f"reads Secret/{name}" for name in dict.fromkeys(found) if name and ("Secret", str(name)) not in made]


async def _namespaced(kube: KubeReader, item: Mapping[str, Any]) -> bool:
    """Whether its kind lives in a namespace; an unknown kind is taken for one that does not."""
    try:
        return (await kube.kind_of(str(item.get("apiVersion")), str(item.get("kind")))).namespaced
    except LongshoreError:
        return False
