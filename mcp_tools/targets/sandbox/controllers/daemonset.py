"""The DaemonSet controller: one pod on each node that suits.

Source: ``pkg/controller/daemon`` of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers import revisions
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    deleting,
    itself,
    labels_of,
    orphans_too,
    ref_of,
)
from mcp_tools.targets.sandbox.controllers.rollout import scaled
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Change, Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

KEY = "daemonsets.apps"
GENERATION = "pod-template-generation"
TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSets(Controller):
    """Creates, updates and deletes the pods of DaemonSets."""

    name = "daemonset-controller"
    account = "daemon-set-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {
            KEY: itself,
            podlib.PODS: orphans_too(self, "DaemonSet", KEY),
            "nodes": self._of_node,
        }

    def _of_node(self, change: Change) -> Iterable[Ref]:
        """Only what decides about placement."""
        if change.old is not None and change.type == "MODIFIED":
            old, new = change.old, change.obj
            if labels_of(old) == labels_of(new) and old.get("spec") == new.get("spec"):
                return ()
        return [ref_of(KEY, found) for found in self.store.select(KEY)]

    def reconcile(self, ref: Ref) -> None:
        """A pod on each node that suits, of the revision that is wanted."""
        owner = self.store.at(ref)
        if owner is None:
            self.forget(ref)
            return
        if deleting(owner):
            return
        try:
            known = revisions.listed(self, owner)
            current = revisions.current(self, owner, known)
            salt = revisions.hash_of(current)
            error = self._place(ref, owner, salt)
            if error is None:
                error = self._update(ref, owner, salt)
            self._report(ref, owner, salt)
        except ApiError as problem:
            if problem.code != 404:
                self.retry(ref)
            return
        if error is not None:
            self.retry(ref)
        else:
            self.forget(ref)
        used = {f"{ref.name}-{labels_of(pod).get(revisions.LABEL)}" for pod in self.owned(owner, podlib.PODS)}
        revisions.truncate(self, owner, revisions.listed(self, owner), used | {current["metadata"]["name"]})

    # -- pods ----------------------------------------------------------------------------------------------------

    def _by_node(self, owner: Obj) -> dict[str, list[Obj]]:
        found: dict[str, list[Obj]] = {}
        for pod in self.claim(owner, podlib.PODS, owner["spec"].get("selector")):
            found.setdefault(target(pod), []).append(pod)
        return found

    def _place(self, ref: Ref, owner: Obj, salt: str) -> ApiError | None:
        """Create where a pod is missing, delete where none belongs; the first refusal."""
        placed = self._by_node(owner)
        refused: ApiError | None = None
        nodes = {node["metadata"]["name"]: node for node in self.store.select("nodes")}
        for name, node in nodes.items():
            run, stay = suits(owner, node)
            pods = placed.get(name, [])
            alive = [pod for pod in pods if not deleting(pod)]
            for pod in [pod for pod in alive if podlib.finished(pod)]:
                alive.remove(pod)
                self._drop_finished(owner, pod, name)
            if run and not alive and not any(not podlib.finished(pod) for pod in pods):
                refused = self._create_pod(owner, name, salt) or refused
            elif not stay:
                for pod in alive:
                    self._delete_pod(owner, pod)
            elif len(alive) > 1:
                for pod in sorted(alive, key=lambda each: each["metadata"]["creationTimestamp"])[1:]:
                    self._delete_pod(owner, pod)
        for name, pods in placed.items():
            if name not in nodes:
                for pod in pods:
                    if not deleting(pod):
                        self._delete_pod(owner, pod)
        return refused

    def _drop_finished(self, owner: Obj, pod: Obj, node: str) -> None:
        place = f"{owner['metadata']['namespace']}/{pod['metadata']['name']}"
        if podlib.phase(pod) == "Failed":
            text = f"Found failed daemon pod {place} on node {node}, will try to kill it"
            self.event(owner, "FailedDaemonPod", text, type="Warning")
        else:
            text = f"Found succeeded daemon pod {place} on node {node}, will try to delete it"
            self.event(owner, "SucceededDaemonPod", text)
        self._delete_pod(owner, pod)

    def _create_pod(self, owner: Obj, node: str, salt: str) -> ApiError | None:
        pod = daemon_pod(owner, node, salt)
        try:
            made = self.create(podlib.PODS, pod)
        except ApiError as error:
            self.event(owner, "FailedCreate", f"Error creating: {error.message}", type="Warning")
            return error
        self.event(owner, "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
        return None

    def _delete_pod(self, owner: Obj, pod: Obj) -> None:
        self.delete(ref_of(podlib.PODS, pod))
        self.event(owner, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _update(self, ref: Ref, owner: Obj, salt: str) -> ApiError | None:
        """Replace pods of an older revision: as many as may be unavailable, or after their successors are available."""
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return None
        rolling = strategy.get("rollingUpdate") or {}
        wait = int(owner["spec"].get("minReadySeconds") or 0)
        placed = {
            name: pods
            for name, pods in self._by_node(owner).items()
            if (node := self.store.get("nodes", "", name)) is not None and suits(owner, node)[0]
        }
        surge = scaled(rolling.get("maxSurge", 0), len(placed), up=True)
        if surge:
            return self._surge(owner, placed, salt, surge, wait)
        allowed = max(scaled(rolling.get("maxUnavailable", 1), len(placed), up=True), 1)
        unavailable, candidates = 0, []
        for pods in placed.values():
            old = [pod for pod in pods if not deleting(pod) and labels_of(pod).get(revisions.LABEL) != salt]
            ill = [pod for pod in pods if deleting(pod) or not podlib.available(pod, wait, self.clock)]
            if ill or not pods:
                # What does not work may be replaced at once: it costs no availability.
                for pod in old:
                    if pod in ill:
                        self._delete_pod(owner, pod)
                unavailable += 1
            else:
                candidates.extend(old)
        for pod in candidates[: max(allowed - unavailable, 0)]:
            self._delete_pod(owner, pod)
        return None

    def _surge(self, owner: Obj, placed: dict[str, list[Obj]], salt: str, surge: int, wait: int) -> ApiError | None:
        """First a new pod beside the old one; the old one goes when the new one is available."""
        refused: ApiError | None = None
        under_way = 0
        waiting = []
        for node, pods in placed.items():
            alive = [pod for pod in pods if not deleting(pod)]
            new = [pod for pod in alive if labels_of(pod).get(revisions.LABEL) == salt]
            old = [pod for pod in alive if pod not in new]
            if new and old:
                if podlib.available(new[0], wait, self.clock):
                    for pod in old:
                        self._delete_pod(owner, pod)
                else:
                    under_way += 1
            elif old:
                waiting.append(node)
        for node in waiting[: max(surge - under_way, 0)]:
            refused = self._create_pod(owner, node, salt) or refused
        return refused

    # -- status --------------------------------------------------------------------------------------------------

    def _report(self, ref: Ref, owner: Obj, salt: str) -> None:
        wait = int(owner["spec"].get("minReadySeconds") or 0)
        placed: dict[str, list[Obj]] = {}
        for pod in self.owned(owner, podlib.PODS):
            placed.setdefault(target(pod), []).append(pod)
        count = dict.fromkeys(("current", "misscheduled", "desired", "ready", "updated", "available"), 0)
        soon: list[float] = []
        for node in self.store.select("nodes"):
            run, _ = suits(owner, node)
            pods = [pod for pod in placed.get(node["metadata"]["name"], ()) if not deleting(pod)]
            if not run:
                count["misscheduled"] += bool(pods)
                continue
            count["desired"] += 1
            if pods:
                pod = max(pods, key=lambda each: (labels_of(each).get(revisions.LABEL) == salt, podlib.ready(each)))
                left = podlib.until_available(pod, wait, self.clock)
                count["current"] += 1
                count["ready"] += podlib.ready(pod)
                count["available"] += left == 0
                count["updated"] += labels_of(pod).get(revisions.LABEL) == salt
                soon += [left] if 0 < left < float("inf") else []
        status: dict[str, Any] = {
            "currentNumberScheduled": count["current"],
            "numberMisscheduled": count["misscheduled"],
            "desiredNumberScheduled": count["desired"],
            "numberReady": count["ready"],
            "observedGeneration": owner["metadata"].get("generation", 1),
        }
        more = {"updatedNumberScheduled": count["updated"], "numberAvailable": count["available"]}
        more["numberUnavailable"] = count["desired"] - count["available"]
        status |= {name: value for name, value in more.items() if value}
        self.set_status(ref, status)
        if soon:
            self.later(ref, min(soon))


def target(pod: Obj) -> str:
    """The node that the pod is on, or is to be on."""
    name: str = pod["spec"].get("nodeName") or ""
    if name:
        return name
    needed = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in needed.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field.get("values"):
                found: str = field["values"][0]
                return found
    return ""


def daemon_pod(owner: Obj, node: str, salt: str) -> Obj:
    """The pod for that node."""
    meta = owner["metadata"]
    pod = podlib.from_template(owner["spec"]["template"], owner, podlib.prefix_of(meta["name"]))
    labels = dict(pod["metadata"].get("labels") or {})
    generation = (meta.get("annotations") or {}).get("deprecated.daemonset.template.generation")
    labels[revisions.LABEL] = salt
    labels[GENERATION] = generation or str(meta.get("generation", 1))
    pod["metadata"]["labels"] = labels
    spec = pod["spec"]
    wanted = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    required = affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    # The name of the node takes the place of what was asked for: that was looked at already.
    required["nodeSelectorTerms"] = wanted
    spec["tolerations"] = tolerations(spec)
    return pod


def tolerations(spec: Mapping[str, Any]) -> list[Obj]:
    """Those of the pod and those that each daemon has."""
    found: list[Obj] = list(spec.get("tolerations") or ())
    asked = list(TOLERATED)
    if spec.get("hostNetwork"):
        asked.append(("node.kubernetes.io/network-unavailable", "NoSchedule"))
    for key, effect in asked:
        each = {"key": key, "operator": "Exists", "effect": effect}
        if each not in found:
            found.append(each)
    return found


def suits(owner: Obj, node: Obj) -> tuple[bool, bool]:
    """Whether a pod of it is to run on that node, and whether one that runs there may stay."""
    spec = owner["spec"]["template"]["spec"]
    name = node["metadata"]["name"]
    if spec.get("nodeName") and spec["nodeName"] != name:
        return False, False
    if not _selected(spec, node):
        return False, False
    accepted = tolerations(spec)
    taints = (node.get("spec") or {}).get("taints") or ()
    open_ = [taint for taint in taints if not any(tolerates(each, taint) for each in accepted)]
    run = not any(taint["effect"] in ("NoSchedule", "NoExecute") for taint in open_)
    return run, not any(taint["effect"] == "NoExecute" for taint in open_)


def tolerates(toleration: Obj, taint: Obj) -> bool:
    """Whether the toleration accepts the taint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def _selected(spec: Mapping[str, Any], node: Obj) -> bool:
    labels = labels_of(node)
    if any(labels.get(name) != value for name, value in (spec.get("nodeSelector") or {}).items()):
        return False
    needed = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if needed is None:
        return True
    return any(_term(term, node) for term in needed.get("nodeSelectorTerms") or ())


def _term(term: Obj, node: Obj) -> bool:
    labels = labels_of(node)
    asked = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not asked and not fields:
        return False
    names = {"metadata.name": node["metadata"]["name"]}
    return all(_requirement(each, labels) for each in asked) and all(_requirement(each, names) for each in fields)


def _requirement(each: Obj, values: Mapping[str, str]) -> bool:
    found, wanted = values.get(each["key"]), list(each.get("values") or [])
    match each["operator"]:
        case "In":
            return found in wanted
        case "NotIn":
            return found not in wanted
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case _:
            if found is None or not found.lstrip("-").isdigit():
                return False
            bigger = int(found) > int(wanted[0])
            return bigger if each["operator"] == "Gt" else int(found) < int(wanted[0])
