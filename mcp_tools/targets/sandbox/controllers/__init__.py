"""The controllers: each brings the objects of its kinds closer to what their specs say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster
    from mcp_tools.targets.sandbox.controllers.base import Controller


def default(cluster: Cluster) -> list[Controller]:
    """The controllers of the controller manager, but for garbage and namespaces."""
    from mcp_tools.targets.sandbox.controllers import (
        autoscaler,
        budgets,
        cronjob,
        daemonset,
        deployment,
        endpoints,
        housekeeping,
        job,
        protection,
        replicaset,
        serviceaccounts,
        statefulset,
        volumes,
    )

    return [
        serviceaccounts.DefaultAccounts(cluster),
        serviceaccounts.RootCertificates(cluster),
        serviceaccounts.Tokens(cluster),
        deployment.Deployments(cluster),
        replicaset.ReplicaSets(cluster),
        replicaset.ReplicationControllers(cluster),
        statefulset.StatefulSets(cluster),
        daemonset.DaemonSets(cluster),
        cronjob.CronJobs(cluster),
        job.Jobs(cluster),
        job.TimeToLive(cluster),
        endpoints.Endpoints(cluster),
        endpoints.EndpointSlices(cluster),
        endpoints.Mirrors(cluster),
        volumes.Volumes(cluster),
        protection.ClaimProtection(cluster),
        protection.VolumeProtection(cluster),
        housekeeping.EphemeralVolumes(cluster),
        housekeeping.Quotas(cluster),
        housekeeping.PodGarbage(cluster),
        budgets.Budgets(cluster),
        autoscaler.Autoscalers(cluster),
    ]
