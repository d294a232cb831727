"""The StatefulSet controller: pods with an ordinal, a name and claims of their own, one after the other.

Source: ``pkg/controller/statefulset/stateful_set_control.go`` of Kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox.controllers import pods as podlib
from mcp_tools.targets.sandbox.controllers import revisions
from mcp_tools.targets.sandbox.controllers import statefulset_pods as made
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    by_controller,
    deleting,
    itself,
    labels_of,
    orphans_too,
    owner_reference,
    ref_of,
)
from mcp_tools.targets.sandbox.controllers.rollout import replicas, scaled
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

KEY, CLAIMS = "statefulsets.apps", "persistentvolumeclaims"


class StatefulSets(Controller):
    """Creates, updates and deletes the pods of StatefulSets in their order."""

    name = "statefulset-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {
            KEY: itself,
            podlib.PODS: orphans_too(self, "StatefulSet", KEY),
            revisions.KEY: by_controller("StatefulSet", KEY),
        }

    def reconcile(self, ref: Ref) -> None:
        """The next step of the set."""
        owner = self.store.at(ref)
        if owner is None:
            self.forget(ref)
            return
        if deleting(owner):
            return
        pods = [
            pod
            for pod in self.claim(owner, podlib.PODS, owner["spec"].get("selector"))
            if made.ordinal(owner, pod) is not None
        ]
        try:
            known = revisions.listed(self, owner)
            collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
            update = revisions.current(self, owner, known, collisions)
            names = {each["metadata"]["name"]: each for each in known} | {update["metadata"]["name"]: update}
            current = names.get((owner.get("status") or {}).get("currentRevision", ""), update)
            try:
                self._update(owner, pods, current, update)
            finally:
                self._report(ref, owner, current, update)
        except ApiError as error:
            if error.code != 404:
                self.retry(ref)
            return
        self.forget(ref)
        used = {labels_of(pod).get(revisions.LABEL, "") for pod in pods}
        fresh = self.store.at(ref) or owner
        used |= {(fresh.get("status") or {}).get(name, "") for name in ("currentRevision", "updateRevision")}
        revisions.truncate(self, owner, revisions.listed(self, owner), used)

    # -- pods ----------------------------------------------------------------------------------------------------

    def _update(self, owner: Obj, pods: list[Obj], current: Obj, update: Obj) -> None:
        """Bring the pods to their revisions; one at a time unless the policy is Parallel."""
        in_turn = owner["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        first = made.first_ordinal(owner)
        by_ordinal = {made.ordinal(owner, pod) or 0: pod for pod in pods}
        wanted = range(first, first + replicas(owner))
        for number in wanted:
            if not self._replica(owner, number, by_ordinal.get(number), current, update, in_turn) and in_turn:
                return
        condemned = sorted((n for n in by_ordinal if n not in wanted), reverse=True)
        for number in condemned:
            if not self._condemn(owner, by_ordinal, number, wanted, in_turn) and in_turn:
                return
        self._renew(owner, wanted, update)

    def _replica(self, owner: Obj, number: int, pod: Obj | None, current: Obj, update: Obj, in_turn: bool) -> bool:
        """One of the wanted pods; whether the next one may be looked at."""
        if pod is not None and podlib.finished(pod):
            if not deleting(pod):
                name = pod["metadata"]["name"]
                place = f"{owner['metadata']['namespace']}/{owner['metadata']['name']}"
                failed = podlib.phase(pod) == "Failed"
                self.event(
                    owner,
                    "RecreatingFailedPod" if failed else "RecreatingTerminatedPod",
                    f"StatefulSet {place} is recreating {'failed' if failed else 'terminated'} Pod {name}",
                    type="Warning" if failed else "Normal",
                )
                self._delete_pod(owner, pod)
            pod = self.store.at(ref_of(podlib.PODS, pod))
            if pod is not None:
                return False
        if pod is None:
            source = self._revision_for(owner, number, current, update)
            self._create_pod(owner, number, source)
            return not in_turn
        if deleting(pod):
            return not in_turn
        if in_turn and not podlib.ready(pod):
            return False
        wait = podlib.until_available(pod, int(owner["spec"].get("minReadySeconds") or 0), self.clock)
        if in_turn and wait:
            self.later(ref_of(KEY, owner), wait)
            return False
        self._claims(owner, pod, number)
        return True

    def _revision_for(self, owner: Obj, number: int, current: Obj, update: Obj) -> Obj:
        """A pod that is created anew: of the current revision below what was already rolled, else of the update."""
        strategy = owner["spec"].get("updateStrategy") or {}
        status = owner.get("status") or {}
        if strategy.get("type", "RollingUpdate") == "OnDelete":
            return update
        partition = (strategy.get("rollingUpdate") or {}).get("partition")
        start = made.first_ordinal(owner)
        below = start + (int(status.get("currentReplicas") or 0) if partition is None else int(partition))
        return current if number < below else update

    def _create_pod(self, owner: Obj, number: int, revision: Obj) -> None:
        pod = made.pod(revisions.restored(owner, revision), number, revision["metadata"]["name"])
        name, title = pod["metadata"]["name"], owner["metadata"]["name"]
        try:
            self._claims(owner, pod, number)
            self.create(podlib.PODS, pod)
        except ApiError as error:
            if error.reason == "AlreadyExists":
                raise
            message = f"create Pod {name} in StatefulSet {title} failed error: {error.message}"
            self.event(owner, "FailedCreate", message, type="Warning")
            raise
        self.event(owner, "SuccessfulCreate", f"create Pod {name} in StatefulSet {title} successful")

    def _claims(self, owner: Obj, pod: Obj, number: int) -> None:
        """Create the claims of the pod that are not there."""
        title, name = owner["metadata"]["name"], pod["metadata"]["name"]
        for claim in made.claims(owner, number):
            called = claim["metadata"]["name"]
            if self.store.get(CLAIMS, owner["metadata"]["namespace"], called) is not None:
                continue
            try:
                self.create(CLAIMS, claim)
            except ApiError as error:
                text = f"create Claim {called} for Pod {name} in StatefulSet {title} failed error: {error.message}"
                self.event(owner, "FailedCreate", text, type="Warning")
                raise
            text = f"create Claim {called} Pod {name} in StatefulSet {title} success"
            self.event(owner, "SuccessfulCreate", text)

    def _delete_pod(self, owner: Obj, pod: Obj) -> None:
        name, title = pod["metadata"]["name"], owner["metadata"]["name"]
        try:
            self.delete(ref_of(podlib.PODS, pod))
        except ApiError as error:
            message = f"delete Pod {name} in StatefulSet {title} failed error: {error.message}"
            self.event(owner, "FailedDelete", message, type="Warning")
            raise
        self.event(owner, "SuccessfulDelete", f"delete Pod {name} in StatefulSet {title} successful")

    def _condemn(self, owner: Obj, pods: dict[int, Obj], number: int, wanted: range, in_turn: bool) -> bool:
        """Delete a pod beyond the replicas, the highest first, when all before it are well."""
        pod = self.store.at(ref_of(podlib.PODS, pods[number]))
        if pod is None:
            return True
        if deleting(pod):
            return not in_turn
        if in_turn:
            others = [pods[other] for other in pods if other != number]
            ill = [each for each in others if deleting(each) or not podlib.ready(each)]
            if ill and not (not podlib.ready(pod) and self._first_ill(owner, pods) == number):
                return False
        if (owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}).get("whenScaled") == "Delete":
            self._hand_over(owner, pod, number)
        self._delete_pod(owner, pod)
        return False

    def _hand_over(self, owner: Obj, pod: Obj, number: int) -> None:
        """Let the claims of the pod go with it."""
        for claim in made.claims(owner, number):
            place = Ref(CLAIMS, owner["metadata"]["namespace"], claim["metadata"]["name"])
            owned = [owner_reference(pod)]
            self.edit(place, lambda live, owned=owned: live["metadata"].update({"ownerReferences": owned}))  # type: ignore[misc]

    def _first_ill(self, owner: Obj, pods: dict[int, Obj]) -> int | None:
        """The lowest ordinal that is not well."""
        ill = [number for number, pod in sorted(pods.items()) if deleting(pod) or not podlib.ready(pod)]
        return ill[0] if ill else None

    def _renew(self, owner: Obj, wanted: range, update: Obj) -> None:
        """Delete the highest pod that is not of the update, when those above are well again."""
        strategy = owner["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") == "OnDelete":
            return
        rolling = strategy.get("rollingUpdate") or {}
        lowest = wanted.start + int(rolling.get("partition") or 0)
        allowed = 1
        if rolling.get("maxUnavailable") is not None:
            allowed = max(scaled(rolling["maxUnavailable"], len(wanted), up=True), 1)
        unavailable = 0
        namespace, wait = owner["metadata"]["namespace"], int(owner["spec"].get("minReadySeconds") or 0)
        for number in reversed(wanted):
            if number < lowest:
                return
            pod = self.store.get(podlib.PODS, namespace, f"{owner['metadata']['name']}-{number}")
            if pod is None or deleting(pod):
                unavailable += 1
            elif labels_of(pod).get(revisions.LABEL) != update["metadata"]["name"]:
                self._delete_pod(owner, pod)
                unavailable += 1
            elif left := podlib.until_available(pod, wait, self.clock):
                if left < float("inf"):
                    self.later(ref_of(KEY, owner), left)
                unavailable += 1
            if unavailable >= allowed:
                return

    # -- status --------------------------------------------------------------------------------------------------

    def _report(self, ref: Ref, owner: Obj, current: Obj, update: Obj) -> None:
        live = self.store.at(ref)
        if live is None:
            return
        pods = [pod for pod in self.owned(owner, podlib.PODS) if made.ordinal(owner, pod) is not None]
        wait = int(owner["spec"].get("minReadySeconds") or 0)
        alive = [pod for pod in pods if not deleting(pod)]
        now_name, new_name = current["metadata"]["name"], update["metadata"]["name"]
        running = [pod for pod in pods if podlib.phase(pod) == "Running" and podlib.ready(pod)]
        counts = {
            "replicas": len(pods),
            "readyReplicas": len(running),
            "currentReplicas": sum(labels_of(pod).get(revisions.LABEL) == now_name for pod in alive),
            "updatedReplicas": sum(labels_of(pod).get(revisions.LABEL) == new_name for pod in alive),
            "availableReplicas": sum(podlib.available(pod, wait, self.clock) for pod in running),
        }
        whole = counts["updatedReplicas"] == counts["replicas"] == counts["readyReplicas"] == replicas(owner)
        rolling = (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
        if rolling and whole and now_name != new_name:
            now_name, counts["currentReplicas"] = new_name, counts["updatedReplicas"]
        status: dict[str, Any] = {"observedGeneration": owner["metadata"].get("generation", 1)}
        status |= {name: n for name, n in counts.items() if n or name in ("replicas", "availableReplicas")}
        status |= {"currentRevision": now_name, "updateRevision": new_name}
        status["collisionCount"] = int((live.get("status") or {}).get("collisionCount") or 0)
        self.set_status(ref, status)
        waits = [podlib.until_available(pod, wait, self.clock) for pod in running]
        soon = [left for left in waits if 0 < left < float("inf")]
        if soon:
            self.later(ref, min(soon))
