"""Validation: what is wrong with an object, and with its change, in the words of Kubernetes 1.33."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp_tools.targets.sandbox import (
    immutable,
    schema,
    validation_config,
    validation_network,
    validation_pods,
    validation_quota,
    validation_rbac,
    validation_scaling,
    validation_storage,
    validation_workloads,
)
from mcp_tools.targets.sandbox import validation_meta as meta
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.errors import FieldError
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.validation_fields import Errors, Obj

_RBAC = "rbac.authorization.k8s.io"
_CHECKS: dict[str, Callable[[Errors, Obj, Obj | None], None]] = {
    "pods": validation_pods.pod,
    "deployments.apps": validation_workloads.deployment,
    "replicasets.apps": validation_workloads.replica_set,
    "replicationcontrollers": validation_workloads.replication_controller,
    "statefulsets.apps": validation_workloads.stateful_set,
    "daemonsets.apps": validation_workloads.daemon_set,
    "jobs.batch": validation_workloads.job,
    "cronjobs.batch": validation_workloads.cron_job,
    "services": validation_network.service,
    "ingresses.networking.k8s.io": validation_network.ingress,
    "ingressclasses.networking.k8s.io": validation_network.ingress_class,
    "networkpolicies.networking.k8s.io": validation_network.network_policy,
    "persistentvolumeclaims": validation_storage.claim,
    "persistentvolumes": validation_storage.volume,
    "storageclasses.storage.k8s.io": validation_storage.storage_class,
    "configmaps": validation_config.config_map,
    "secrets": validation_config.secret,
    f"roles.{_RBAC}": validation_rbac.role,
    f"clusterroles.{_RBAC}": validation_rbac.cluster_role,
    f"rolebindings.{_RBAC}": validation_rbac.role_binding,
    f"clusterrolebindings.{_RBAC}": validation_rbac.cluster_role_binding,
    "horizontalpodautoscalers.autoscaling": validation_scaling.autoscaler,
    "poddisruptionbudgets.policy": validation_scaling.disruption_budget,
    "resourcequotas": validation_quota.resource_quota,
    "limitranges": validation_quota.limit_range,
    "priorityclasses.scheduling.k8s.io": validation_config.priority_class,
    "customresourcedefinitions.apiextensions.k8s.io": validation_config.definition,
}
_NAMES: dict[str, meta.NameCheck] = {
    "services": names.dns1035,
    "namespaces": names.label,
    f"roles.{_RBAC}": names.path_segment,
    f"clusterroles.{_RBAC}": names.path_segment,
    f"rolebindings.{_RBAC}": names.path_segment,
    f"clusterrolebindings.{_RBAC}": names.path_segment,
    "apiservices.apiregistration.k8s.io": names.path_segment,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": names.subdomain,
}


_EXTENDING = ("apiextensions.k8s.io", "apiregistration.k8s.io")
_TWICE = frozenset({"daemonsets.apps", "replicasets.apps", "replicationcontrollers"})
"""The kinds that an update judges as new ones too: each mistake is there twice, the message says it once."""


def validate(kind: Kind, obj: Obj, old: Obj | None, namespace: Any = None) -> list[FieldError]:
    """What is wrong with a new object, or with the change of one; in the order in which the server says it."""
    errors: Errors = []
    metadata = obj.get("metadata") or {}
    custom = schema.of(kind) is None or kind.group in _EXTENDING
    if old is None:
        meta.created(errors, metadata, kind.namespaced, _NAMES.get(kind.key, names.subdomain), custom=custom)
    else:
        meta.updated(errors, metadata, old.get("metadata") or {}, custom=custom)
        if kind.key in immutable.BEFORE:
            immutable.check(errors, kind.key, obj, old)
    check = _CHECKS.get(kind.key)
    if check is not None:
        check(errors, obj, old)
        if old is not None and kind.key in _TWICE:
            check(errors, obj, old)
    if old is not None and kind.key not in immutable.BEFORE:
        immutable.check(errors, kind.key, obj, old)
    if old is None and kind.key == "jobs.batch" and errors:
        # The labels of its template become its own when it is read again, after it was judged.
        labels = obj.get("spec", {}).get("template", {}).get("metadata", {}).get("labels")
        if metadata.get("labels") == labels:
            errors = [error for error in errors if error.field != "metadata.labels"]
    return errors
