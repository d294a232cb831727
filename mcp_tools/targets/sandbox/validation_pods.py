"""Pods and their templates.

Source: ``ValidatePodSpec`` and ``ValidatePodUpdate`` of Kubernetes 1.33.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import validation_meta as meta
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_containers import Pod, containers
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    duplicate,
    each,
    forbidden,
    invalid,
    label_selector,
    nonnegative,
    required,
    strings,
    unsupported,
)
from mcp_tools.targets.sandbox.validation_resources import resources
from mcp_tools.targets.sandbox.validation_security import seccomp
from mcp_tools.targets.sandbox.validation_volumes import volumes

_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_RESTART = ("Always", "OnFailure", "Never")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def pod_spec(errors: Errors, spec: Obj, path: str, *, is_pod: bool, claims: dict[str, Obj] | None = None) -> None:
    """The spec of a pod or of a template; ``claims`` are volumes that a StatefulSet adds."""
    found = volumes(errors, spec.get("volumes", []), f"{path}.volumes") if "volumes" in spec else {}
    pod = Pod(spec, {**found, **(claims or {})})
    containers(errors, spec, pod, path)
    if spec.get("hostNetwork"):
        _host_network(errors, spec, path, is_pod)
    if spec.get("resources"):
        resources(errors, spec["resources"], f"{path}.resources", pod.claims)
    policy = spec.get("restartPolicy", "")
    if not policy:
        errors.append(required(f"{path}.restartPolicy"))
    elif policy not in _RESTART:
        errors.append(unsupported(f"{path}.restartPolicy", policy, _RESTART))
    policy = spec.get("dnsPolicy", "")
    if not policy:
        errors.append(required(f"{path}.dnsPolicy"))
    elif policy not in _DNS:
        errors.append(unsupported(f"{path}.dnsPolicy", policy, _DNS))
    if "nodeSelector" in spec:
        meta.labels(errors, spec["nodeSelector"], f"{path}.nodeSelector")
    if spec.get("securityContext"):
        _security(errors, spec["securityContext"], f"{path}.securityContext")
    if spec.get("affinity"):
        _affinity(errors, spec["affinity"], f"{path}.affinity")
    _dns(errors, spec, f"{path}.dnsConfig")
    _gates(errors, spec, path)
    for index, rule in enumerate(spec.get("topologySpreadConstraints", ())):
        _spread(errors, rule, f"{path}.topologySpreadConstraints[{index}]")
    _names(errors, spec, path)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        errors.append(invalid(f"{path}.activeDeadlineSeconds", deadline, names.between(1, 2**31 - 1)))
    if "tolerations" in spec:
        tolerations(errors, spec["tolerations"], f"{path}.tolerations")
    for index, alias in enumerate(spec.get("hostAliases", ())):
        where = f"{path}.hostAliases[{index}]"
        each(errors, f"{where}.ip", alias.get("ip", ""), names.ip(alias.get("ip", "")))
        for at, host in enumerate(alias.get("hostnames", ())):
            each(errors, f"{where}.hostnames[{at}]", host, names.subdomain(host))
    preemption = spec.get("preemptionPolicy")
    if preemption is not None and preemption not in ("PreemptLowerPriority", "Never"):
        errors.append(unsupported(f"{path}.preemptionPolicy", preemption, ["PreemptLowerPriority", "Never"]))


def _names(errors: Errors, spec: Obj, path: str) -> None:
    for field, check in (
        ("serviceAccountName", names.subdomain),
        ("nodeName", names.subdomain),
        ("hostname", names.label),
        ("subdomain", names.label),
        ("priorityClassName", names.subdomain),
        ("runtimeClassName", names.subdomain),
    ):
        if spec.get(field):
            each(errors, f"{path}.{field}", spec[field], check(spec[field]))


def _host_network(errors: Errors, spec: Obj, path: str, is_pod: bool) -> None:
    for index, container in enumerate(spec.get("containers") or ()):
        for at, port in enumerate(container.get("ports", ())):
            host = port.get("hostPort", 0)
            if (is_pod or host) and host != port.get("containerPort", 0):
                where = f"{path}.containers[{index}].ports[{at}].hostPort"
                errors.append(invalid(where, host, "must match `containerPort` when `hostNetwork` is true"))


def _security(errors: Errors, context: Obj, path: str) -> None:
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        value = context.get(field)
        if value is not None and not 0 <= value < 2**31:
            errors.append(invalid(f"{path}.{field}", value, names.between(0, 2**31 - 1)))
    for index, group in enumerate(context.get("supplementalGroups", ())):
        if not 0 <= group < 2**31:
            errors.append(invalid(f"{path}.supplementalGroups[{index}]", group, names.between(0, 2**31 - 1)))
    change = context.get("fsGroupChangePolicy")
    if change is not None and change not in ("Always", "OnRootMismatch"):
        errors.append(unsupported(f"{path}.fsGroupChangePolicy", change, ["Always", "OnRootMismatch"]))
    seccomp(errors, context.get("seccompProfile"), f"{path}.seccompProfile")


def _dns(errors: Errors, spec: Obj, path: str) -> None:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            errors.append(required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
            return
        if not config.get("nameservers"):
            said = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            errors.append(required(f"{path}.nameservers", said))
            return
    if not config:
        return
    servers = config.get("nameservers", [])
    if len(servers) > 3:
        errors.append(invalid(f"{path}.nameservers", servers, "must not have more than 3 nameservers"))
    for index, server in enumerate(servers):
        each(errors, f"{path}.nameservers[{index}]", server, names.ip(server))
    searches = config.get("searches", [])
    if len(searches) > 32:
        errors.append(invalid(f"{path}.searches", searches, "must not have more than 32 search paths"))
    for index, search in enumerate(searches):
        name = search.removesuffix(".")
        each(errors, f"{path}.searches[{index}]", name, names.subdomain(name))
    for index, option in enumerate(config.get("options", ())):
        if not option.get("name"):
            errors.append(required(f"{path}.options[{index}]", "must not be empty"))


def _gates(errors: Errors, spec: Obj, path: str) -> None:
    for index, gate in enumerate(spec.get("readinessGates", ())):
        name = gate.get("conditionType", "")
        each(errors, f"{path}.readinessGates[{index}].conditionType", name, names.qualified(name))
    seen = set()
    for index, gate in enumerate(spec.get("schedulingGates", ())):
        name = gate.get("name", "")
        each(errors, f"{path}.schedulingGates[{index}]", name, names.qualified(name))
        if name in seen:
            errors.append(duplicate(f"{path}.schedulingGates[{index}]", name))
        seen.add(name)


def _spread(errors: Errors, rule: Obj, path: str) -> None:
    if rule.get("maxSkew", 0) <= 0:
        errors.append(invalid(f"{path}.maxSkew", rule.get("maxSkew", 0), "must be greater than zero"))
    if not rule.get("topologyKey"):
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    else:
        each(errors, f"{path}.topologyKey", rule["topologyKey"], names.qualified(rule["topologyKey"]))
    action = rule.get("whenUnsatisfiable", "")
    if action not in ("DoNotSchedule", "ScheduleAnyway"):
        errors.append(unsupported(f"{path}.whenUnsatisfiable", action, ["DoNotSchedule", "ScheduleAnyway"]))
    least = rule.get("minDomains")
    if least is not None and least <= 0:
        errors.append(invalid(f"{path}.minDomains", least, "must be greater than zero"))
    meta.selector(errors, rule.get("labelSelector"), f"{path}.labelSelector")


def tolerations(errors: Errors, written: list[Obj], path: str) -> None:
    """Tolerations of taints."""
    for index, rule in enumerate(written):
        where = f"{path}[{index}]"
        key, operator, effect = rule.get("key", ""), rule.get("operator", ""), rule.get("effect", "")
        if key:
            each(errors, f"{where}.key", key, names.qualified(key))
        elif operator != "Exists":
            said = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(f"{where}.operator", operator, said))
        if "tolerationSeconds" in rule and effect != "NoExecute":
            said = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(f"{where}.effect", effect, said))
        value = rule.get("value", "")
        if operator in ("", "Equal"):
            wrong = names.label_value(value)
            if wrong:
                errors.append(invalid(f"{where}.operator", value, ";".join(wrong)))
        elif operator == "Exists":
            if value:
                errors.append(invalid(f"{where}.operator", value, "value must be empty when `operator` is 'Exists'"))
        else:
            errors.append(unsupported(f"{where}.operator", operator, ["Equal", "Exists"]))
        if effect and effect not in _EFFECTS:
            errors.append(unsupported(f"{where}.effect", effect, _EFFECTS))


# -- affinity ----------------------------------------------------------------------------------------------------------


def _affinity(errors: Errors, written: Obj, path: str) -> None:
    node = written.get("nodeAffinity", {})
    chosen = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    if chosen is not None:
        where = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
        node_selector(errors, chosen, where)
    for index, term in enumerate(node.get("preferredDuringSchedulingIgnoredDuringExecution", ())):
        where = f"{path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _weight(errors, term, where)
        _node_term(errors, term.get("preference", {}), f"{where}.preference")
    for kind in ("podAffinity", "podAntiAffinity"):
        group = written.get(kind, {})
        for index, term in enumerate(group.get("requiredDuringSchedulingIgnoredDuringExecution", ())):
            _pod_term(errors, term, f"{path}.{kind}.requiredDuringSchedulingIgnoredDuringExecution[{index}]")
        for index, term in enumerate(group.get("preferredDuringSchedulingIgnoredDuringExecution", ())):
            where = f"{path}.{kind}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
            _weight(errors, term, where)
            _pod_term(errors, term.get("podAffinityTerm", {}), f"{where}.podAffinityTerm")


def _weight(errors: Errors, term: Obj, path: str) -> None:
    weight = term.get("weight", 0)
    if not 1 <= weight <= 100:
        errors.append(invalid(f"{path}.weight", weight, "must be in the range 1-100"))


def node_selector(errors: Errors, written: Obj, path: str) -> None:
    """Terms that select nodes."""
    terms = written.get("nodeSelectorTerms") or []
    if not terms:
        errors.append(required(f"{path}.nodeSelectorTerms", "must have at least one node selector term"))
    for index, term in enumerate(terms):
        _node_term(errors, term, f"{path}.nodeSelectorTerms[{index}]")


def _node_term(errors: Errors, term: Obj, path: str) -> None:
    for field in ("matchExpressions", "matchFields"):
        for index, rule in enumerate(term.get(field, ())):
            _node_rule(errors, rule, f"{path}.{field}[{index}]")


def _node_rule(errors: Errors, rule: Obj, path: str) -> None:
    operator, values = rule.get("operator", ""), rule.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            said = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{path}.values", said))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            said = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(f"{path}.values", said))
    else:
        errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    each(errors, f"{path}.key", rule.get("key", ""), names.qualified(rule.get("key", "")))


def _pod_term(errors: Errors, term: Obj, path: str) -> None:
    meta.selector(errors, term.get("labelSelector"), f"{path}.labelSelector")
    meta.selector(errors, term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for name in term.get("namespaces", ()):
        each(errors, f"{path}.namespace", name, names.label(name))
    key = term.get("topologyKey", "")
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    each(errors, f"{path}.topologyKey", key, names.qualified(key))


# -- pods and templates ------------------------------------------------------------------------------------------------


def pod(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A pod; of one that is changed also what must not be."""
    spec = obj.get("spec", {})
    pod_spec(errors, spec, "spec", is_pod=True)
    for group in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(group) or ()):
            image = container.get("image", "")
            if image != image.strip():
                said = "must not have leading or trailing whitespace"
                errors.append(invalid(f"spec.{group}[{index}].image", image, said))
    if old is None:
        if spec.get("ephemeralContainers"):
            errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
        if spec.get("nodeName") and spec.get("schedulingGates"):
            errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))


