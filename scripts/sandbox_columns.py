#!/usr/bin/env python3
"""Write what the columns of the sandbox's tables are about: the printers of Kubernetes say it, mostly by OpenAPI.

    .venv/bin/python scripts/sandbox_columns.py

A column is described by a field, ``apps.v1.DeploymentStatus.updatedReplicas``, or in words of its own. Columns that are
not here are not described.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path

DATA = Path(__file__).parents[1] / "mcp_tools" / "targets" / "sandbox" / "data"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
NODE = "core.v1.NodeSystemInfo"
COLUMNS: dict[str, dict[str, str]] = {
    "*": {
        "Name": f"{META}.name",
        "Age": f"{META}.creationTimestamp",
        "Created At": f"{META}.creationTimestamp",
        "Containers": "Names of each container in the template.",
        "Images": "Images referenced by each container in the template.",
    },
    "pods": {
        "Ready": "The aggregate readiness state of this pod for accepting traffic.",
        "Status": "The aggregate status of the containers in this pod.",
        "Restarts": "The number of times the containers in this pod have been restarted and when the last container in "
        "this pod has restarted.",
        "IP": "core.v1.PodStatus.podIP",
        "Node": "core.v1.PodSpec.nodeName",
        "Nominated Node": "core.v1.PodStatus.nominatedNodeName",
        "Readiness Gates": "core.v1.PodSpec.readinessGates",
    },
    "podtemplates": {"Pod Labels": "The labels for the pod template."},
    "deployments.apps": {
        "Ready": "Number of the pod with ready state",
        "Up-to-date": "apps.v1.DeploymentStatus.updatedReplicas",
        "Available": "apps.v1.DeploymentStatus.availableReplicas",
        "Selector": "apps.v1.DeploymentSpec.selector",
    },
    "replicasets.apps": {
        "Desired": "apps.v1.ReplicaSetSpec.replicas",
        "Current": "apps.v1.ReplicaSetStatus.replicas",
        "Ready": "apps.v1.ReplicaSetStatus.readyReplicas",
        "Selector": "apps.v1.ReplicaSetSpec.selector",
    },
    "replicationcontrollers": {
        "Desired": "core.v1.ReplicationControllerSpec.replicas",
        "Current": "core.v1.ReplicationControllerStatus.replicas",
        "Ready": "core.v1.ReplicationControllerStatus.readyReplicas",
        "Selector": "core.v1.ReplicationControllerSpec.selector",
    },
    "statefulsets.apps": {"Ready": "Number of the pod with ready state"},
    "daemonsets.apps": {
        "Desired": "apps.v1.DaemonSetStatus.desiredNumberScheduled",
        "Current": "apps.v1.DaemonSetStatus.currentNumberScheduled",
        "Ready": "apps.v1.DaemonSetStatus.numberReady",
        "Up-to-date": "apps.v1.DaemonSetStatus.updatedNumberScheduled",
        "Available": "apps.v1.DaemonSetStatus.numberAvailable",
        "Node Selector": "core.v1.PodSpec.nodeSelector",
        "Selector": "apps.v1.DaemonSetSpec.selector",
    },
    "jobs.batch": {
        "Status": "Status of the job.",
        "Completions": "batch.v1.JobStatus.succeeded",
        "Duration": "Time required to complete the job.",
        "Selector": "batch.v1.JobSpec.selector",
    },
    "cronjobs.batch": {
        "Schedule": "batch.v1.CronJobSpec.schedule",
        "Timezone": "batch.v1.CronJobSpec.timeZone",
        "Suspend": "batch.v1.CronJobSpec.suspend",
        "Active": "batch.v1.CronJobStatus.active",
        "Last Schedule": "batch.v1.CronJobStatus.lastScheduleTime",
        "Selector": "batch.v1.JobSpec.selector",
    },
    "poddisruptionbudgets.policy": {
        "Min Available": "The minimum number of pods that must be available.",
        "Max Unavailable": "The maximum number of pods that may be unavailable.",
        "Allowed Disruptions": "Calculated number of pods that may be disrupted at this time.",
    },
    "horizontalpodautoscalers.autoscaling": {
        "Reference": "autoscaling.v2.HorizontalPodAutoscalerSpec.scaleTargetRef",
        "Targets": "autoscaling.v2.HorizontalPodAutoscalerSpec.metrics",
        "MinPods": "autoscaling.v2.HorizontalPodAutoscalerSpec.minReplicas",
        "MaxPods": "autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas",
        "Replicas": "autoscaling.v2.HorizontalPodAutoscalerStatus.currentReplicas",
    },
    "controllerrevisions.apps": {
        "Controller": "Controller of the object",
        "Revision": "apps.v1.ControllerRevision.revision",
    },
    "scale": {"Desired": "autoscaling.v1.ScaleSpec.replicas", "Available": "autoscaling.v1.ScaleStatus.replicas"},
    "services": {
        "Type": "core.v1.ServiceSpec.type",
        "Cluster-IP": "core.v1.ServiceSpec.clusterIP",
        "External-IP": "core.v1.ServiceSpec.externalIPs",
        "Port(s)": "core.v1.ServiceSpec.ports",
        "Selector": "core.v1.ServiceSpec.selector",
    },
    "endpoints": {"Endpoints": "core.v1.Endpoints.subsets"},
    "endpointslices.discovery.k8s.io": {
        "AddressType": "discovery.v1.EndpointSlice.addressType",
        "Ports": "discovery.v1.EndpointSlice.ports",
        "Endpoints": "discovery.v1.EndpointSlice.endpoints",
    },
    "ingresses.networking.k8s.io": {
        "Class": "The name of the IngressClass resource that should be used for additional configuration",
        "Hosts": "Hosts that incoming requests are matched against before the ingress rule",
        "Address": "Address is a list containing ingress points for the load-balancer",
        "Ports": "Ports of TLS configurations that open",
    },
    "nodes": {
        "Status": "The status of the node",
        "Roles": "The roles of the node",
        "Version": f"{NODE}.kubeletVersion",
        "Internal-IP": "core.v1.NodeStatus.addresses",
        "External-IP": "core.v1.NodeStatus.addresses",
        "OS-Image": f"{NODE}.osImage",
        "Kernel-Version": f"{NODE}.kernelVersion",
        "Container-Runtime": f"{NODE}.containerRuntimeVersion",
    },
    "namespaces": {"Status": "The status of the namespace"},
    "events": {
        "Last Seen": "core.v1.Event.lastTimestamp",
        "Type": "core.v1.Event.type",
        "Reason": "core.v1.Event.reason",
        "Object": "core.v1.Event.involvedObject",
        "Subobject": "core.v1.ObjectReference.fieldPath",
        "Source": "core.v1.Event.source",
        "Message": "core.v1.Event.message",
        "First Seen": "core.v1.Event.firstTimestamp",
        "Count": "core.v1.Event.count",
    },
    "configmaps": {"Data": "core.v1.ConfigMap.data"},
    "secrets": {"Type": "core.v1.Secret.type", "Data": "core.v1.Secret.data"},
    "serviceaccounts": {"Secrets": "core.v1.ServiceAccount.secrets"},
    "resourcequotas": {
        "Request": "Request represents a minimum amount of cpu/memory that a container may consume.",
        "Limit": "Limits control the maximum amount of cpu/memory that a container may use independent of contention "
        "on the node.",
    },
    "priorityclasses.scheduling.k8s.io": {
        "Value": "scheduling.v1.PriorityClass.value",
        "Global-Default": "scheduling.v1.PriorityClass.globalDefault",
        "PreemptionPolicy": "scheduling.v1.PriorityClass.preemptionPolicy",
    },
    "leases.coordination.k8s.io": {"Holder": "coordination.v1.LeaseSpec.holderIdentity"},
    "persistentvolumes": {
        "Capacity": "core.v1.PersistentVolumeSpec.capacity",
        "Access Modes": "core.v1.PersistentVolumeSpec.accessModes",
        "Reclaim Policy": "core.v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy",
        "Status": "core.v1.PersistentVolumeStatus.phase",
        "Claim": "core.v1.PersistentVolumeSpec.claimRef",
        "StorageClass": "StorageClass of the pv",
        "Reason": "core.v1.PersistentVolumeStatus.reason",
        "VolumeMode": "core.v1.PersistentVolumeSpec.volumeMode",
    },
    "persistentvolumeclaims": {
        "Status": "core.v1.PersistentVolumeClaimStatus.phase",
        "Volume": "core.v1.PersistentVolumeClaimSpec.volumeName",
        "Capacity": "core.v1.PersistentVolumeClaimStatus.capacity",
        "Access Modes": "core.v1.PersistentVolumeClaimStatus.accessModes",
        "StorageClass": "StorageClass of the pvc",
        "VolumeMode": "core.v1.PersistentVolumeClaimSpec.volumeMode",
    },
    "storageclasses.storage.k8s.io": {
        "Provisioner": "storage.v1.StorageClass.provisioner",
        "ReclaimPolicy": "storage.v1.StorageClass.reclaimPolicy",
        "VolumeBindingMode": "storage.v1.StorageClass.volumeBindingMode",
        "AllowVolumeExpansion": "storage.v1.StorageClass.allowVolumeExpansion",
    },
}


def main() -> None:
    """Look the fields up, write."""
    with lzma.open(DATA / "openapi.json.xz", "rt", encoding="utf-8") as file:
        documents = json.load(file)
    schemas = {}
    for document in documents.values():
        schemas.update(document.get("components", {}).get("schemas", {}))

    def said(text: str) -> str:
        if " " in text:
            return text
        name, _, field = text.rpartition(".")
        schema = schemas[name if name.startswith("io.") else f"io.k8s.api.{name}"]
        return str(schema["properties"][field]["description"])

    found = {key: {name: said(text) for name, text in columns.items()} for key, columns in COLUMNS.items()}
    text = json.dumps(found, separators=(",", ":"))
    (DATA / "columns.json.xz").write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    main()
