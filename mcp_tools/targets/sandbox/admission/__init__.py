"""Admission: what changes or refuses an object on its way into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.api import Admission, Api


def default(api: Api) -> list[Admission]:
    """The plugins of Minikube's API server, in their order. What is new in a namespace, the API itself looks at."""
    from mcp_tools.targets.sandbox.admission import (
        limits,
        pods,
        podsecurity,
        policies,
        quota,
        registry,
        storage,
        webhooks,
    )

    return [
        registry.Registry(api),
        limits.LimitRanger(api),
        pods.ServiceAccount(api),
        podsecurity.PodSecurity(api),
        pods.Priority(api),
        pods.DefaultTolerationSeconds(api),
        storage.Storage(api),
        pods.RuntimeClass(api),
        storage.Defaults(api),
        policies.Policies(api),
        webhooks.Webhooks(api),
        quota.ResourceQuota(api),
    ]
