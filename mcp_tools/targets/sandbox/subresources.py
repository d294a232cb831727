"""Subresources, and the kinds that are only asked and never stored: scale, eviction, binding, tokens, reviews.

Source: the ``storage`` packages of the Kubernetes registry (``core/pod/storage/eviction.go`` and its neighbours).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import defaults, disruption, errors, kinds, meta, reviews, schema, selectors
from mcp_tools.targets.sandbox.errors import ApiError, FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj, Ref, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.api import Api

VIRTUAL = frozenset({"bindings", *reviews.KEYS})
"""The keys of the kinds that are created, answered and forgotten."""

SCALE = Kind("autoscaling", "v1", "Scale", "scales", "scale", True, frozenset({"get", "update", "patch"}))


def show(kind: Kind, obj: Obj, subresource: str) -> Obj:
    """What a subresource shows of an object of ``kind``."""
    if subresource == "scale":
        return scale(obj)
    if subresource in ("status", "ephemeralcontainers", "resize", "approval"):
        return obj
    raise ApiError(
        405,
        "the server does not allow this method on the requested resource",
        details={"name": obj["metadata"]["name"], "kind": kind.plural} | ({"group": kind.group} if kind.group else {}),
    )


def create(api: Api, kind: Kind, namespace: str, name: str, obj: Any, request: Request, subresource: str) -> Obj:
    """Answer a POST to a subresource of the object ``name``."""
    body = meta.without_nulls(obj) if isinstance(obj, dict) else {}
    if subresource == "eviction":
        return disruption.evict(api, namespace, name, body, request)
    if subresource == "binding":
        return bind(api, namespace, name, body, request)
    if subresource == "token":
        account = api.get(kind, namespace, name)
        return reviews.token(api, account, body, request)
    raise ApiError(405, "the server does not allow this method on the requested resource")


def update(api: Api, kind: Kind, namespace: str, name: str, obj: Any, request: Request, subresource: str) -> Obj:
    """Answer a PUT to a subresource: each writes its own part of the object and nothing else."""
    old = api.get(kind, namespace, name)
    body = meta.without_nulls(obj) if isinstance(obj, dict) else {}
    version = (body.get("metadata") or {}).get("resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise errors.conflict(kind, name, errors.STALE)
    new = copy(old)
    if subresource == "scale":
        new["spec"]["replicas"] = _replicas(name, body)
        return scale(api.replace(kind, old, new, request, subresource))
    if subresource == "finalize":
        return _finalize(api, kind, new, body, request)
    if subresource == "ephemeralcontainers":
        new["spec"]["ephemeralContainers"] = (body.get("spec") or {}).get("ephemeralContainers") or []
        _complete(kind, new, request)
        return api.replace(kind, old, new, request, subresource)
    if subresource == "resize":
        asked = {part.get("name"): part.get("resources") for part in (body.get("spec") or {}).get("containers") or ()}
        for container in new["spec"]["containers"]:
            container["resources"] = asked.get(container["name"]) or {}
        _complete(kind, new, request)
        return api.replace(kind, old, new, request, subresource)
    if subresource == "approval":
        new.setdefault("status", {})["conditions"] = (body.get("status") or {}).get("conditions") or []
        return api.replace(kind, old, new, request, subresource)
    raise ApiError(405, "the server does not allow this method on the requested resource")


def _complete(kind: Kind, new: Obj, request: Request) -> None:
    """Check the types of what was written, and fill in the defaults."""
    schema.structural(kind, new, request.field_validation, request.warnings)
    defaults.apply(kind, new)


def virtual(api: Api, kind: Kind, namespace: str, obj: Any, request: Request) -> Obj:
    """Answer a POST of a kind that is never stored."""
    body = meta.check_type(kind, meta.without_nulls(obj))
    if kind.key == "bindings":
        return bind(api, namespace, body["metadata"].get("name", ""), body, request)
    return reviews.answer(api, kind, namespace, body, request)


# -- scale ---------------------------------------------------------------------------------------------------------


def selector_text(selector: dict[str, Any] | None) -> str:
    """A selector as text, as ``metav1.FormatLabelSelector`` writes it."""
    if selector is not None and not {"matchLabels", "matchExpressions"} & set(selector):
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    requirements = selectors.label_selector(selector) or ()
    said = []
    for key, op, values in sorted(requirements, key=lambda requirement: requirement.key):
        names = sorted(values)
        if op in ("exists", "absent"):
            said.append(key if op == "exists" else f"!{key}")
        elif len(names) == 1 and op == "in" and key in ((selector or {}).get("matchLabels") or {}):
            said.append(f"{key}={names[0]}")
        else:
            said.append(f"{key} {op} ({','.join(names)})")
    return ",".join(said)


def scale(obj: Obj) -> Obj:
    """The ``Scale`` of a workload."""
    facts, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    said: Obj = {"replicas": status.get("replicas", 0)}
    if text := selector_text(spec.get("selector")):
        said["selector"] = text
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: facts[name] for name in names if name in facts},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": said,
    }


def _replicas(name: str, body: Obj) -> int:
    asked = (body.get("spec") or {}).get("replicas", 0)
    if not isinstance(asked, int) or isinstance(asked, bool):
        raise errors.bad_request(
            f'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal {type(asked).__name__} '
            "into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if asked < 0:
        message = f"Invalid value: {asked}: must be greater than or equal to 0"
        raise errors.invalid(SCALE, name, [FieldError("spec.replicas", "FieldValueInvalid", message)])
    return asked


# -- the others ----------------------------------------------------------------------------------------------------


def bind(api: Api, namespace: str, name: str, body: Obj, request: Request) -> Obj:
    """Give a pod its node, as the scheduler does."""
    pods = kinds.by_key("pods")
    pod = api.get(pods, namespace, name)
    node = (body.get("target") or {}).get("name", "")
    if not node:
        raise ApiError(500, "target.name: Required value", reason="")
    if pod["metadata"].get("deletionTimestamp"):
        raise errors.conflict(pods, name, f"pod {name} is being deleted, cannot be assigned to a host")
    if pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise ApiError(
            409,
            f'Operation cannot be fulfilled on pods/binding "{name}": {why}',
            details={"name": name, "kind": "pods/binding"},
        )

    def assign(new: Obj) -> None:
        new["spec"]["nodeName"] = node
        status = new.setdefault("status", {})
        others = [entry for entry in status.get("conditions") or () if entry["type"] != "PodScheduled"]
        condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        status["conditions"] = [*others, condition | {"lastTransitionTime": api.clock.stamp()}]

    if not request.dry_run:
        api.edit(Ref("pods", namespace, name), assign, manager=request.manager)
    return dict(disruption.DONE)


def _finalize(api: Api, kind: Kind, new: Obj, body: Obj, request: Request) -> Obj:
    """Take the namespace's own finalizers as the body has them; the last one lets it go."""
    new["spec"] = {name: value for name, value in (body.get("spec") or {}).items() if value}
    if request.dry_run:
        return new
    ref = Ref(kind.key, "", new["metadata"]["name"])
    return api.edit(ref, lambda found: found.update(spec=new["spec"]), manager=request.manager) or new
