"""One look at a pod: what ended, what is to be started, what its probes find, and when to look again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox.node import ending, probes, starting, status
from mcp_tools.targets.sandbox.node.runtime import SLACK, PodRun, Probing, Run, Slot
from mcp_tools.targets.sandbox.node.volumes import mount, refresh
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet

CRASH_BACKOFF, CRASH_BACKOFF_MAX, CRASH_RESET = 10.0, 300.0, 600.0
BACKING_OFF = ("CrashLoopBackOff", "RunContainerError")


class Sync:
    """One look at one pod."""

    def __init__(self, kubelet: Kubelet, run: PodRun, pod: Obj) -> None:
        self.kubelet, self.run, self.pod = kubelet, run, pod
        self.now = kubelet.time.now() + SLACK
        self.policy = pod["spec"].get("restartPolicy", "Always")
        self.again = False
        """Whether something is to be done at once, after the status was written."""

    def go(self) -> None:
        """Look, act, write the status, and ask for the next look."""
        run = self.run
        if not run.shown:
            run.shown = True
            self.again = True
        else:
            self._act()
        self.kubelet.write_status(run, self.pod)
        if ending.finish(self):
            return
        if self.again or any(not slot.seen for slot in run.slots):
            self.kubelet.again(run.ref)
            return
        due = self._due()
        if due is not None:
            self.kubelet.at(run.ref, due)
        self.kubelet.watch_network(run.ref, wanted=self._watches_network())

    def _act(self) -> None:
        run = self.run
        run.blocked = False
        self._follow_spec()
        for slot in run.slots:
            self.kubelet.advance(run, slot, self.now)
        if self.pod["metadata"].get("deletionTimestamp"):
            ending.terminate(self)
            return
        if run.outcome is not None:
            ending.stop_all(self)
            return
        if ending.past_deadline(self) or ending.evicted(self):
            return
        if not self._prepared():
            return
        if not run.stopping:
            self._start_containers()
        for slot in run.slots:
            if slot.up is not None:
                self._probe(slot)
        if ending.evicted(self):
            return
        if run.mains and not run.stopping and all(self._done(slot) for slot in run.mains):
            ending.stop_sidecars(self)

    def _follow_spec(self) -> None:
        """A container's image may be changed while the pod lives: what runs is started anew with it."""
        spec = self.pod["spec"]
        for part in ("initContainers", "containers"):
            for wanted in spec.get(part) or ():
                slot = self.run.slot(wanted["name"])
                if slot is None or slot.spec is wanted:
                    continue
                old, slot.spec = slot.spec, wanted
                if old.get("image") != wanted.get("image") and not self.run.stopping:
                    self._new_image(slot)

    def _new_image(self, slot: Slot) -> None:
        slot.pull, slot.pull_error, slot.pull_delay = None, "", 0.0
        slot.crash_delay, slot.retry_at = 0.0, None
        if slot.up is None:
            if slot.role == "main" or slot.run is None:
                slot.waiting = None
            return
        text = f"Container {slot.name} definition changed, will be restarted"
        self.kubelet.event(self.pod, slot, "Normal", "Killing", text)
        ending.stop(self, slot, float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    # -- what comes before containers --------------------------------------------------------------------------------

    def _prepared(self) -> bool:
        """Whether volumes are mounted and the pod has its address."""
        run, kubelet = self.run, self.kubelet
        if run.volumes is None:
            found, failures = mount(kubelet.store, self.pod)
            if failures:
                errors = tuple(failure.message for failure in failures)
                if errors != run.mount_errors:
                    for failure in failures:
                        kubelet.event(self.pod, None, "Warning", failure.reason, failure.message)
                run.mount_errors = errors
                run.blocked = True
                return False
            run.volumes = found
        elif any(volume.sources for volume in run.volumes.values()) and refresh(kubelet.store, self.pod, run.volumes):
            for slot in run.slots:
                if slot.up is not None and slot.up.process is not None:
                    slot.up.process.poke()
        if not run.ip:
            run.host_network = bool(self.pod["spec"].get("hostNetwork"))
            run.ip = kubelet.host_ip if run.host_network else kubelet.addresses.give(run.ref)
        return True

    # -- starting ------------------------------------------------------------------------------------------------

    def _start_containers(self) -> None:
        for slot in self.run.inits:
            self._keep(slot)
            if not self._init_passed(slot):
                return
        for slot in self.run.mains:
            self._keep(slot)

    def _init_passed(self, slot: Slot) -> bool:
        """Whether the next container may start."""
        if slot.role == "sidecar":
            if slot.up is not None:
                self._probe(slot)
            return slot.up is not None and slot.up.passed_startup
        return slot.run is not None and slot.run.finished is not None and slot.run.code == 0

    def _done(self, slot: Slot) -> bool:
        return slot.run is not None and not slot.run.running and not status.restarts(slot, self.policy)

    def _keep(self, slot: Slot) -> None:
        """Start the container when it should run and does not."""
        run = slot.run
        if run is None:
            starting.start(self.kubelet, self.run, self.pod, slot, self.now)
            self._look_again(slot)
            return
        if run.running:
            return
        if not slot.seen:
            slot.seen = self.again = True
            return
        if not status.restarts(slot, self.policy):
            return
        if slot.pull is not None or (slot.waiting is not None and slot.waiting[0] not in BACKING_OFF):
            starting.start(self.kubelet, self.run, self.pod, slot, self.now)
            self._look_again(slot)
            return
        self._restart(slot, run)

    def _restart(self, slot: Slot, run: Run) -> None:
        """Back off: not at first, then 10 s, twice as long each time up to 5 min; forgotten after 10 min of peace."""
        finished = run.finished or self.now
        if finished - run.started >= CRASH_RESET:
            slot.crash_delay = 0.0
        words = starting.pod_words(self.pod)
        until = finished + slot.crash_delay
        if slot.crash_delay and self.now < until:
            delay = duration(slot.crash_delay)
            text = f"back-off {delay} restarting failed container={slot.name} pod={words}"
            if slot.waiting is None or slot.waiting[0] != "CrashLoopBackOff":
                message = f"Back-off restarting failed container {slot.name} in pod {words}"
                self.kubelet.event(self.pod, slot, "Warning", "BackOff", message)
                slot.backed_off = slot.crash_delay
            slot.waiting = ("CrashLoopBackOff", text)
            slot.retry_at = until
            return
        if slot.backed_off:
            times = int(slot.backed_off // 13)
            message = f"Back-off restarting failed container {slot.name} in pod {words}"
            if times:
                self.kubelet.event(self.pod, slot, "Warning", "BackOff", message, times)
            slot.backed_off = 0.0
        slot.crash_delay = min(slot.crash_delay * 2 or CRASH_BACKOFF, CRASH_BACKOFF_MAX)
        slot.waiting = None
        starting.start(self.kubelet, self.run, self.pod, slot, self.now)
        self._look_again(slot)

    def _look_again(self, slot: Slot) -> None:
        """A run that ended at once is shown before anything else is done."""
        if slot.run is not None and not slot.run.running and not slot.seen:
            slot.seen = self.again = True

    # -- probes ------------------------------------------------------------------------------------------------------

    def _probe(self, slot: Slot) -> None:
        run = slot.up
        if run is None or run.stop_at is not None or run.term_at is not None:
            return
        for probe in run.probes:
            if probe.kind != "startup" and not run.passed_startup:
                continue
            if probe.kind == "startup" and run.passed_startup:
                continue
            self._unpark(slot, run, probe)
            while not probe.parked and probe.next <= self.now and run.stop_at is None and run.term_at is None:
                self._tick(slot, run, probe)
            if not run.running:
                return

    def _outcome(self, slot: Slot, run: Run, probe: Probing) -> probes.Outcome:
        return probes.outcome(probe.spec, run, slot.spec, self.run.ip, self.kubelet)

    def _unpark(self, slot: Slot, run: Run, probe: Probing) -> None:
        """A settled probe asks again when it would find something else now."""
        if not probe.parked or self._outcome(slot, run, probe).ok == probe.result:
            return
        probe.parked, probe.successes, probe.failures = False, 0, 0
        behind = max(self.now - probe.next, 0.0)
        probe.next += -(-behind // probe.period) * probe.period

    def _tick(self, slot: Slot, run: Run, probe: Probing) -> None:
        found = self._outcome(slot, run, probe)
        probe.next += probe.period
        if found.ok:
            probe.successes, probe.failures = probe.successes + 1, 0
            enough = probe.successes >= int(probe.spec.get("successThreshold") or 1)
        else:
            probe.failures, probe.successes = probe.failures + 1, 0
            enough = probe.failures >= int(probe.spec.get("failureThreshold") or 3)
            verb = "errored and resulted in unknown state" if found.errored else "failed"
            text = f"{probe.kind.capitalize()} probe {verb}: {found.text}"
            self.kubelet.event(self.pod, slot, "Warning", "Unhealthy", text)
        if not enough:
            return
        probe.result = found.ok
        # A liveness probe that succeeds, and a readiness probe, stay as they are until something changes.
        probe.parked = found.ok or probe.kind == "readiness"
        if probe.kind == "readiness":
            run.ready = found.ok
        elif probe.kind == "startup" and found.ok:
            run.passed_startup = True
            self._after_startup(run)
        elif not found.ok:
            self._unhealthy(slot, run, probe)

    def _after_startup(self, run: Run) -> None:
        """The other probes begin when the startup probe has succeeded."""
        for probe in run.probes:
            if probe.kind != "startup":
                probe.next = max(probe.next, self.now - SLACK)

    def _unhealthy(self, slot: Slot, run: Run, probe: Probing) -> None:
        text = f"Container {slot.name} failed {probe.kind} probe, will be restarted"
        self.kubelet.event(self.pod, slot, "Normal", "Killing", text)
        grace = probe.spec.get("terminationGracePeriodSeconds")
        if grace is None:
            grace = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        ending.stop(self, slot, float(grace))

    # -- when to look again ------------------------------------------------------------------------------------------

    def _due(self) -> float | None:
        times: list[float] = []
        for slot in self.run.slots:
            if slot.retry_at is not None and (slot.up is None):
                times.append(slot.retry_at)
            run = slot.up
            if run is None:
                continue
            times += [at for at in (run.stop_at, run.term_at) if at is not None]
            if run.process is not None and run.process.due is not None:
                times.append(run.process.due)
            if run.stop_at is None and run.term_at is None:
                times += [p.next for p in run.probes if not p.parked and self._asks(run, p)]
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        if limit is not None and self.run.outcome is None:
            times.append(self.run.started + float(limit))
        return min(times) if times else None

    def _asks(self, run: Run, probe: Probing) -> bool:
        return (probe.kind == "startup") != run.passed_startup

    def _watches_network(self) -> bool:
        for slot in self.run.slots:
            run = slot.up
            if run is None:
                continue
            if run.process is not None and run.process.care == "network":
                return True
            if run.behaviour is not None and run.behaviour.depends_on:
                return True
            if any(probes.changes_itself(probe.spec) for probe in run.probes):
                return True
        return False


def duration(seconds: float) -> str:
    """``10s``, ``1m20s``, ``5m0s``, as Go prints it."""
    whole = int(seconds)
    return f"{whole // 60}m{whole % 60}s" if whole >= 60 else f"{whole}s"
