"""Kubernetes manifests as data: parse, compare, redact. Pure; no cluster and no helm."""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from mcp_tools.errors import UsageError

HOOK = "helm.sh/hook"
REDACTED = "<redacted>"
REDACTED_NEW = "<redacted: other value>"
WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod"}
)
_SECRET_NAME = re.compile(r"passw|secret|token|api_?-?key|private|credential|_dsn$|database_url", re.IGNORECASE)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Manifest = dict[str, Any]


def parse(text: str) -> list[Manifest]:
    """The objects of a YAML stream; Lists are unfolded, empty documents dropped.

    Raises:
        UsageError: it is not YAML, or holds something that is no Kubernetes object.
    """
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document]
    except yaml.YAMLError as error:
        raise UsageError("the manifest is not YAML", " ".join(str(error).split())) from error
    found: list[Manifest] = []
    for document in documents:
        if not isinstance(document, dict) or not document.get("kind") or not document.get("apiVersion"):
            raise UsageError("the manifest holds something without apiVersion and kind", repr(document)[:120])
        if str(document["kind"]).endswith("List") and isinstance(document.get("items"), list):
            found += [item for item in document["items"] if isinstance(item, dict)]
        else:
            found.append(document)
    return found


def annotations_of(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's annotations; empty when it has none."""
    return (item.get("metadata") or {}).get("annotations") or {}


def is_hook(item: Mapping[str, Any]) -> bool:
    """Whether Helm runs it as a hook instead of keeping it with the release."""
    return HOOK in annotations_of(item)


def label(item: Mapping[str, Any], default_namespace: str | None = None) -> str:
    """``Kind/name``, with the namespace in front when it is not the default one."""
    meta = item.get("metadata") or {}
    namespace = meta.get("namespace")
    front = f"{namespace}/" if namespace and namespace != default_namespace else ""
    return f"{front}{item.get('kind', '?')}/{meta.get('name') or meta.get('generateName', '?')}"


def key(item: Mapping[str, Any], default_namespace: str | None = None) -> tuple[str, str, str, str]:
    """What makes two manifests the same object: API group, kind, namespace, name."""
    api = str(item.get("apiVersion", ""))
    meta = item.get("metadata") or {}
    group = api.rsplit("/", 1)[0] if "/" in api else ""
    return (
        group,
        str(item.get("kind", "")),
        str(meta.get("namespace") or default_namespace or ""),
        str(meta.get("name")),
    )


def normal(value: Any) -> Any:
    """Without what means nothing: nulls and empty maps, so that ``annotations: {}`` equals no annotations."""
    if isinstance(value, Mapping):
        small = {str(name): normal(part) for name, part in value.items()}
        return {name: part for name, part in small.items() if part is not None and part != {}}
    if isinstance(value, list):
        return [normal(part) for part in value]
    return value


def digest(items: Iterable[Mapping[str, Any]], default_namespace: str | None = None) -> str:
    """SHA-256 of the objects, whatever their order and formatting."""
    ordered = sorted(
        (key(item, default_namespace), json.dumps(normal(item), sort_keys=True, default=str)) for item in items
    )
    return hashlib.sha256(json.dumps(ordered).encode()).hexdigest()


def redact(item: Mapping[str, Any]) -> Manifest:
    """A copy in which no secret value is left: Secret data, literal env values with a secret's name, last-applied."""
    copied: Manifest = copy.deepcopy(dict(item))
    if copied.get("kind") == "Secret":
        for part in ("data", "stringData"):
            if isinstance(copied.get(part), dict):
                copied[part] = dict.fromkeys(copied[part], REDACTED)
    notes = (copied.get("metadata") or {}).get("annotations")
    if isinstance(notes, dict):
        notes.pop(_LAST_APPLIED, None)
    _redact_env(copied)
    return copied


def _redact_env(node: Any) -> None:
    if isinstance(node, dict):
        for entry in node.get("env") or [] if isinstance(node.get("env"), list) else []:
            if (
                isinstance(entry, dict)
                and entry.get("value")
                and looks_secret(str(entry.get("name", "")), entry["value"])
            ):
                entry["value"] = REDACTED
        for part in node.values():
            _redact_env(part)
    elif isinstance(node, list):
        for part in node:
            _redact_env(part)


def looks_secret(name: str, value: Any) -> bool:
    """Whether an entry of that name and value is a secret by its looks (a URL without a password is none)."""
    text = str(value)
    if re.search(r"://[^/\s:@]+:[^/\s@]+@", text):
        return True
    if not _SECRET_NAME.search(name) or not text or text.lower() in {"true", "false", "none"} or text.isdigit():
        return False
    return not text.startswith(("http://", "https://", "/")) and not name.lower().endswith(("_file", "_path", "_name"))


def to_yaml(item: Mapping[str, Any]) -> str:
    """The object as YAML, keys in their usual order."""
    order = ["apiVersion", "kind", "metadata", "spec", "data"]
    sorted_keys = [*(k for k in order if k in item), *(k for k in item if k not in order)]
    return yaml.safe_dump({k: item[k] for k in sorted_keys}, sort_keys=False, allow_unicode=True, width=160)


@dataclass(frozen=True)
class Comparison:
    """What lies between two sets of objects. The lists hold ``Kind/name``; no secret value is in the diff."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    diff: str = ""

    @property
    def empty(self) -> bool:
        """Whether both sets are the same."""
        return not (self.added or self.changed or self.removed)


def compare(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], namespace: str | None = None
) -> Comparison:
    """Compare two sets of objects; order and formatting do not count."""
    before = {key(item, namespace): normal(item) for item in old}
    after = {key(item, namespace): normal(item) for item in new}
    added = [k for k in after if k not in before]
    removed = [k for k in before if k not in after]
    changed = [k for k in after if k in before and after[k] != before[k]]
    parts = [_diff_of(before.get(k), after.get(k), namespace) for k in [*changed, *added, *removed]]
    return Comparison(
        [label(after[k], namespace) for k in added],
        [label(after[k], namespace) for k in changed],
        [label(before[k], namespace) for k in removed],
        "\n".join(parts),
    )


def _diff_of(old: Manifest | None, new: Manifest | None, namespace: str | None) -> str:
    name = label(new or old or {}, namespace)
    before, after = redact(old) if old else {}, redact(new) if new else {}
    if old and new:
        _mark_changed(old, new, after)
    lines = difflib.unified_diff(
        to_yaml(before).splitlines() if before else [],
        to_yaml(after).splitlines() if after else [],
        f"a/{name}" if old else "/dev/null",
        f"b/{name}" if new else "/dev/null",
        lineterm="",
    )
    return "\n".join(lines)


def _mark_changed(old: Any, new: Any, shown: Any) -> None:
    """Where a redacted value differs from the old one, say so."""
    if shown == REDACTED and old != new:
        return
    if isinstance(shown, dict) and isinstance(old, dict) and isinstance(new, dict):
        for name in shown:
            if shown[name] == REDACTED and name in old and old[name] != new.get(name):
                shown[name] = REDACTED_NEW
            else:
                _mark_changed(old.get(name), new.get(name), shown[name])
    elif isinstance(shown, list) and isinstance(old, list) and isinstance(new, list):
        for before, after, part in zip(old, new, shown, strict=False):
            _mark_changed(before, after, part)


def pod_spec(item: Mapping[str, Any]) -> Manifest | None:
    """The pod spec within a workload or a pod; None for other kinds."""
    spec = item.get("spec") or {}
    if item.get("kind") == "Pod":
        return dict(spec)
    if item.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    if item.get("kind") in WORKLOADS:
        return dict((spec.get("template") or {}).get("spec") or {})
    return None


def containers(item: Mapping[str, Any]) -> list[Manifest]:
    """All containers of a workload or a pod, the init containers first."""
    spec = pod_spec(item) or {}
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def images(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every image that the objects name, once each."""
    return list(dict.fromkeys(str(c["image"]) for item in items for c in containers(item) if c.get("image")))
