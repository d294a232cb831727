"""The service accounts of kube-system, and which of them are the cluster's own controllers."""

from __future__ import annotations

ACCOUNTS = (
    "attachdetach-controller",
    "bootstrap-signer",
    "certificate-controller",
    "clusterrole-aggregation-controller",
    "coredns",
    "cronjob-controller",
    "daemon-set-controller",
    "deployment-controller",
    "disruption-controller",
    "endpoint-controller",
    "endpointslice-controller",
    "endpointslicemirroring-controller",
    "ephemeral-volume-controller",
    "expand-controller",
    "generic-garbage-collector",
    "horizontal-pod-autoscaler",
    "job-controller",
    "kube-proxy",
    "legacy-service-account-token-cleaner",
    "namespace-controller",
    "node-controller",
    "persistent-volume-binder",
    "pod-garbage-collector",
    "pv-protection-controller",
    "pvc-protection-controller",
    "replicaset-controller",
    "replication-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher",
    "service-account-controller",
    "service-cidrs-controller",
    "statefulset-controller",
    "storage-provisioner",
    "token-cleaner",
    "ttl-after-finished-controller",
    "ttl-controller",
    "validatingadmissionpolicy-status-controller",
)
"""The service accounts of kube-system beyond ``default``."""

_OTHERS = frozenset({"coredns", "storage-provisioner"})
CONTROLLERS = frozenset(f"system:serviceaccount:kube-system:{name}" for name in ACCOUNTS if name not in _OTHERS) | {
    "system:kube-scheduler",
    "system:kube-controller-manager",
    "system:node:minikube",
}
"""Users that may do everything here: their roles are not kept one by one."""
