"""Deployments, ReplicaSets, StatefulSets, DaemonSets, replication controllers, Jobs and CronJobs.

Source: ``pkg/apis/apps/validation`` and ``pkg/apis/batch/validation`` of Kubernetes 1.33.
"""

from __future__ import annotations

import zoneinfo
from typing import Any

from mcp_tools.targets.sandbox import validation_cron, validation_pods
from mcp_tools.targets.sandbox import validation_meta as meta
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    Raw,
    forbidden,
    int_or_string,
    invalid,
    label_selector,
    nonnegative,
    quoted,
    required,
    strings,
    unsupported,
)

_ALWAYS = ("Always",)
_UID_LABEL = "batch.kubernetes.io/controller-uid"


def int_or_percent(errors: Errors, value: Any, path: str) -> None:
    """A count that is not negative, or a percentage."""
    if isinstance(value, str):
        for message in names.percent(value):
            errors.append(invalid(path, int_or_string(value), message))
    elif isinstance(value, int):
        nonnegative(errors, value, path)


def at_most_all(errors: Errors, value: Any, path: str) -> None:
    """A percentage of at most 100%."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit() and int(value[:-1]) > 100:
        errors.append(invalid(path, int_or_string(value), "must not be greater than 100%"))


def _is_zero(value: Any) -> bool:
    return value in (0, "0%", None)


def _limits(errors: Errors, spec: Obj, path: str) -> None:
    nonnegative(errors, spec.get("minReadySeconds"), f"{path}.minReadySeconds")
    nonnegative(errors, spec.get("revisionHistoryLimit"), f"{path}.revisionHistoryLimit")


def _served(errors: Errors, spec: Obj, path: str, owner: str) -> None:
    """The template of what runs for ever."""
    template = spec.get("template", {})
    validation_pods.template(errors, template, f"{path}.template")
    inner = template.get("spec", {})
    validation_pods.restarts(errors, inner, f"{path}.template.spec", _ALWAYS)
    if "activeDeadlineSeconds" in inner:
        said = f"activeDeadlineSeconds in {owner} is not Supported"
        errors.append(forbidden(f"{path}.template.spec.activeDeadlineSeconds", said))


def deployment(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A Deployment."""
    spec = obj.get("spec", {})
    nonnegative(errors, spec.get("replicas"), "spec.replicas")
    validation_pods.selecting(errors, spec, "spec", "deployment")
    _served(errors, spec, "spec", "ReplicaSet")
    strategy = spec.get("strategy", {})
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            said = "may not be specified when strategy `type` is 'Recreate'"
            errors.append(forbidden("spec.strategy.rollingUpdate", said))
    elif kind == "RollingUpdate":
        _rolling(errors, rolling, "spec.strategy.rollingUpdate")
    else:
        none = "(*apps.RollingUpdateDeployment)(nil)"
        shown = Raw(f"apps.DeploymentStrategy{{Type:{quoted(kind)}, RollingUpdate:{none}}}")
        errors.append(unsupported("spec.strategy", shown, ["Recreate", "RollingUpdate"]))
    _limits(errors, spec, "spec")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        nonnegative(errors, deadline, "spec.progressDeadlineSeconds")
        if deadline <= spec.get("minReadySeconds", 0):
            errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))


def _rolling(errors: Errors, rolling: Obj | None, path: str) -> None:
    if rolling is None:
        errors.append(required(path, "this should be defaulted and never be nil"))
        return
    surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
    int_or_percent(errors, unavailable, f"{path}.maxUnavailable")
    int_or_percent(errors, surge, f"{path}.maxSurge")
    if _is_zero(unavailable) and _is_zero(surge):
        said = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(f"{path}.maxUnavailable", int_or_string(unavailable), said))
    at_most_all(errors, unavailable, f"{path}.maxUnavailable")


