"""The columns of services and what leads to them, of nodes, events, configuration and access.

Source: the printers of the API server (``pkg/printers/internalversion``).
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox.store import Obj
from mcp_tools.targets.sandbox.tables_common import (
    AGE,
    NAME,
    NONE,
    SELECTOR,
    UNKNOWN,
    Cells,
    age,
    column,
    condition,
    duration,
    labels,
    named,
    selector,
    since,
    some,
)

# -- network ---------------------------------------------------------------------------------------------------------


def service(obj: Obj, now: float) -> list[Any]:
    """EXTERNAL-IP and PORT(S)."""
    spec = obj["spec"]
    ports = []
    for port in spec.get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    kind = spec.get("type", "ClusterIP")
    address = NONE if kind == "ExternalName" else (spec.get("clusterIP") or NONE)
    return [
        obj["metadata"]["name"],
        kind,
        address,
        _external(obj, kind),
        ",".join(ports) or NONE,
        age(obj, now),
        labels(spec.get("selector")),
    ]


def _external(obj: Obj, kind: str) -> str:
    spec = obj["spec"]
    given = list(spec.get("externalIPs") or ())
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    if kind == "LoadBalancer":
        entries = (((obj.get("status") or {}).get("loadBalancer")) or {}).get("ingress") or ()
        found = sorted({entry.get("ip") or entry.get("hostname") or "" for entry in entries})
        return ",".join([*found, *given]) or "<pending>"
    return ",".join(given) or NONE


def endpoints(obj: Obj, now: float) -> list[Any]:
    """The first addresses with their ports."""
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [entry["ip"] for entry in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        found += addresses if not ports else []
        found += [_joined(ip, port["port"]) for port in ports for ip in addresses]
    shown = some(found, none="") if obj.get("subsets") else NONE
    return [obj["metadata"]["name"], shown, age(obj, now)]


def _joined(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def endpoint_slice(obj: Obj, now: float) -> list[Any]:
    """Ports and addresses."""
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or ()]
    addresses = [address for entry in obj.get("endpoints") or () for address in entry.get("addresses") or ()]
    return [obj["metadata"]["name"], obj.get("addressType", ""), some(ports), some(addresses), age(obj, now)]


def ingress(obj: Obj, now: float) -> list[Any]:
    """HOSTS, and 443 where there is TLS."""
    spec = obj["spec"]
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    entries = (((obj.get("status") or {}).get("loadBalancer")) or {}).get("ingress") or ()
    address = ",".join(sorted({entry.get("ip") or entry.get("hostname") or "" for entry in entries}))
    return [
        obj["metadata"]["name"],
        spec.get("ingressClassName") or NONE,
        some(hosts, none="*"),
        address,
        "80, 443" if spec.get("tls") else "80",
        age(obj, now),
    ]


def ingress_class(obj: Obj, now: float) -> list[Any]:
    """Controller and parameters."""
    spec = obj.get("spec") or {}
    found = spec.get("parameters")
    shown = NONE
    if found:
        kind = f"{found['kind']}.{found['apiGroup']}" if found.get("apiGroup") else found.get("kind", "")
        shown = f"{kind}/{found.get('name', '')}"
    return [obj["metadata"]["name"], spec.get("controller", ""), shown, age(obj, now)]


def network_policy(obj: Obj, now: float) -> list[Any]:
    """Which pods it is about."""
    return [obj["metadata"]["name"], selector((obj.get("spec") or {}).get("podSelector")), age(obj, now)]


def ip_address(obj: Obj, now: float) -> list[Any]:
    """Whose address it is."""
    found = (obj.get("spec") or {}).get("parentRef") or {}
    kind = f"{found.get('resource', '')}.{found['group']}" if found.get("group") else found.get("resource", "")
    place = f"{found['namespace']}/{found.get('name', '')}" if found.get("namespace") else found.get("name", "")
    return [obj["metadata"]["name"], f"{kind}/{place}"]


def service_cidr(obj: Obj, now: float) -> list[Any]:
    """The ranges."""
    return [obj["metadata"]["name"], ",".join((obj.get("spec") or {}).get("cidrs") or ()), age(obj, now)]


# -- nodes, namespaces, events ---------------------------------------------------------------------------------------


def node(obj: Obj, now: float) -> list[Any]:
    """STATUS and ROLES."""
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    ready = condition(obj, "Ready")
    words = ["Unknown" if ready is None else ("Ready" if ready["status"] == "True" else "NotReady")]
    if spec.get("unschedulable"):
        words.append("SchedulingDisabled")
    found = obj["metadata"].get("labels") or {}
    roles = {
        key.removeprefix("node-role.kubernetes.io/") for key in found if key.startswith("node-role.kubernetes.io/")
    }
    if found.get("kubernetes.io/role"):
        roles.add(found["kubernetes.io/role"])
    info = status.get("nodeInfo") or {}
    addresses = {entry["type"]: entry["address"] for entry in reversed(status.get("addresses") or [])}
    return [
        obj["metadata"]["name"],
        ",".join(words),
        ",".join(sorted(role for role in roles if role)) or NONE,
        age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def namespace(obj: Obj, now: float) -> list[Any]:
    """Its phase."""
    return [obj["metadata"]["name"], (obj.get("status") or {}).get("phase", ""), age(obj, now)]


def event(obj: Obj, now: float) -> list[Any]:
    """LAST SEEN, and how often in the wide form."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    series = obj.get("series")
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    if series:
        last, count = series.get("lastObservedTime") or last, series.get("count") or count
    target = about.get("kind", "").lower()
    target = f"{target}/{about['name']}" if about.get("name") else target
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    origin = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    host = source.get("host") or obj.get("reportingInstance") or ""
    return [
        since(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        target,
        about.get("fieldPath", ""),
        f"{origin}, {host}" if host else origin,
        (obj.get("message") or obj.get("note") or "").strip(),
        since(first, now),
        count,
        obj["metadata"]["name"],
    ]


# -- configuration ---------------------------------------------------------------------------------------------------


def config_map(obj: Obj, now: float) -> list[Any]:
    """How many keys."""
    return [obj["metadata"]["name"], len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now)]


