"""The pods and claims of a StatefulSet: names, labels, volumes. Pure.

Source: ``pkg/controller/statefulset/stateful_set_utils.go`` of Kubernetes.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox.controllers import revisions
from mcp_tools.targets.sandbox.controllers.common import owner_reference
from mcp_tools.targets.sandbox.controllers.pods import from_template
from mcp_tools.targets.sandbox.store import Obj, copy

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def first_ordinal(owner: Obj) -> int:
    """What its ordinals start with."""
    return int((owner["spec"].get("ordinals") or {}).get("start") or 0)


def ordinal(owner: Obj, pod: Obj) -> int | None:
    """The pod's ordinal; None when its name is not one of the set's."""
    parent, dash, number = pod["metadata"]["name"].rpartition("-")
    if not dash or parent != owner["metadata"]["name"] or not number.isdigit():
        return None
    return int(number)


def pod(owner: Obj, number: int, revision: str) -> Obj:
    """The pod with that ordinal."""
    name = f"{owner['metadata']['name']}-{number}"
    found = from_template(owner["spec"]["template"], owner, f"{owner['metadata']['name']}-")
    meta, spec = found["metadata"], found["spec"]
    meta["name"] = name
    labels = dict(meta.get("labels") or {})
    meta["labels"] = {**labels, POD_NAME: name, POD_INDEX: str(number), revisions.LABEL: revision}
    spec["hostname"] = name
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    templates = owner["spec"].get("volumeClaimTemplates") or ()
    if templates:
        names = {template["metadata"]["name"] for template in templates}
        own = [
            {
                "name": template["metadata"]["name"],
                "persistentVolumeClaim": {"claimName": _claim_name(owner, template, number)},
            }
            for template in templates
        ]
        spec["volumes"] = own + [volume for volume in spec.get("volumes") or () if volume["name"] not in names]
    return found


def _claim_name(owner: Obj, template: Obj, number: int) -> str:
    return f"{template['metadata']['name']}-{owner['metadata']['name']}-{number}"


def claims(owner: Obj, number: int) -> list[Obj]:
    """The claims of the pod with that ordinal."""
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    found = []
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        claim = copy(template)
        claim.pop("status", None)
        given = claim["metadata"]
        selected = dict((owner["spec"].get("selector") or {}).get("matchLabels") or {})
        meta: Obj = {"name": _claim_name(owner, template, number), "namespace": owner["metadata"]["namespace"]}
        meta["labels"] = {**(given.get("labels") or {}), **selected}
        if given.get("annotations"):
            meta["annotations"] = given["annotations"]
        if policy.get("whenDeleted") == "Delete":
            meta["ownerReferences"] = [owner_reference(owner)]
        claim["metadata"] = meta
        found.append(claim)
    return found
