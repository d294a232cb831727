"""Which volume suits a claim. Pure.

Source: ``component-helpers/storage/volume`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.controllers.common import deleting, labels_of, matches
from mcp_tools.targets.sandbox.store import Obj

DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def default_class(classes: Iterable[Obj]) -> Obj | None:
    """The class that is the default one; the newest, when there are several."""
    found = [
        each
        for each in classes
        if any((each["metadata"].get("annotations") or {}).get(note) == "true" for note in DEFAULT)
    ]
    ordered = sorted(found, key=lambda each: each["metadata"]["name"])
    return max(ordered, key=lambda each: each["metadata"].get("creationTimestamp", ""), default=None)


def claims_of(pod: Obj) -> list[str]:
    """The names of the claims that the pod's volumes need, those of generic ephemeral volumes too."""
    found = []
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            found.append(volume["persistentVolumeClaim"]["claimName"])
        elif "ephemeral" in volume:
            found.append(f"{pod['metadata']['name']}-{volume['name']}")
    return found


def is_claimed_by(volume: Obj, claim: Obj) -> bool:
    """Whether the volume is reserved for that claim, or bound to it."""
    owner, meta = volume["spec"].get("claimRef"), claim["metadata"]
    if owner is None or (owner["name"], owner.get("namespace")) != (meta["name"], meta["namespace"]):
        return False
    return not owner.get("uid") or owner["uid"] == meta["uid"]


def best(volumes: Sequence[Obj], claim: Obj, *, only_reserved: bool) -> Obj | None:
    """The volume reserved for the claim, else the smallest that suits."""
    fitting = [volume for volume in volumes if _suits(volume, claim)]
    for volume in fitting:
        if is_claimed_by(volume, claim):
            return volume
    if only_reserved:
        return None
    free = [
        volume
        for volume in fitting
        if volume["spec"].get("claimRef") is None and (volume.get("status") or {}).get("phase") == "Available"
    ]
    return min(free, key=lambda each: (_size(each), len(each["spec"].get("accessModes") or ())), default=None)


def _size(volume: Obj) -> quantity.Quantity:
    return quantity.parse((volume["spec"].get("capacity") or {}).get("storage", "0"))


def _suits(volume: Obj, claim: Obj) -> bool:
    wanted, offered = claim["spec"], volume["spec"]
    if deleting(volume) or wanted.get("volumeMode", "Filesystem") != offered.get("volumeMode", "Filesystem"):
        return False
    asked = ((wanted.get("resources") or {}).get("requests") or {}).get("storage", "0")
    if _size(volume) < quantity.parse(asked):
        return False
    if not set(wanted.get("accessModes") or ()) <= set(offered.get("accessModes") or ()):
        return False
    if is_claimed_by(volume, claim):
        return True
    if (wanted.get("storageClassName") or "") != (offered.get("storageClassName") or ""):
        return False
    selector = wanted.get("selector")
    return selector is None or matches(selector, labels_of(volume))