def template(errors: Errors, written: Obj, path: str, claims: dict[str, Obj] | None = None) -> None:
    """The template of a pod."""
    facts = written.get("metadata", {})
    meta.labels(errors, facts.get("labels"), f"{path}.labels")
    meta.annotated(errors, facts.get("annotations"), f"{path}.annotations")
    spec = written.get("spec", {})
    pod_spec(errors, spec, f"{path}.spec", is_pod=False, claims=claims)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template"))


def restarts(errors: Errors, spec: Obj, path: str, allowed: tuple[str, ...]) -> None:
    """The restart policies that a workload takes."""
    policy: Any = spec.get("restartPolicy", "")
    if policy not in allowed:
        errors.append(unsupported(f"{path}.restartPolicy", policy, allowed))


def selecting(errors: Errors, spec: Obj, path: str, workload: str, unreadable: str = "invalid label selector") -> None:
    """A workload's selector, and that it selects its own template; none at all selects nothing."""
    selector = spec.get("selector")
    if selector is None:
        errors.append(required(f"{path}.selector"))
    else:
        before = len(errors)
        meta.selector(errors, selector, f"{path}.selector")
        if meta.is_empty(selector):
            said = f"empty selector is invalid for {workload}"
            errors.append(invalid(f"{path}.selector", label_selector(selector), said))
            return
        if len(errors) > before:
            errors.append(invalid(f"{path}.selector", label_selector(selector), unreadable))
            return
    mismatch(errors, spec, path)


def mismatch(errors: Errors, spec: Obj, path: str) -> None:
    """That a selector selects the template's labels."""
    selector, labels = spec.get("selector"), spec.get("template", {}).get("metadata", {}).get("labels")
    if selector is None or not meta.matches(selector, labels or {}):
        said = "`selector` does not match template `labels`"
        errors.append(invalid(f"{path}.template.metadata.labels", strings(labels), said))


def replicas(errors: Errors, spec: Obj, path: str) -> None:
    """Counts of a workload."""
    nonnegative(errors, spec.get("replicas"), f"{path}.replicas")
    nonnegative(errors, spec.get("minReadySeconds"), f"{path}.minReadySeconds")
