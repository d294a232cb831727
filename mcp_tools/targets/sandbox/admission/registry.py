"""What the registry decides for a new object beyond its defaults: services, Jobs, DaemonSets.

Source: ``pkg/registry/core/service/storage/alloc.go`` and ``pkg/registry/batch/job/strategy.go`` of Kubernetes.
"""

from __future__ import annotations

import ipaddress
import random

from mcp_tools.targets.sandbox import errors
from mcp_tools.targets.sandbox.admission.base import Action, Plugin
from mcp_tools.targets.sandbox.errors import ApiError, FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.meta import Request
from mcp_tools.targets.sandbox.store import Obj

NETWORK = ipaddress.IPv4Network("10.96.0.0/12")
STATIC = 256
"""How many addresses at the beginning are left to those who name one."""
FIRST_PORT, LAST_PORT = 30000, 32767
STATIC_PORTS = 86
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
UID_LABEL, NAME_LABEL = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
OLD_UID_LABEL, OLD_NAME_LABEL = "controller-uid", "job-name"


class Registry(Plugin):
    """Allocates for services, and completes Jobs."""

    def admit(
        self,
        action: Action,
        kind: Kind,
        obj: Obj | None,
        old: Obj | None,
        namespace: str,
        request: Request,
        subresource: str,
    ) -> None:
        """Complete the object."""
        if obj is None or subresource or action == "DELETE":
            return
        if kind.key == "services":
            self._service(kind, obj, old, request.dry_run)
        elif kind.key == "jobs.batch" and action == "CREATE":
            complete_job(obj)
        elif kind.key == "daemonsets.apps":
            count_template(obj, old)

    # -- services ------------------------------------------------------------------------------------------------

    def _service(self, kind: Kind, obj: Obj, old: Obj | None, dry_run: bool) -> None:
        spec = obj.setdefault("spec", {})
        if old is not None:
            drop_dependent(old["spec"], spec)
        if spec.get("type", "ClusterIP") == "ExternalName":
            return
        self._address(kind, obj, old)
        self._ports(kind, obj, dry_run)

    def _address(self, kind: Kind, obj: Obj, old: Obj | None) -> None:
        spec = obj["spec"]
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        before = (old or {}).get("spec", {}).get("clusterIP")
        if asked != "None" and asked != before:
            others = [each for each in self.store.select("services") if not _same(each, obj)]
            used = {each["spec"].get("clusterIP") for each in others}
            if not asked:
                asked = _free_address(used)
            else:
                _check_address(kind, obj, asked, used)
        spec["clusterIP"] = asked
        if not spec.get("clusterIPs") or spec["clusterIPs"][0] in (before, ""):
            spec["clusterIPs"] = [asked]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")

    def _ports(self, kind: Kind, obj: Obj, dry_run: bool) -> None:
        spec = obj["spec"]
        type_ = spec.get("type", "ClusterIP")
        wanted = type_ == "NodePort" or (type_ == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True))
        if type_ == "ClusterIP":
            return
        others = [each for each in self.store.select("services") if not _same(each, obj)]
        used = {
            (port.get("protocol", "TCP"), port["nodePort"])
            for each in others
            for port in each["spec"].get("ports") or ()
            if port.get("nodePort")
        }
        used |= {("TCP", n) for each in others if (n := each["spec"].get("healthCheckNodePort"))}
        for number, port in enumerate(spec.get("ports") or ()):
            protocol, asked = port.get("protocol", "TCP"), port.get("nodePort")
            if asked:
                _check_port(kind, obj, f"spec.ports[{number}].nodePort", asked, (protocol, asked) in used, dry_run)
            elif wanted:
                port["nodePort"] = _free_port(protocol, used)
            if port.get("nodePort"):
                used.add((protocol, port["nodePort"]))
        if type_ == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            spec.setdefault("healthCheckNodePort", _free_port("TCP", used))


EXTERNAL = ("NodePort", "LoadBalancer")


