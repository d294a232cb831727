"""The HorizontalPodAutoscaler controller: as many replicas as the usage needs.

Source: ``pkg/controller/podautoscaler/horizontal.go`` of Kubernetes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_tools.targets.sandbox import kinds, quantity
from mcp_tools.targets.sandbox.controllers import autoscaling as sums
from mcp_tools.targets.sandbox.controllers.autoscaling import NoMetric, Said
from mcp_tools.targets.sandbox.controllers.common import Controller, deleting, itself, labels_of, matches
from mcp_tools.targets.sandbox.controllers.rollout import replicas
from mcp_tools.targets.sandbox.store import Obj, Ref

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

KEY = "horizontalpodautoscalers.autoscaling"
PERIOD, DOWN_WINDOW = 15.0, 300
"""Seconds between two looks, and those in which the highest recommendation counts."""
Proposal = tuple[int, str, Obj | None]
"""Replicas, what they come from, and the current value for the status."""


class Autoscalers(Controller):
    """Scales the targets of autoscalers."""

    name = "horizontal-pod-autoscaler"

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.routes = {KEY: itself}
        self._due: dict[Ref, float] = {}
        self._recommended: dict[Ref, list[tuple[float, int]]] = {}
        self._changed: dict[Ref, list[tuple[float, int]]] = {}

    def reconcile(self, ref: Ref) -> None:
        """Look at the usage, and scale."""
        autoscaler = self.store.at(ref)
        if autoscaler is None or deleting(autoscaler):
            for memory in (self._due, self._recommended, self._changed):
                memory.pop(ref, None)
            return
        now = self.clock.now()
        if self._due.setdefault(ref, now + PERIOD / self.clock.speed) > now + 1e-6:
            # Whatever changes, one is looked at in its turn only; a new one waits for its first.
            self.later(ref, (self._due[ref] - now) * self.clock.speed)
            return
        self._due[ref] = now + PERIOD / self.clock.speed
        look = _Look(self, ref, autoscaler)
        look.run()
        self.set_status(ref, look.status())
        self.later(ref, PERIOD)

    def usage(self, pods: list[Obj], resource: str, container: str) -> dict[str, int]:
        """What the pods use, in thousandths; those that no figure is known of are not there."""
        from mcp_tools.targets.sandbox.node import usage

        found: dict[str, int] = {}
        for pod in pods:
            used = usage.of_pod(self.cluster, pod)
            boxes = {name: figures for name, figures in used.items() if container in ("", name)}
            if boxes:
                index = 0 if resource == "cpu" else 1
                found[pod["metadata"]["name"]] = int(sum(figures[index] for figures in boxes.values()) * 1000)
        return found

    # -- what was --------------------------------------------------------------------------------------------------

    def recommendations(self, ref: Ref, window: float) -> list[int]:
        """The recommendations of the last seconds."""
        now = self.clock.now()
        return [size for at, size in self._recommended.get(ref, ()) if (now - at) * self.clock.speed < window]

    def begin(self, ref: Ref, size: int) -> None:
        """What it is at the first look counts as a recommendation: it is not made smaller at once."""
        if ref not in self._recommended:
            self.recommend(ref, size)

    def recommend(self, ref: Ref, size: int) -> None:
        """Remember a recommendation."""
        now = self.clock.now()
        kept = [(at, n) for at, n in self._recommended.get(ref, ()) if (now - at) * self.clock.speed <= 3600]
        self._recommended[ref] = [*kept, (now, size)]

    def changes(self, ref: Ref, *, up: bool) -> list[tuple[float, int]]:
        """The pods that were added, or taken, and how many seconds ago, as negative times."""
        now, sign = self.clock.now(), 1 if up else -1
        past = self._changed.get(ref, ())
        return [((at - now) * self.clock.speed, sign * n) for at, n in past if sign * n > 0]

    def change(self, ref: Ref, count: int) -> None:
        """Remember that it was scaled."""
        self._changed[ref] = [*self._changed.get(ref, [])[-50:], (self.clock.now(), count)]


class _Look:
    """One look at one autoscaler."""

    def __init__(self, controller: Autoscalers, ref: Ref, autoscaler: Obj) -> None:
        self.controller, self.ref, self.autoscaler = controller, ref, autoscaler
        self.spec = autoscaler["spec"]
        before = autoscaler.get("status") or {}
        self.before = before
        self.conditions: list[Obj] = list(before.get("conditions") or [])
        self.current = int(before.get("currentReplicas") or 0)
        self.desired = int(before.get("desiredReplicas") or 0)
        self.metrics: list[Obj] | None = before.get("currentMetrics")
        self.scaled_at: str | None = before.get("lastScaleTime")

    def say(self, type_: str, said: Said) -> None:
        """Set a condition."""
        status, reason, message = said
        for number, found in enumerate(self.conditions):
            if found["type"] == type_:
                since = found["lastTransitionTime"] if found["status"] == status else self.controller.clock.stamp()
                self.conditions[number] = self._made(type_, status, since, reason, message)
                return
        self.conditions.append(self._made(type_, status, self.controller.clock.stamp(), reason, message))

    @staticmethod
    def _made(type_: str, status: str, since: str, reason: str, message: str) -> Obj:
        found = {"type": type_, "status": status, "lastTransitionTime": since}
        return {**found, "reason": reason, "message": message}

    def warn(self, reason: str, message: str) -> None:
        """An event of what went wrong."""
        self.controller.event(self.autoscaler, reason, message, type="Warning")

    def status(self) -> Obj:
        """The status as it is now."""
        found: dict[str, Any] = {}
        if self.scaled_at:
            found["lastScaleTime"] = self.scaled_at
        if self.current:
            found["currentReplicas"] = self.current
        found |= {"desiredReplicas": self.desired, "currentMetrics": self.metrics}
        if self.conditions:
            found["conditions"] = self.conditions
        return found

    # -- the way -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Find the target, compute, scale."""
        target, missing = self._target()
        if target is None:
            self.warn("FailedGetScale", missing)
            text = f"the HPA controller was unable to get the target's current scale: {missing}"
            self.say("AbleToScale", ("False", "FailedGetScale", text))
            return
        text = "the HPA controller was able to get the target's current scale"
        self.say("AbleToScale", ("True", "SucceededGetScale", text))
        ref, workload = target
        now = self.current = replicas(workload)
        self.controller.begin(self.ref, now)
        least = self.spec.get("minReplicas")
        least, most = 1 if least is None else int(least), int(self.spec["maxReplicas"])
        reason = ""
        if now == 0 and least != 0:
            self.desired, self.metrics = 0, None
            text = "scaling is disabled since the replica count of the target is zero"
            self.say("ScalingActive", ("False", "ScalingDisabled", text))
            return
        if now > most:
            size, reason, self.metrics = most, "Current number of replicas above Spec.MaxReplicas", None
        elif now < least:
            size, reason, self.metrics = least, "Current number of replicas below Spec.MinReplicas", None
        else:
            computed = self._compute(workload, now)
            if computed is None:
                return
            size, metric = computed
            size = self._limited(now, size, least, most)
            reason = f"{metric} above target" if size > now else "All metrics below target"
        self.desired = size
        if size != now:
            self._scale(ref, now, size, reason)

    def _scale(self, ref: Ref, before: int, size: int, reason: str) -> None:
        controller = self.controller
        controller.edit(ref, lambda live: live["spec"].update({"replicas": size}))
        text = f"the HPA controller was able to update the target scale to {size}"
        self.say("AbleToScale", ("True", "SucceededRescale", text))
        controller.event(self.autoscaler, "SuccessfulRescale", f"New size: {size}; reason: {reason}")
        controller.change(self.ref, size - before)
        self.scaled_at = controller.clock.stamp()

    def _target(self) -> tuple[tuple[Ref, Obj] | None, str]:
        """The workload, or why there is none."""
        asked = self.spec["scaleTargetRef"]
        kind = kinds.of(asked.get("apiVersion") or "v1", asked["kind"])
        if kind is None:
            group = (asked.get("apiVersion") or "").rpartition("/")[0]
            return None, f'no matches for kind "{asked["kind"]}" in group "{group}"'
        if "scale" not in kind.subresources:
            return None, "the server could not find the requested resource"
        ref = Ref(kind.key, self.ref.namespace, asked["name"])
        found = self.controller.store.at(ref)
        return (None, f'{kind.resource} "{asked["name"]}" not found') if found is None else ((ref, found), "")

    # -- metrics -------------------------------------------------------------------------------------------------

    def _compute(self, workload: Obj, now: int) -> tuple[int, str] | None:
        """The largest size that a metric wants, and which one; None when none can be told."""
        selector = workload["spec"].get("selector")
        pods = [
            pod for pod in self.controller.store.select("pods", self.ref.namespace) if matches(selector, labels_of(pod))
        ]
        metrics = self.spec.get("metrics") or []
        best: tuple[int, str] | None = None
        statuses: list[Obj] = []
        failures: list[tuple[Said, str]] = []
        for metric in metrics:
            try:
                size, name, status = self._metric(metric, pods, now)
            except _Failed as failed:
                failures.append((failed.said, failed.text))
                self.warn(failed.said[1], failed.event)
                continue
            statuses += [status] if status is not None else []
            if best is None or size > best[0]:
                best = size, name
        if failures and (best is None or best[0] < now):
            said, text = failures[0]
            self.say("ScalingActive", said)
            whole = f"invalid metrics ({len(failures)} invalid out of {len(metrics)}), first error is: {text}"
            self.warn("FailedComputeMetricsReplicas", whole)
            return None
        assert best is not None, "validation and defaults see to it that there is a metric"
        self.metrics = statuses or None
        text = f"the HPA was able to successfully calculate a replica count from {best[1]}"
        self.say("ScalingActive", ("True", "ValidMetricFound", text))
        return best

    def _metric(self, metric: Obj, pods: list[Obj], now: int) -> Proposal:
        type_ = metric["type"]
        if type_ in ("Resource", "ContainerResource"):
            part = metric["resource" if type_ == "Resource" else "containerResource"]
            return self._resource(type_, part, pods, now)
        failed = {
            "Pods": ("FailedGetPodsMetric", "pods"),
            "Object": ("FailedGetObjectMetric", "object"),
            "External": ("FailedGetExternalMetric", "external"),
        }
        reason, word = failed[type_]
        group = "external" if type_ == "External" else "custom"
        name = metric[type_.lower()]["metric"]["name"]
        cause = f"no {group} metrics API (API not registered)"
        why = f"unable to get metric {name}: unable to fetch metrics from {group} metrics API: {cause}"
        if type_ == "External":
            why = (
                f"unable to get external metric {self.ref.namespace}/{name}/nil: unable to fetch metrics from external "
                f"metrics API: {cause}"
            )
        raise _Failed(reason, why, f"failed to get {word} metric value: {why}")

    def _resource(self, type_: str, part: Obj, pods: list[Obj], now: int) -> Proposal:
        resource, container, target = part["name"], part.get("container", ""), part["target"]
        reason = "FailedGetResourceMetric" if type_ == "Resource" else "FailedGetContainerResourceMetric"
        wanted = target.get("averageUtilization")
        word = "utilization" if wanted is not None else "usage"
        try:
            size, used, asked = self._resource_size(resource, container, target, pods, now)
        except NoMetric as problem:
            why = f"failed to get {resource} {word}: {problem}"
            value = f"failed to get {resource} resource metric value: {why}"
            if type_ != "Resource":
                value = f"failed to get {resource} container metric value: {why}"
            raise _Failed(reason, why, value) from None
        current: dict[str, Any] = {}
        if wanted is not None:
            percent, average = sums.utilization(used, asked)
            current["averageUtilization"] = percent
            name = f"{resource} resource utilization (percentage of request)"
        else:
            average = sum(used.values()) // max(len(used), 1)
            name = f"{resource} resource"
        current["averageValue"] = quantity.canonical(f"{average}m")
        status: Obj = {"name": resource, "current": current}
        if type_ == "Resource":
            return size, name, {"type": type_, "resource": status}
        name = name.replace("resource", "container resource", 1)
        return size, name, {"type": type_, "containerResource": {"container": container, **status}}

    def _resource_size(
        self, resource: str, container: str, target: Obj, pods: list[Obj], now: int
    ) -> tuple[int, dict[str, int], dict[str, int]]:
        """The size for a resource, what counts of the usage, and what the pods ask for.

        Raises:
            NoMetric: it cannot be told.
        """
        usage = self.controller.usage(pods, resource, container)
        if not usage:
            raise NoMetric(
                f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
            )
        groups = sums.grouped(pods, usage, resource, self.controller.clock)
        wanted = target.get("averageUtilization")
        if wanted is not None:
            alive = [pod for pod in pods if not deleting(pod) and (pod.get("status") or {}).get("phase") != "Failed"]
            asked = sums.requests(alive, resource, container)
            size, _ = sums.proposed(now, groups, float(wanted), asked)
            return size, groups.used, asked
        size, _ = sums.proposed(now, groups, float(quantity.parse(target["averageValue"]).milli), {})
        return size, groups.used, {}

    # -- limits --------------------------------------------------------------------------------------------------

    def _limited(self, now: int, size: int, least: int, most: int) -> int:
        """The size after stabilisation, rates and bounds."""
        behaviour = self.spec.get("behavior")
        if behaviour is None:
            stable = max([size, *self.controller.recommendations(self.ref, DOWN_WINDOW)])
            self.controller.recommend(self.ref, size)
            self.say("AbleToScale", sums.MATCHES if stable == size else sums.STABILIZED_DOWN)
            limited, said = sums.within(now, stable, least, most)
            self.say("ScalingLimited", said)
            return limited
        return self._limited_by(behaviour, now, size, least, most)

    def _limited_by(self, behaviour: Obj, now: int, size: int, least: int, most: int) -> int:
        up, down = behaviour.get("scaleUp") or {}, behaviour.get("scaleDown") or {}
        controller = self.controller
        highest = max(
            [size, *controller.recommendations(self.ref, down.get("stabilizationWindowSeconds", DOWN_WINDOW))]
        )
        lowest = min([size, *controller.recommendations(self.ref, up.get("stabilizationWindowSeconds", 0))])
        controller.recommend(self.ref, size)
        stable = now
        stable = lowest if stable < lowest else stable
        stable = highest if stable > highest else stable
        said = sums.MATCHES
        if stable != size:
            said = sums.STABILIZED_DOWN if stable > size else sums.STABILIZED_UP
        self.say("AbleToScale", said)
        limit = sums.WITHIN
        if stable > now:
            bound = max(sums.policy_limit(up, now, controller.changes(self.ref, up=True), 0.0, up=True), now)
            allowed = min(bound, most)
            if stable > allowed:
                stable, limit = allowed, sums.TOO_MANY if most < bound else sums.UP_LIMIT
        elif stable < now:
            bound = min(sums.policy_limit(down, now, controller.changes(self.ref, up=False), 0.0, up=False), now)
            allowed = max(bound, least)
            if stable < allowed:
                stable, limit = allowed, sums.TOO_FEW if least > bound else sums.DOWN_LIMIT
        elif size > most or size < least:
            limit = sums.TOO_MANY if size > most else sums.TOO_FEW
        self.say("ScalingLimited", limit)
        return stable


class _Failed(Exception):
    """A metric that could not be read: its condition, the event, and the error around it."""

    def __init__(self, reason: str, why: str, text: str) -> None:
        super().__init__(text)
        self.said: Said = ("False", reason, f"the HPA was unable to compute the replica count: {why}")
        self.event, self.text = why, text
