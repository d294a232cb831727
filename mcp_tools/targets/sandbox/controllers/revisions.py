"""The revisions of a StatefulSet or DaemonSet, kept as ControllerRevisions.

Source: ``pkg/controller/history`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Collection

from mcp_tools.targets.sandbox.controllers.common import Controller, digest, owner_reference, ref_of
from mcp_tools.targets.sandbox.store import Obj, copy

KEY = "controllerrevisions.apps"
LABEL = "controller-revision-hash"
HASH_LABEL = "controller.kubernetes.io/hash"


def _data(owner: Obj) -> Obj:
    """The template as the patch that brings it back."""
    return {"spec": {"template": {**copy(owner["spec"]["template"]), "$patch": "replace"}}}


def listed(controller: Controller, owner: Obj) -> list[Obj]:
    """Its revisions, oldest first."""
    found = controller.claim(owner, KEY, owner["spec"].get("selector"))
    return sorted(found, key=lambda each: (each["revision"], each["metadata"]["name"]))


def current(controller: Controller, owner: Obj, known: list[Obj], collisions: int = 0) -> Obj:
    """The revision of the template as it is now: found and raised to the newest, or created.

    Raises:
        ApiError: it could not be created.
    """
    data = _data(owner)
    newest = max((each["revision"] for each in known), default=0)
    equal = [each for each in known if each["data"] == data]
    if equal:
        found = equal[-1]
        if found["revision"] == newest:
            return found

        def raised(live: Obj) -> None:
            live["revision"] = newest + 1

        return controller.edit(ref_of(KEY, found), raised) or found
    meta = owner["metadata"]
    salt = digest(data, collisions)
    labels = dict((owner["spec"]["template"].get("metadata") or {}).get("labels") or {})
    return controller.create(
        KEY,
        {
            "metadata": {
                "name": f"{meta['name']}-{salt}",
                "namespace": meta["namespace"],
                "labels": {**labels, HASH_LABEL: salt},
                "ownerReferences": [owner_reference(owner)],
            },
            "data": data,
            "revision": newest + 1,
        },
    )


def truncate(controller: Controller, owner: Obj, known: list[Obj], used: Collection[str]) -> None:
    """Delete the oldest that nothing uses, beyond ``revisionHistoryLimit``."""
    limit = owner["spec"].get("revisionHistoryLimit")
    limit = 10 if limit is None else int(limit)
    unused = [each for each in known if each["metadata"]["name"] not in used and each["metadata"].get("uid")]
    for each in unused[: max(len(unused) - limit, 0)]:
        controller.delete(ref_of(KEY, each))


def restored(owner: Obj, revision: Obj) -> Obj:
    """The owner with the template of that revision."""
    template = {name: value for name, value in revision["data"]["spec"]["template"].items() if name != "$patch"}
    return {**owner, "spec": {**owner["spec"], "template": copy(template)}}


def hash_of(revision: Obj) -> str:
    """Its hash, as the pods of a DaemonSet carry it."""
    labels: dict[str, str] = revision["metadata"].get("labels") or {}
    return labels.get(HASH_LABEL, "")