def drop_dependent(old: Obj, new: Obj) -> None:
    """Drop what only the old type needed and the update did not touch: ``dropTypeDependentFields``."""
    before, after = old.get("type", "ClusterIP"), new.get("type", "ClusterIP")
    if before != "ExternalName" and after == "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            if new.get(field) == old.get(field):
                new.pop(field, None)
    if before in EXTERNAL and after not in EXTERNAL:
        ports = [port.get("nodePort") for port in old.get("ports") or ()]
        if all(port.get("nodePort") in (None, 0, *ports) for port in new.get("ports") or ()):
            for port in new.get("ports") or ():
                port.pop("nodePort", None)
        if new.get("externalTrafficPolicy") == old.get("externalTrafficPolicy"):
            new.pop("externalTrafficPolicy", None)
    if before == "LoadBalancer" and after != "LoadBalancer":
        for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"):
            if new.get(field) == old.get(field):
                new.pop(field, None)


def _same(left: Obj, right: Obj) -> bool:
    one, other = left["metadata"], right["metadata"]
    return (one.get("namespace"), one["name"]) == (other.get("namespace"), other.get("name"))


def _free_address(used: set[str | None]) -> str:
    """An address that is free, from the part that nobody names."""
    first = int(NETWORK.network_address)
    while True:
        found = str(ipaddress.IPv4Address(first + random.randrange(STATIC + 1, NETWORK.num_addresses - 1)))  # noqa: S311
        if found not in used:
            return found


def _check_address(kind: Kind, obj: Obj, asked: str, used: set[str | None]) -> None:
    try:
        inside = ipaddress.IPv4Address(asked) in NETWORK
    except ValueError:
        # Validation says what is wrong with it.
        return
    if not inside:
        why = (
            f"failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. The range of valid "
            f"IPs is {NETWORK}"
        )
    elif asked in used:
        why = f"failed to allocate IP {asked}: provided IP is already allocated"
    else:
        return
    text = f'Invalid value: []string{{"{asked}"}}: {why}'
    raise _invalid(kind, obj, FieldError("spec.clusterIPs", "FieldValueInvalid", text))


def _free_port(protocol: str, used: set[tuple[str, int]]) -> int:
    """A port that is free; the same number is not given to another protocol either."""
    numbers = {number for _, number in used}
    free = [number for number in range(FIRST_PORT + STATIC_PORTS, LAST_PORT + 1) if number not in numbers]
    free = free or [number for number in range(FIRST_PORT, LAST_PORT + 1) if (protocol, number) not in used]
    return random.choice(free)  # noqa: S311


def _check_port(kind: Kind, obj: Obj, field: str, asked: int, used: bool, dry_run: bool) -> None:
    # The real one does not look at the range under dry run, as nothing is allocated.
    if not dry_run and not FIRST_PORT <= asked <= LAST_PORT:
        why = f"provided port is not in the valid range. The range of valid ports is {FIRST_PORT}-{LAST_PORT}"
    elif used:
        why = "provided port is already allocated"
    else:
        return
    raise _invalid(kind, obj, FieldError(field, "FieldValueInvalid", f"Invalid value: {asked}: {why}"))


def _invalid(kind: Kind, obj: Obj, mistake: FieldError) -> ApiError:
    return errors.invalid(kind, obj["metadata"].get("name", ""), [mistake])


def count_template(obj: Obj, old: Obj | None) -> None:
    """How often the template was changed, which version 1 of the API shows as an annotation."""
    before = ((old or {}).get("metadata", {}).get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    number = int(before) if before.isdigit() else 0
    if old is None or old["spec"].get("template") != obj["spec"].get("template"):
        number += 1
    obj["metadata"].setdefault("annotations", {})[TEMPLATE_GENERATION] = str(max(number, 1))


# -- Jobs ----------------------------------------------------------------------------------------------------------


def complete_job(job: Obj) -> None:
    """Labels for its pods, and a selector of them, unless it brings its own."""
    spec, meta = job.setdefault("spec", {}), job["metadata"]
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    if spec.get("manualSelector"):
        # Whoever brings a selector brings the labels as well.
        if not meta.get("labels") and template.get("labels"):
            meta["labels"] = dict(template["labels"])
        return
    own = {OLD_UID_LABEL: meta["uid"], OLD_NAME_LABEL: meta["name"], UID_LABEL: meta["uid"], NAME_LABEL: meta["name"]}
    spec.setdefault("selector", {}).setdefault("matchLabels", {})[UID_LABEL] = meta["uid"]
    template["labels"] = {**(template.get("labels") or {}), **own}
    if not meta.get("labels"):
        meta["labels"] = dict(template["labels"])
