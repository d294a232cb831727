"""Secrets, ConfigMaps, claims and service accounts that pods need and that are not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mcp_tools.diagnosis import fixes
from mcp_tools.diagnosis.findings import Draft, Ref
from mcp_tools.diagnosis.rules_common import about, near, subject
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, message_of, ready, ref_of, states, waiting

CODE = {"Secret": ("SECRET_MISSING", "SECRET_KEY_MISSING"), "ConfigMap": ("CONFIG_MISSING", "CONFIG_KEY_MISSING")}
_ABSENT = re.compile(r"(secret|configmap|persistentvolumeclaim)s? \"[^\"]+\" not found|non-existent config key", re.I)


class Need(NamedTuple):
    """One Secret or ConfigMap (``key`` empty: the whole of it) that a pod refers to, and where."""

    kind: str
    name: str
    key: str
    place: str


def needs(pod: Manifest) -> Iterator[Need]:
    """Everything that a pod cannot start without; optional references are left out."""
    for container, _ in states(pod):
        where = f"container {container.get('name')}"
        for source in container.get("envFrom") or []:
            for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                found = source.get(field)
                if found and not found.get("optional"):
                    yield Need(kind, str(found.get("name")), "", f"{where} takes all its variables from it")
        for entry in container.get("env") or []:
            for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                found = (entry.get("valueFrom") or {}).get(field)
                if found and not found.get("optional"):
                    place = f"{where} takes variable {entry.get('name')} from it"
                    yield Need(kind, str(found.get("name")), str(found.get("key")), place)
    for volume in (pod.get("spec") or {}).get("volumes") or []:
        yield from _of_volume(volume)


def _of_volume(volume: Manifest) -> Iterator[Need]:
    place = f"volume {volume.get('name')} mounts it"
    parts = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    for part in parts:
        for field, kind, key in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
            found = part.get(field)
            if not found or found.get("optional"):
                continue
            name = str(found.get(key) or found.get("name"))
            yield Need(kind, name, "", place)
            for item in found.get("items") or []:
                yield Need(kind, name, str(item.get("key")), place)


def missing_configuration(snapshot: Snapshot) -> Iterator[Draft]:
    """Pods that are not ready because a Secret, a ConfigMap or a key of one is missing."""
    for pod in snapshot.live_pods():
        if ready(pod) or _started(pod):
            continue
        space = ref_of(pod).namespace
        for need in needs(pod):
            if not snapshot.saw(need.kind):
                continue
            held = snapshot.keys.get(Ref(need.kind, space, need.name))
            if held is None or (need.key and need.key not in held):
                yield _missing(snapshot, pod, need, held)


def _started(pod: Manifest) -> bool:
    """Whether every container got past the point where its configuration is read."""
    return all((status.get("containerID") or "") for _, status in states(pod))


def _missing(snapshot: Snapshot, pod: Manifest, need: Need, held: list[str] | None) -> Draft:
    space = ref_of(pod).namespace
    whole, part = CODE[need.kind]
    if held is None:
        names = [ref.name for ref in snapshot.keys if ref.kind == need.kind and ref.namespace == space]
        code, cause = whole, f"{need.kind} {need.name} does not exist in {space}{near(need.name, names)}"
    else:
        code = part
        cause = f"{need.kind} {need.name} has no key {need.key}{near(need.key, held)}"
    draft = Draft(code, Ref(need.kind, space, need.name), cause, about=about(snapshot, pod))
    draft.evidence = [f"{subject(snapshot, pod)} {need.place}"]
    if held is not None:
        draft.evidence.append(f"its keys are {', '.join(held) or 'none'}")
    draft.evidence += _said(snapshot, pod, need.name)
    draft.fix = fixes.ensure_secrets(snapshot, space) if need.kind == "Secret" else None
    back, proof = fixes.rollback(snapshot, subject(snapshot, pod))
    if draft.fix is None and back is not None:
        draft.fix = back
        draft.evidence.append(proof)
    what = "create it" if held is None else f"add the key {need.key}"
    draft.remedy = f"{what}, or correct the name that the chart uses"
    return draft


def _said(snapshot: Snapshot, pod: Manifest, name: str) -> list[str]:
    """What the kubelet says of it."""
    lines = [f"{reason}: {message}" for _, s in states(pod) for reason, message in [waiting(s)] if name in message]
    lines += [f"{e.get('reason')}: {message_of(e)}" for e in snapshot.events(ref_of(pod)) if name in message_of(e)]
    return [line[:300] for line in lines[:1]]


def missing_claims(snapshot: Snapshot) -> Iterator[Draft]:
    """Pods whose volume claim does not exist."""
    if not snapshot.saw("PersistentVolumeClaim"):
        return
    for pod in snapshot.live_pods():
        space = ref_of(pod).namespace
        for name in claims_of(pod):
            if snapshot.get("PersistentVolumeClaim", space, name) is not None:
                continue
            names = [ref_of(c).name for c in snapshot.all("PersistentVolumeClaim") if ref_of(c).namespace == space]
            cause = f"PersistentVolumeClaim {name} does not exist in {space}{near(name, names)}"
            draft = Draft("PVC_MISSING", Ref("PersistentVolumeClaim", space, name), cause)
            draft.about |= about(snapshot, pod)
            draft.evidence = [f"{subject(snapshot, pod)} mounts it", *_said(snapshot, pod, name)]
            draft.remedy = "create the claim, or correct the name that the chart uses"
            yield draft


def claims_of(pod: Manifest) -> list[str]:
    """The claims that a pod mounts."""
    volumes = (pod.get("spec") or {}).get("volumes") or []
    found = [str((v.get("persistentVolumeClaim") or {}).get("claimName") or "") for v in volumes]
    return [name for name in found if name]


def mounts(snapshot: Snapshot) -> Iterator[Draft]:
    """Volumes that cannot be mounted, for another reason than that what they mount does not exist."""
    for pod in snapshot.live_pods():
        if ready(pod) or _started(pod):
            continue
        for event in snapshot.events(ref_of(pod), "FailedMount", "FailedAttachVolume"):
            message = message_of(event)
            draft = Draft("MOUNT_FAILED", subject(snapshot, pod), f"a volume cannot be mounted: {message[:300]}")
            draft.about |= about(snapshot, pod)
            draft.evidence = [f"Pod/{ref_of(pod).name} {event.get('reason')}: {message[:300]}"]
            if _ABSENT.search(message):
                draft.because_of = {ref_of(pod)}
            draft.remedy = "kubectl_describe shows the volume; check its type, its options and the node"
            yield draft
            break


RULES = (missing_configuration, missing_claims, mounts)
