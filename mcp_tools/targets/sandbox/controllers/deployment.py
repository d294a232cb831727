"""The Deployment controller: its ReplicaSets, their sizes, and what it says about the rollout.

Source: ``pkg/controller/deployment`` of Kubernetes: sync.go, rolling.go, recreate.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox.controllers import deployment_status as statuses
from mcp_tools.targets.sandbox.controllers import rollout
from mcp_tools.targets.sandbox.controllers.common import (
    Controller,
    condition,
    controller_of,
    deleting,
    digest,
    itself,
    orphans_too,
    owner_reference,
    ref_of,
)
from mcp_tools.targets.sandbox.controllers.pods import finished
from mcp_tools.targets.sandbox.errors import ApiError
from mcp_tools.targets.sandbox.store import Change, Obj, Ref, copy

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

DEPLOYMENTS, SETS = "deployments.apps", "replicasets.apps"
NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    rollout.REVISION,
    rollout.HISTORY,
    rollout.DESIRED,
    rollout.MAXIMUM,
    "deprecated.deployment.rollback.to",
}


class Deployments(Controller):
    """Brings Deployments to their ReplicaSets."""

    name = "deployment-controller"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        sets = orphans_too(self, "Deployment", DEPLOYMENTS)
        self.routes = {DEPLOYMENTS: itself, SETS: sets, "pods": self._of_pod}

    def _of_pod(self, change: Change) -> Iterator[Ref]:
        """Only the end of a pod matters, and only to those that are recreated."""
        if change.type != "DELETED" and not finished(change.obj):
            return
        owner = controller_of(change.obj)
        if owner is None or owner["kind"] != "ReplicaSet":
            return
        owned = self.store.get(SETS, change.ref.namespace, owner["name"])
        above = controller_of(owned) if owned is not None else None
        if above is not None and above["kind"] == "Deployment":
            found = self.store.get(DEPLOYMENTS, change.ref.namespace, above["name"])
            if found is not None and not rollout.rolling(found):
                yield ref_of(DEPLOYMENTS, found)

    def reconcile(self, ref: Ref) -> None:
        """One step of the rollout."""
        deployment = self.store.at(ref)
        if deployment is None:
            self.forget(ref)
            return
        if deployment["spec"].get("selector") == {}:
            self.event(
                deployment,
                "SelectingAll",
                "This deployment is selecting all pods. A non-empty selector is required.",
                type="Warning",
            )
            return
        sets = self.claim(deployment, SETS, deployment["spec"].get("selector"))
        try:
            self._sync(ref, deployment, sets)
        except ApiError as error:
            if error.code != 404:
                self.retry(ref)
            return
        self.forget(ref)

    def _sync(self, ref: Ref, deployment: Obj, sets: list[Obj]) -> None:
        if deleting(deployment):
            new, _ = split(deployment, sets)
            self._write(ref, statuses.calculated(deployment, sets, new, self.clock))
            return
        paused = statuses.pause_condition(deployment, self.clock)
        if paused is not None:
            deployment = self._condition(ref, paused) or deployment
        if deployment["spec"].get("paused") or is_scaled(deployment, sets):
            self._scale_only(ref, deployment, sets)
        elif rollout.rolling(deployment):
            self._roll(ref, deployment, sets)
        else:
            self._recreate(ref, deployment, sets)

    # -- strategies ----------------------------------------------------------------------------------------------

    def _scale_only(self, ref: Ref, deployment: Obj, sets: list[Obj]) -> None:
        """Paused, or scaled meanwhile: sizes only."""
        new, old = split(deployment, sets)
        if new is not None:
            deployment, new = self._renew(ref, deployment, new, old)
        for each, size in scaling(deployment, new, old):
            self._scale(deployment, each, size)
        if deployment["spec"].get("paused"):
            self._clean(deployment, old)
        sets, new = self._again(ref, sets, new)
        self._write(ref, statuses.calculated(deployment, sets, new, self.clock))

    def _roll(self, ref: Ref, deployment: Obj, sets: list[Obj]) -> None:
        deployment, new, old = self._new_set(ref, deployment, sets)
        sets = [*old, new]
        if rollout.replicas(new) != rollout.replicas(deployment):
            size = rollout.replicas(deployment)
            if rollout.replicas(new) < size:
                size = rollout.new_size(deployment, sets, new)
            if self._scale(deployment, new, size):
                self._report(ref, sets, new)
                return
        if self._shrink(deployment, new, old):
            self._report(ref, sets, new)
            return
        if statuses.complete(deployment, deployment.get("status") or {}):
            self._clean(deployment, old)
        self._report(ref, sets, new)

    def _shrink(self, deployment: Obj, new: Obj, old: list[Obj]) -> bool:
        """Take pods from the old ReplicaSets, as many as may be unavailable."""
        if not rollout.total(old):
            return False
        sets = [*old, new]
        minimum = rollout.replicas(deployment) - rollout.max_unavailable(deployment)
        waiting = rollout.replicas(new) - rollout.counted([new], "availableReplicas")
        most = rollout.total(sets) - minimum - waiting
        if most <= 0:
            return False
        sizes = rollout.cleanup_unhealthy(old, most)
        by_name = {each["metadata"]["name"]: each for each in old}
        for name, size in sizes.items():
            self._scale(deployment, by_name[name], size)
        available = rollout.counted(sets, "availableReplicas")
        more = rollout.shrink_old(old, sizes, available, minimum)
        for name, size in more.items():
            self._scale(deployment, self.store.at(ref_of(SETS, by_name[name])) or by_name[name], size)
        return bool(sizes or more)

    def _recreate(self, ref: Ref, deployment: Obj, sets: list[Obj]) -> None:
        """First all old pods go, then the new ReplicaSet comes."""
        new, old = split(deployment, sets)
        if new is not None:
            deployment, new = self._renew(ref, deployment, new, old)
        scaled = [self._scale(deployment, each, 0) for each in old if rollout.replicas(each)]
        if any(scaled) or self._old_pods(new, old):
            self._report(ref, sets, new)
            return
        deployment, new, old = self._new_set(ref, deployment, sets)
        self._scale(deployment, new, rollout.replicas(deployment))
        if statuses.complete(deployment, deployment.get("status") or {}):
            self._clean(deployment, old)
        self._report(ref, [*old, new], new)

    def _old_pods(self, new: Obj | None, old: list[Obj]) -> bool:
        if rollout.counted(old, "replicas"):
            return True
        return any(not finished(pod) for each in old for pod in self.owned(each, "pods"))

    # -- the new ReplicaSet --------------------------------------------------------------------------------------

    def _new_set(self, ref: Ref, deployment: Obj, sets: list[Obj]) -> tuple[Obj, Obj, list[Obj]]:
        """The ReplicaSet of the template as it is now, created when there is none."""
        new, old = split(deployment, sets)
        if new is not None:
            deployment, new = self._renew(ref, deployment, new, old)
            return deployment, new, old
        revision = max((rollout.number(each, rollout.REVISION) or 0 for each in old), default=0) + 1
        new = new_set(deployment, old, revision)
        size = rollout.replicas(new)
        name = new["metadata"]["name"]
        try:
            new = self.create(SETS, new)
        except ApiError as error:
            self._not_created(ref, deployment, name, error)
            raise
        if size:
            self.event(deployment, "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}")
        self._set_revision(ref, str(revision))
        if statuses.deadline(deployment) is not None:
            self._condition(ref, statuses.progressing("NewReplicaSetCreated", f'Created new replica set "{name}"'))
        return self.store.at(ref) or deployment, new, old

    def _not_created(self, ref: Ref, deployment: Obj, name: str, error: ApiError) -> None:
        home = self.store.get("namespaces", "", ref.namespace)
        if home is None or deleting(home):
            return
        existing = self.store.get(SETS, ref.namespace, name)
        if error.reason == "AlreadyExists" and existing is not None:
            # The name is taken by another's: the next hash is salted.
            def collide(live: Obj) -> None:
                status = live.setdefault("status", {})
                status["collisionCount"] = int(status.get("collisionCount") or 0) + 1

            self.edit(ref, collide)
            return
        message = f'Failed to create new replica set "{name}": {error.message}'
        if statuses.deadline(deployment) is not None:
            self._condition(ref, statuses.progressing("ReplicaSetCreateError", message, "False"))
        self.event(deployment, "ReplicaSetCreateError", message, type="Warning")

    def _renew(self, ref: Ref, deployment: Obj, new: Obj, old: list[Obj]) -> tuple[Obj, Obj]:
        """Give the ReplicaSet of this template the newest revision, and the Deployment that number."""
        newest = max((rollout.number(each, rollout.REVISION) or 0 for each in old), default=0) + 1
        ready_for = deployment["spec"].get("minReadySeconds") or 0

        def change(live: Obj) -> None:
            annotate(deployment, live, newest)
            if (live["spec"].get("minReadySeconds") or 0) != ready_for:
                live["spec"]["minReadySeconds"] = ready_for

        new = self.edit(ref_of(SETS, new), change) or new
        revision = (new["metadata"].get("annotations") or {}).get(rollout.REVISION, str(newest))
        self._set_revision(ref, revision)
        deployment = self.store.at(ref) or deployment
        status = deployment.get("status") or {}
        if statuses.deadline(deployment) is not None and condition(status, "Progressing") is None:
            found = statuses.progressing("FoundNewReplicaSet", f'Found new replica set "{new["metadata"]["name"]}"')
            deployment = self._condition(ref, found) or deployment
        return deployment, new

    # -- writing -------------------------------------------------------------------------------------------------

    def _scale(self, deployment: Obj, each: Obj, size: int) -> bool:
        """Give a ReplicaSet that size, and say so; whether anything changed."""
        before = rollout.replicas(each)
        if before == size:
            return False
        desired = rollout.replicas(deployment)

        def change(live: Obj) -> None:
            live["spec"]["replicas"] = size
            notes = live["metadata"].setdefault("annotations", {})
            notes[rollout.DESIRED] = str(desired)
            notes[rollout.MAXIMUM] = str(desired + rollout.max_surge(deployment))

        self.edit(ref_of(SETS, each), change)
        verb = "up" if size > before else "down"
        name = each["metadata"]["name"]
        self.event(deployment, "ScalingReplicaSet", f"Scaled {verb} replica set {name} from {before} to {size}")
        return True

    def _clean(self, deployment: Obj, old: list[Obj]) -> None:
        """Delete the oldest ReplicaSets beyond ``revisionHistoryLimit``."""
        limit = deployment["spec"].get("revisionHistoryLimit")
        limit = 10 if limit is None else int(limit)
        alive = [each for each in old if not deleting(each)]
        alive.sort(key=lambda each: rollout.number(each, rollout.REVISION) or 0)
        for each in alive[: max(len(alive) - limit, 0)]:
            status = each.get("status") or {}
            current = status.get("observedGeneration", 0) >= each["metadata"].get("generation", 0)
            if current and not rollout.replicas(each) and not status.get("replicas"):
                self.delete(ref_of(SETS, each))

    def _set_revision(self, ref: Ref, revision: str) -> None:
        # Written with the status in the real one: of annotations, only an update of the object is a new generation.
        def change(live: Obj) -> None:
            live["metadata"].setdefault("annotations", {})[rollout.REVISION] = revision

        self.edit(ref, change)

    def _condition(self, ref: Ref, found: Obj) -> Obj | None:
        def change(live: Obj) -> None:
            status = live.setdefault("status", {})
            status["conditions"] = statuses.with_condition(status.get("conditions") or [], found, self.clock)

        return self.edit(ref, change)

    def _again(self, ref: Ref, sets: list[Obj], new: Obj | None) -> tuple[list[Obj], Obj | None]:
        """The ReplicaSets as they are now."""
        found = [live for each in sets if (live := self.store.at(ref_of(SETS, each))) is not None]
        return found, self.store.at(ref_of(SETS, new)) if new is not None else None

    def _report(self, ref: Ref, sets: list[Obj], new: Obj | None) -> None:
        """The status, with what is to be said of the progress."""
        deployment = self.store.at(ref)
        if deployment is None:
            return
        sets, new = self._again(ref, sets, new)
        wait = self._write(ref, statuses.reported(deployment, sets, new, self.clock))
        if not wait:
            left = statuses.until_stuck(self.store.at(ref) or deployment, self.clock)
            if left is not None:
                self.later(ref, left)

    def _write(self, ref: Ref, status: Obj) -> bool:
        before = self.store.version
        self.set_status(ref, status)
        return self.store.version != before


def split(deployment: Obj, sets: list[Obj]) -> tuple[Obj | None, list[Obj]]:
    """The ReplicaSet of the template as it is, and the others, oldest first."""
    ordered = rollout.by_age(sets)
    template = deployment["spec"]["template"]
    new = next((each for each in ordered if rollout.same_template(each["spec"]["template"], template)), None)
    return new, [each for each in ordered if each is not new]


def new_set(deployment: Obj, old: list[Obj], revision: int) -> Obj:
    """The ReplicaSet to create for the template."""
    meta, spec = deployment["metadata"], deployment["spec"]
    salt = digest(spec["template"], int((deployment.get("status") or {}).get("collisionCount") or 0))
    template = copy(spec["template"])
    labels = {**(template.setdefault("metadata", {}).get("labels") or {}), rollout.HASH: salt}
    template["metadata"]["labels"] = labels
    selector = copy(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), rollout.HASH: salt}
    found: Obj = {
        "metadata": {
            "name": f"{meta['name']}-{salt}",
            "namespace": meta["namespace"],
            "labels": dict(labels),
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        found["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    found["spec"]["replicas"] = rollout.new_size(deployment, [*old, found], found)
    annotate(deployment, found, revision)
    desired = rollout.replicas(deployment)
    found["metadata"]["annotations"] |= {
        rollout.DESIRED: str(desired),
        rollout.MAXIMUM: str(desired + rollout.max_surge(deployment)),
    }
    return found


def annotate(deployment: Obj, each: Obj, revision: int) -> None:
    """Copy the annotations, and write the revision and those that it had before."""
    notes = each["metadata"].setdefault("annotations", {})
    for name, value in (deployment["metadata"].get("annotations") or {}).items():
        if name not in NOT_COPIED:
            notes[name] = value
    before = notes.get(rollout.REVISION)
    if before is None or (rollout.number(each, rollout.REVISION) or 0) < revision:
        notes[rollout.REVISION] = str(revision)
        if before is not None:
            history = [entry for entry in notes.get(rollout.HISTORY, "").split(",") if entry]
            notes[rollout.HISTORY] = ",".join([*history, before])


def is_scaled(deployment: Obj, sets: list[Obj]) -> bool:
    """Whether the replicas were changed since the ReplicaSets were sized."""
    wanted = rollout.replicas(deployment)
    notes = (rollout.number(each, rollout.DESIRED) for each in sets if rollout.replicas(each))
    return any(note is not None and note != wanted for note in notes)


def scaling(deployment: Obj, new: Obj | None, old: list[Obj]) -> list[tuple[Obj, int]]:
    """The sizes that the ReplicaSets get when the Deployment is scaled."""
    wanted = rollout.replicas(deployment)
    sets = [*old, *([new] if new is not None else [])]
    alive = [each for each in sets if rollout.replicas(each)]
    if len(alive) <= 1:
        latest = alive[0] if alive else new if new is not None else old[-1] if old else None
        return [] if latest is None else [(latest, wanted)]
    if new is not None and _saturated(new, wanted):
        return [(each, 0) for each in old if rollout.replicas(each)]
    if not rollout.rolling(deployment):
        return []
    sizes = rollout.proportions(deployment, alive)
    return [(each, sizes[each["metadata"]["name"]]) for each in alive]


def _saturated(new: Obj, wanted: int) -> bool:
    available = rollout.counted([new], "availableReplicas")
    return rollout.replicas(new) == rollout.number(new, rollout.DESIRED) == available == wanted
