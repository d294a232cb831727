"""Autoscalers and disruption budgets.

Source: ``pkg/apis/autoscaling/validation`` and ``pkg/apis/policy/validation`` of Kubernetes 1.33.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import validation_meta as meta
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    Raw,
    each,
    forbidden,
    invalid,
    nonnegative,
    pointer,
    required,
    unsupported,
)
from mcp_tools.targets.sandbox.validation_workloads import at_most_all, int_or_percent


def autoscaler(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A HorizontalPodAutoscaler."""
    spec = obj.get("spec", {})
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        errors.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    if least is not None and most < least:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    target = spec.get("scaleTargetRef") or {}
    for field in ("kind", "name"):
        value = target.get(field, "")
        if not value:
            errors.append(required(f"spec.scaleTargetRef.{field}"))
        else:
            each(errors, f"spec.scaleTargetRef.{field}", value, names.path_segment(value))
    metrics = spec.get("metrics") or ()
    for index, metric in enumerate(metrics):
        _metric(errors, metric, f"spec.metrics[{index}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        said = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden("spec.metrics", said))
    for side in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(side)
        if rules is not None:
            _scaling(errors, rules, f"spec.behavior.{side}")


_METRICS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def _metric(errors: Errors, metric: Obj, path: str) -> None:
    kind = metric.get("type", "")
    if not kind:
        errors.append(required(f"{path}.type", "must specify a metric source type"))
        return
    if kind not in _METRICS:
        # The server says it twice.
        errors += [unsupported(f"{path}.type", kind, sorted(_METRICS))] * 2
        return
    field = _METRICS[kind]
    if field not in metric:
        errors.append(required(f"{path}.{field}", "must populate information for the given metric source"))
        return
    source = metric[field]
    if kind in ("Resource", "ContainerResource") and not source.get("name"):
        errors.append(required(f"{path}.{field}.name", "must specify a resource name"))
    target, where = source.get("target") or {}, f"{path}.{field}.target"
    if not target.get("type"):
        errors.append(required(f"{where}.type", "must specify a metric target type"))
    used = target.get("averageUtilization")
    if used is not None and used < 1:
        errors.append(invalid(f"{where}.averageUtilization", used, "must be greater than 0"))
    if kind == "Resource" and used is None and "averageValue" not in target:
        said = "must set either a target raw value or a target utilization"
        errors.append(required(f"{where}.averageUtilization", said))


def _scaling(errors: Errors, rules: Obj, path: str) -> None:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None:
        nonnegative(errors, window, f"{path}.stabilizationWindowSeconds")
        if window > 3600:
            said = "must be less than or equal to 3600"
            errors.append(invalid(f"{path}.stabilizationWindowSeconds", window, said))
    if not rules.get("policies"):
        errors.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(rules.get("policies") or ()):
        where = f"{path}.policies[{index}]"
        if policy.get("type") not in ("Pods", "Percent"):
            errors.append(unsupported(f"{where}.type", policy.get("type", ""), ["Percent", "Pods"]))
        if policy.get("value", 0) <= 0:
            errors.append(invalid(f"{where}.value", policy.get("value", 0), "must be greater than zero"))
        seconds = policy.get("periodSeconds", 0)
        if seconds <= 0:
            errors.append(invalid(f"{where}.periodSeconds", seconds, "must be greater than zero"))
        elif seconds > 1800:
            errors.append(invalid(f"{where}.periodSeconds", seconds, "must be less than or equal to 1800"))


def _budget(spec: Obj) -> Raw:
    """The spec of a budget as Go prints it."""
    fields = (
        ("minAvailable", "MinAvailable", "intstr.IntOrString"),
        ("selector", "Selector", "v1.LabelSelector"),
        ("maxUnavailable", "MaxUnavailable", "intstr.IntOrString"),
        ("unhealthyPodEvictionPolicy", "UnhealthyPodEvictionPolicy", "policy.UnhealthyPodEvictionPolicyType"),
    )
    printed = ", ".join(f"{title}:{pointer(kind, spec.get(name))}" for name, title, kind in fields)
    return Raw(f"policy.PodDisruptionBudgetSpec{{{printed}}}")


def disruption_budget(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A PodDisruptionBudget."""
    spec = obj.get("spec", {})
    if "minAvailable" in spec and "maxUnavailable" in spec:
        said = "minAvailable and maxUnavailable cannot be both set"
        errors.append(invalid("spec", _budget(spec), said))
    for field in ("minAvailable", "maxUnavailable"):
        if field in spec:
            int_or_percent(errors, spec[field], f"spec.{field}")
            at_most_all(errors, spec[field], f"spec.{field}")
    meta.selector(errors, spec.get("selector"), "spec.selector")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in ("AlwaysAllow", "IfHealthyBudget"):
        errors.append(unsupported("spec.unhealthyPodEvictionPolicy", policy, ["AlwaysAllow", "IfHealthyBudget"]))