def replica_set(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A ReplicaSet."""
    spec = obj.get("spec", {})
    nonnegative(errors, spec.get("replicas"), "spec.replicas")
    nonnegative(errors, spec.get("minReadySeconds"), "spec.minReadySeconds")
    validation_pods.selecting(errors, spec, "spec", "deployment")
    _served(errors, spec, "spec", "ReplicaSet")


def replication_controller(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A replication controller; its selector is a plain map."""
    spec = obj.get("spec", {})
    nonnegative(errors, spec.get("minReadySeconds"), "spec.minReadySeconds")
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        errors.append(required("spec.selector"))
    meta.labels(errors, selector, "spec.selector")
    nonnegative(errors, spec.get("replicas"), "spec.replicas")
    if template is None:
        errors.append(required("spec.template"))
        return
    labels = template.get("metadata", {}).get("labels") or {}
    if selector and any(labels.get(key) != value for key, value in selector.items()):
        said = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", strings(labels), said))
    _served(errors, spec, "spec", "ReplicationController")


def stateful_set(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A StatefulSet."""
    spec = obj.get("spec", {})
    policy = spec.get("podManagementPolicy", "")
    if policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    _stateful_strategy(errors, spec.get("updateStrategy", {}))
    retention = spec.get("persistentVolumeClaimRetentionPolicy", {})
    for field in ("whenDeleted", "whenScaled"):
        value = retention.get(field, "Retain")
        if value not in ("Delete", "Retain"):
            where = f"spec.persistentVolumeClaimRetentionPolicy.{field}"
            errors.append(unsupported(where, value, ["Delete", "Retain"]))
    nonnegative(errors, spec.get("replicas"), "spec.replicas")
    nonnegative(errors, spec.get("minReadySeconds"), "spec.minReadySeconds")
    nonnegative(errors, spec.get("ordinals", {}).get("start"), "spec.ordinals.start")
    validation_pods.selecting(errors, spec, "spec", "statefulset", "")
    named = [claim.get("metadata", {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()]
    claims: dict[str, Obj] = {name: {"persistentVolumeClaim": {}} for name in named}
    template = spec.get("template", {})
    validation_pods.template(errors, template, "spec.template", claims)
    inner = template.get("spec", {})
    validation_pods.restarts(errors, inner, "spec.template.spec", _ALWAYS)
    if "activeDeadlineSeconds" in inner:
        where = "spec.template.spec.activeDeadlineSeconds"
        errors.append(forbidden(where, "activeDeadlineSeconds in StatefulSet is not Supported"))


def _stateful_strategy(errors: Errors, strategy: Obj) -> None:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "RollingUpdate":
        if rolling is not None:
            nonnegative(errors, rolling.get("partition"), "spec.updateStrategy.rollingUpdate.partition")
    elif kind == "OnDelete":
        if rolling is not None:
            shown = Raw(f"&apps.RollingUpdateStatefulSetStrategy{{Partition:{rolling.get('partition', 0)}}}")
            said = "only allowed for updateStrategy 'RollingUpdate'"
            errors.append(invalid("spec.updateStrategy.rollingUpdate", shown, said))
    elif not kind:
        errors.append(required("spec.updateStrategy"))
    else:
        none = "(*apps.RollingUpdateStatefulSetStrategy)(nil)"
        shown = Raw(f'apps.StatefulSetUpdateStrategy{{Type:"{kind}", RollingUpdate:{none}}}')
        errors.append(invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'"))


def daemon_set(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A DaemonSet."""
    spec = obj.get("spec", {})
    selector, before = spec.get("selector"), len(errors)
    meta.selector(errors, selector, "spec.selector")
    if len(errors) == before and not (selector is not None and meta.is_empty(selector)):
        validation_pods.mismatch(errors, spec, "spec")
    if selector is not None and meta.is_empty(selector):
        said = "empty selector is invalid for daemonset"
        errors.append(invalid("spec.selector", label_selector(selector), said))
    _served(errors, spec, "spec", "DaemonSet")
    _limits(errors, spec, "spec")
    strategy = spec.get("updateStrategy", {})
    kind = strategy.get("type", "")
    if kind not in ("OnDelete", "RollingUpdate"):
        errors.append(unsupported("spec.updateStrategy.type", kind, ["RollingUpdate", "OnDelete"]))
    elif kind == "RollingUpdate":
        rolling, where = strategy.get("rollingUpdate"), "spec.updateStrategy.rollingUpdate"
        if rolling is None:
            errors.append(required(where))
            return
        surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
        for field, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
            int_or_percent(errors, value, f"{where}.{field}")
            at_most_all(errors, value, f"{where}.{field}")
        if not _is_zero(surge) and not _is_zero(unavailable):
            said = "may not be set when maxUnavailable is non-zero"
            errors.append(invalid(f"{where}.maxSurge", int_or_string(surge), said))
        elif _is_zero(surge) and _is_zero(unavailable):
            errors.append(required(f"{where}.maxUnavailable", "cannot be 0 when maxSurge is 0"))


# -- batch -------------------------------------------------------------------------------------------------------------


def job(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A Job."""
    spec = obj.get("spec", {})
    _job_spec(errors, spec, "spec")
    selector, uid = spec.get("selector"), obj.get("metadata", {}).get("uid")
    if selector is None:
        if spec.get("manualSelector"):
            errors.append(required("spec.selector"))
            validation_pods.mismatch(errors, spec, "spec")
        return
    meta.selector(errors, selector, "spec.selector")
    if old is None and uid and not spec.get("manualSelector") and selector.get("matchLabels") != {_UID_LABEL: uid}:
        errors.append(invalid("spec.selector", label_selector(selector), "`selector` not auto-generated"))
    validation_pods.mismatch(errors, spec, "spec")


def _job_spec(errors: Errors, spec: Obj, path: str) -> None:
    for field in (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ):
        nonnegative(errors, spec.get(field), f"{path}.{field}")
    mode = spec.get("completionMode")
    if mode is not None:
        if mode not in ("NonIndexed", "Indexed"):
            errors.append(unsupported(f"{path}.completionMode", mode, ["NonIndexed", "Indexed"]))
        elif mode == "Indexed" and "completions" not in spec:
            errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    replacement = spec.get("podReplacementPolicy")
    if replacement is not None and replacement not in ("Failed", "TerminatingOrFailed"):
        errors.append(unsupported(f"{path}.podReplacementPolicy", replacement, ["Failed", "TerminatingOrFailed"]))
    template = spec.get("template", {})
    validation_pods.template(errors, template, f"{path}.template")
    policy, where = template.get("spec", {}).get("restartPolicy", ""), f"{path}.template.spec.restartPolicy"
    if policy in ("", "Always"):
        errors.append(required(where, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(unsupported(where, policy, ["OnFailure", "Never"]))
    elif "podFailurePolicy" in spec and policy != "Never":
        errors.append(invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified'))


def cron_job(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A CronJob."""
    spec = obj.get("spec", {})
    schedule = spec.get("schedule")
    if not schedule:
        errors.append(required("spec.schedule"))
    else:
        _schedule(errors, schedule, old)
    zone = spec.get("timeZone")
    if zone is not None:
        _zone(errors, zone)
    nonnegative(errors, spec.get("startingDeadlineSeconds"), "spec.startingDeadlineSeconds")
    policy = spec.get("concurrencyPolicy", "")
    if policy not in ("Allow", "Forbid", "Replace"):
        errors.append(unsupported("spec.concurrencyPolicy", policy, ["Allow", "Forbid", "Replace"]))
    nonnegative(errors, spec.get("successfulJobsHistoryLimit"), "spec.successfulJobsHistoryLimit")
    nonnegative(errors, spec.get("failedJobsHistoryLimit"), "spec.failedJobsHistoryLimit")
    inner = spec.get("jobTemplate", {}).get("spec", {})
    _job_spec(errors, inner, "spec.jobTemplate.spec")
    if inner.get("selector") is not None:
        said = "`selector` will be auto-generated"
        errors.append(invalid("spec.jobTemplate.spec.selector", label_selector(inner["selector"]), said))
    if inner.get("manualSelector"):
        errors.append(unsupported("spec.jobTemplate.spec.manualSelector", True, ["nil", "false"]))
    name = obj.get("metadata", {}).get("name", "")
    if old is None and names.size(name) > 52:
        errors.append(invalid("metadata.name", name, "must be no more than 52 characters"))


def _schedule(errors: Errors, schedule: str, old: Obj | None) -> None:
    why = validation_cron.mistake(schedule)
    if why:
        errors.append(invalid("spec.schedule", schedule, why))
    elif "TZ" in schedule and old is None:
        said = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid("spec.schedule", schedule, said))


def _zone(errors: Errors, zone: str) -> None:
    if not zone:
        errors.append(invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string"))
        return
    if zone.lower() == "local":
        said = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid("spec.timeZone", zone, said))
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        errors.append(invalid("spec.timeZone", zone, f"unknown time zone {zone}"))
