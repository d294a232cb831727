"""Nodes, quotas and volumes: what keeps a pod from getting a place at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_tools.diagnosis.findings import Draft, Ref, Severity
from mcp_tools.diagnosis.rules_common import about, subject, wanted
from mcp_tools.diagnosis.rules_config import claims_of
from mcp_tools.diagnosis.snapshot import Manifest, Snapshot, message_of, ref_of, states

_QUOTA = re.compile(r"(?:exceeded|failed) quota: (?P<name>[^:,\s]+)(?P<rest>.*)")
_ACCOUNT = re.compile(r"serviceaccount \"(?P<name>[^\"]+)\" not found")
PENDING_GRACE = 20.0
"""Seconds that a claim may be pending without anybody saying why."""


def nodes(snapshot: Snapshot) -> Iterator[Draft]:
    """Nodes that are not ready, or short of something."""
    for node in snapshot.all("Node"):
        ref = ref_of(node)
        for condition in (node.get("status") or {}).get("conditions") or []:
            kind, value = str(condition.get("type")), condition.get("status")
            said = f"{ref} {kind}={value} {condition.get('reason', '')}: {condition.get('message', '')}"
            if kind == "Ready" and value != "True":
                draft = Draft("NODE_NOT_READY", ref, f"node {ref.name} is not ready: {condition.get('message', '')}")
                draft.remedy = "minikube status; minikube logs"
            elif kind.endswith("Pressure") and value == "True":
                draft = Draft("NODE_PRESSURE", ref, f"node {ref.name} has {kind}")
                draft.remedy = "free memory or disk, or give the node more"
            else:
                continue
            draft.evidence = [" ".join(said.split())[:400]]
            draft.about |= {ref_of(p) for p in snapshot.all("Pod") if (p.get("spec") or {}).get("nodeName") == ref.name}
            yield draft


def refused(snapshot: Snapshot) -> Iterator[Draft]:
    """Controllers that want pods and may not make them."""
    for kind in ("ReplicaSet", "StatefulSet", "DaemonSet", "Job"):
        for item in snapshot.all(kind):
            message = _refusal(snapshot, item)
            if message:
                yield _refused(snapshot, item, message)


def _refusal(snapshot: Snapshot, item: Manifest) -> str:
    """Why the API server refuses the pods that a controller lacks; empty when it lacks none."""
    status, kind = item.get("status") or {}, item.get("kind")
    if kind == "DaemonSet":
        lacks = int(status.get("currentNumberScheduled") or 0) < int(status.get("desiredNumberScheduled") or 0)
    elif kind == "Job":
        lacks = not any(status.get(part) for part in ("active", "succeeded", "failed", "completionTime"))
    else:
        lacks = int(status.get("replicas") or 0) < wanted(item)
    if not lacks:
        return ""
    for condition in status.get("conditions") or []:
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return message_of(condition)
    return next((message_of(e) for e in snapshot.events(ref_of(item), "FailedCreate")), "")


def _refused(snapshot: Snapshot, item: Manifest, message: str) -> Draft:
    space, owner = ref_of(item).namespace, ref_of(snapshot.workload(item))
    evidence = [f"{ref_of(item)} FailedCreate: {message[:400]}"]
    quota, account = _QUOTA.search(message), _ACCOUNT.search(message)
    if quota:
        ref = Ref("ResourceQuota", space, quota["name"])
        cause = f"quota {ref.name} admits no more pods{quota['rest'][:200]}"
        draft = Draft("QUOTA_EXCEEDED", ref, cause, evidence)
        draft.remedy = "raise the quota, scale something down, or let the pods ask for less"
        if "must specify" in message:
            draft.root_cause = f"quota {ref.name} demands requests and limits that the pods do not set{quota['rest']}"
            draft.remedy = "set the requests and limits that it names"
    elif account:
        ref = Ref("ServiceAccount", space, account["name"])
        draft = Draft("SERVICE_ACCOUNT_MISSING", ref, f"ServiceAccount {ref.name} does not exist in {space}", evidence)
        draft.remedy = "create it (serviceAccount.create in the chart's values), or name one that exists"
    else:
        draft = Draft("POD_REFUSED", owner, f"the API server refuses the pods: {message[:300]}", evidence)
        draft.remedy = "correct the pod template as the message says"
    draft.about |= about(snapshot, item)
    return draft


def unschedulable(snapshot: Snapshot) -> Iterator[Draft]:
    """Pods that fit on no node."""
    for pod in snapshot.live_pods():
        for condition in (pod.get("status") or {}).get("conditions") or []:
            if condition.get("type") != "PodScheduled" or condition.get("reason") != "Unschedulable":
                continue
            message = message_of(condition)
            short = re.sub(r"\s*preemption:.*", "", message)
            draft = Draft("UNSCHEDULABLE", subject(snapshot, pod), f"the pod fits on no node: {short}")
            draft.about |= about(snapshot, pod)
            draft.evidence = [f"Pod PodScheduled=False: {short}", *_sizes(snapshot, pod, message)]
            draft.remedy = "ask for less, free room, or correct nodeSelector, affinity and tolerations"
            if "persistentvolumeclaim" in message.lower():
                space = ref_of(pod).namespace
                draft.because_of = {Ref("PersistentVolumeClaim", space, name) for name in claims_of(pod)}
            yield draft


def _sizes(snapshot: Snapshot, pod: Manifest, message: str) -> list[str]:
    """What the pod asks for, beside what nodes have, of what the scheduler finds insufficient."""
    lines = []
    for resource in sorted(set(re.findall(r"Insufficient ([\w./-]+?)[.,]?(?:\s|$)", message))):
        asked = [str(((c.get("resources") or {}).get("requests") or {}).get(resource, "0")) for c, _ in states(pod)]
        has = [str(((n.get("status") or {}).get("allocatable") or {}).get(resource, "?")) for n in snapshot.all("Node")]
        room = f"nodes have {', '.join(has[:5])} for all pods together"
        lines.append(f"its containers ask for {resource} {' + '.join(asked)}; {room}")
    return lines


def claims(snapshot: Snapshot) -> Iterator[Draft]:
    """Claims that are not bound, unless they rightly wait for their first consumer."""
    for claim in snapshot.all("PersistentVolumeClaim"):
        ref, status = ref_of(claim), claim.get("status") or {}
        if status.get("phase") not in ("Pending", "Lost") or claim["metadata"].get("deletionTimestamp"):
            continue
        users = [p for p in snapshot.live_pods() if ref_of(p).namespace == ref.namespace and ref.name in claims_of(p)]
        troubles = snapshot.events(ref, "ProvisioningFailed", "FailedBinding", "VolumeMismatch")
        cause, remedy = _why_pending(snapshot, claim, [message_of(e) for e in troubles], bool(users))
        young = snapshot.age(claim["metadata"].get("creationTimestamp")) < PENDING_GRACE
        if not cause or (young and not troubles):
            continue
        draft = Draft("PVC_PENDING", ref, cause, [f"{ref} is {status.get('phase')}"], remedy=remedy)
        draft.evidence += [f"{e.get('reason')}: {message_of(e)[:300]}" for e in troubles[:1]]
        for pod in users:
            draft.about |= about(snapshot, pod)
        draft.severity = Severity.ERROR if users else Severity.WARNING
        yield draft


def _why_pending(snapshot: Snapshot, claim: Manifest, said: list[str], used: bool) -> tuple[str, str]:
    name, spec = ref_of(claim).name, claim.get("spec") or {}
    wanted_class, classes = spec.get("storageClassName"), {ref_of(c).name: c for c in snapshot.all("StorageClass")}
    if wanted_class and snapshot.saw("StorageClass") and wanted_class not in classes:
        there = ", ".join(sorted(classes)) or "none"
        return f"claim {name} wants storage class {wanted_class}, which does not exist", f"use one of: {there}"
    if wanted_class is None and snapshot.saw("StorageClass"):
        return f"claim {name} names no storage class and the cluster has no default", "name a storage class"
    late = (classes.get(str(wanted_class)) or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
    if late and (not said or not used):
        return "", ""  # it is bound when its pod is scheduled; why that is not is another rule's finding
    why = f": {said[0][:300]}" if said else ""
    return f"claim {name} is not bound{why}", "look at the provisioner of its storage class and at its events"


RULES = (nodes, refused, unschedulable, claims)