def secret(obj: Obj, now: float) -> list[Any]:
    """Its type, and how many keys."""
    return [obj["metadata"]["name"], obj.get("type", "Opaque"), len(obj.get("data") or ()), age(obj, now)]


def service_account(obj: Obj, now: float) -> list[Any]:
    """How many secrets."""
    return [obj["metadata"]["name"], len(obj.get("secrets") or ()), age(obj, now)]


def quota(obj: Obj, now: float) -> list[Any]:
    """Used of hard, the limits apart."""
    status = obj.get("status") or {}
    used = status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for name, hard in sorted((status.get("hard") or {}).items()):
        (limits if name.startswith("limits.") else requests).append(f"{name}: {used.get(name, '0')}/{hard}")
    return [obj["metadata"]["name"], ", ".join(requests), ", ".join(limits), age(obj, now)]


def priority_class(obj: Obj, now: float) -> list[Any]:
    """Value, and whether it is the default."""
    policy = obj.get("preemptionPolicy", "PreemptLowerPriority")
    return [obj["metadata"]["name"], obj.get("value", 0), bool(obj.get("globalDefault")), age(obj, now), policy]


def lease(obj: Obj, now: float) -> list[Any]:
    """Who holds it."""
    return [obj["metadata"]["name"], (obj.get("spec") or {}).get("holderIdentity") or "", age(obj, now)]


def binding(obj: Obj, now: float) -> list[Any]:
    """The role, and its subjects in the wide form."""
    role = obj.get("roleRef") or {}
    by: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for entry in obj.get("subjects") or ():
        name = entry["name"] if entry["kind"] != "ServiceAccount" else f"{entry.get('namespace', '')}/{entry['name']}"
        by.setdefault(entry["kind"], []).append(name)
    reference = f"{role.get('kind', '')}/{role.get('name', '')}"
    return [obj["metadata"]["name"], reference, age(obj, now), *(", ".join(by[kind]) for kind in list(by)[:3])]


def signing_request(obj: Obj, now: float) -> list[Any]:
    """Its state."""
    spec = obj.get("spec") or {}
    status = obj.get("status") or {}
    states = [entry.get("type") for entry in status.get("conditions") or ()]
    state = next((word for word in ("Denied", "Approved") if word in states), "Pending")
    state += ",Failed" if "Failed" in states else ""
    state += ",Issued" if status.get("certificate") else ""
    asked = spec.get("expirationSeconds")
    lasting = duration(asked) if asked else NONE
    names = [spec.get("signerName") or NONE, spec.get("username", "")]
    return [obj["metadata"]["name"], age(obj, now), *names, lasting, state]


_BINDING = (*named("Role"), *(column(name, priority=1) for name in ("Users", "Groups", "ServiceAccounts")))
_EVENT = (
    *(column(name) for name in ("Last Seen", "Type", "Reason", "Object")),
    column("Subobject", priority=1),
    column("Source", priority=1),
    column("Message"),
    column("First Seen", priority=1),
    column("Count", priority=1),
    column("Name", priority=1, form="name"),
)
_NODE_WIDE = ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")

PRINTERS: dict[str, tuple[tuple[dict[str, Any], ...], Cells]] = {
    "services": ((*named("Type", "Cluster-IP", "External-IP", "Port(s)"), SELECTOR), service),
    "endpoints": (named("Endpoints"), endpoints),
    "endpointslices.discovery.k8s.io": (named("AddressType", "Ports", "Endpoints"), endpoint_slice),
    "ingresses.networking.k8s.io": (named("Class", "Hosts", "Address", "Ports"), ingress),
    "ingressclasses.networking.k8s.io": (named("Controller", "Parameters"), ingress_class),
    "networkpolicies.networking.k8s.io": (named("Pod-Selector"), network_policy),
    "ipaddresses.networking.k8s.io": (named("ParentRef", aged=False), ip_address),
    "servicecidrs.networking.k8s.io": (named("CIDRs"), service_cidr),
    "nodes": (
        (*named("Status", "Roles"), column("Version"), *(column(name, priority=1) for name in _NODE_WIDE)),
        node,
    ),
    "namespaces": (named("Status"), namespace),
    "events": (_EVENT, event),
    "configmaps": (named("Data"), config_map),
    "secrets": (named("Type", "Data"), secret),
    "serviceaccounts": (named("Secrets"), service_account),
    "resourcequotas": (named("Request", "Limit"), quota),
    "priorityclasses.scheduling.k8s.io": (
        (NAME, column("Value", "integer"), column("Global-Default", "boolean"), AGE, column("PreemptionPolicy")),
        priority_class,
    ),
    "leases.coordination.k8s.io": (named("Holder"), lease),
    "rolebindings.rbac.authorization.k8s.io": (_BINDING, binding),
    "clusterrolebindings.rbac.authorization.k8s.io": (_BINDING, binding),
    "certificatesigningrequests.certificates.k8s.io": (
        (NAME, AGE, *(column(name) for name in ("SignerName", "Requestor", "RequestedDuration", "Condition"))),
        signing_request,
    ),
}
