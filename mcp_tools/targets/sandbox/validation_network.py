"""Services, ingresses, network policies.

Source: ``ValidateService`` of ``pkg/apis/core/validation`` and ``pkg/apis/networking/validation`` of Kubernetes 1.33.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import validation_meta as meta
from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_containers import PROTOCOLS
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    Raw,
    duplicate,
    each,
    forbidden,
    invalid,
    quoted,
    required,
    unsupported,
)
from mcp_tools.targets.sandbox.validation_probes import port_or_name

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def service(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A Service."""
    spec = obj.get("spec", {})
    kind = spec.get("type", "")
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    _typed(errors, spec, kind, headless)
    _service_ports(errors, spec, kind)
    meta.labels(errors, spec.get("selector"), "spec.selector")
    affinity = spec.get("sessionAffinity", "")
    if not affinity:
        errors.append(required("spec.sessionAffinity"))
    elif affinity not in ("ClientIP", "None"):
        errors.append(unsupported("spec.sessionAffinity", affinity, ["ClientIP", "None"]))
    elif affinity == "ClientIP":
        seconds = spec.get("sessionAffinityConfig", {}).get("clientIP", {}).get("timeoutSeconds", 10800)
        if not 0 < seconds <= 86400:
            where = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
            errors.append(invalid(where, seconds, "must be greater than 0 and less than 86400"))
    for index, address in enumerate(spec.get("externalIPs", ())):
        each(errors, f"spec.externalIPs[{index}]", address, names.ip(address))
    if not kind:
        errors.append(required("spec.type"))
    elif kind not in _TYPES:
        errors.append(unsupported("spec.type", kind, _TYPES))
    _numbers(errors, spec.get("ports") or [], kind)
    _balancer(errors, spec, kind)
    _traffic(errors, spec, kind)


def _typed(errors: Errors, spec: Obj, kind: str, headless: bool) -> None:
    if kind in ("LoadBalancer", "NodePort") and headless:
        said = f"may not be set to 'None' for {kind} services"
        errors.append(invalid("spec.clusterIPs[0]", "None", said))
    elif kind == "ExternalName":
        if spec.get("clusterIP"):
            errors.append(forbidden("spec.clusterIPs", "may not be set for ExternalName services"))
        name = spec.get("externalName", "").removesuffix(".")
        if not name:
            errors.append(required("spec.externalName"))
        else:
            each(errors, "spec.externalName", name, names.subdomain(name))
    if kind != "ExternalName":
        _families(errors, spec, headless)


_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")


def _families(errors: Errors, spec: Obj, headless: bool) -> None:
    """The families of a service's addresses, and that its addresses are of them."""
    families, policy = spec.get("ipFamilies") or [], spec.get("ipFamilyPolicy")
    for index, family in enumerate(families):
        if family not in ("IPv4", "IPv6"):
            errors.append(unsupported(f"spec.ipFamilies[{index}]", family, ["IPv4", "IPv6"]))
        elif family in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
    if policy is not None and policy not in _POLICIES:
        errors.append(unsupported("spec.ipFamilyPolicy", policy, _POLICIES))
    address = spec.get("clusterIP", "")
    if not address or headless:
        return
    wrong = names.ip(address)
    each(errors, "spec.clusterIPs[0]", address, wrong)
    found = "IPv6" if ":" in address else "IPv4"
    if not wrong and families and families[0] in ("IPv4", "IPv6") and families[0] != found:
        said = f"expected an {families[0]} value as indicated by `ipFamilies[0]`"
        errors.append(invalid("spec.clusterIPs[0]", address, said))


def _service_ports(errors: Errors, spec: Obj, kind: str) -> None:
    ports = spec.get("ports") or []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = port.get("name", "")
        if not name:
            if len(ports) > 1:
                errors.append(required(f"{where}.name"))
        else:
            each(errors, f"{where}.name", name, names.label(name))
            if name in seen:
                errors.append(duplicate(f"{where}.name", name))
            seen.add(name)
        each(errors, f"{where}.port", port.get("port", 0), names.port_number(port.get("port", 0)))
        protocol = port.get("protocol", "")
        if not protocol:
            errors.append(required(f"{where}.protocol"))
        elif protocol not in PROTOCOLS:
            errors.append(unsupported(f"{where}.protocol", protocol, PROTOCOLS))
        port_or_name(errors, port.get("targetPort"), f"{where}.targetPort")
        application = port.get("appProtocol")
        if application is not None:
            each(errors, f"{where}.appProtocol", application, names.qualified(application))


def _port_shown(protocol: str, number: int) -> Raw:
    return Raw(
        f'core.ServicePort{{Name:"", Protocol:{quoted(protocol)}, AppProtocol:(*string)(nil), Port:{number}, '
        'TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}, NodePort:0}'
    )


def _numbers(errors: Errors, ports: list[Obj], kind: str) -> None:
    """Ports of nodes, and ports that are there twice."""
    if kind == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                said = "may not be used when `type` is 'ClusterIP'"
                errors.append(forbidden(f"spec.ports[{index}].nodePort", said))
    nodes: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        number, where = port.get("nodePort", 0), f"spec.ports[{index}].nodePort"
        if not number:
            continue
        if (port.get("protocol", ""), number) in nodes:
            errors.append(duplicate(where, number))
        nodes.add((port.get("protocol", ""), number))
    used: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        key = port.get("protocol", ""), port.get("port", 0)
        if key in used:
            errors.append(duplicate(f"spec.ports[{index}]", _port_shown(*key)))
        used.add(key)


def _balancer(errors: Errors, spec: Obj, kind: str) -> None:
    only = "may only be used when `type` is 'LoadBalancer'"
    ranges = spec.get("loadBalancerSourceRanges", ())
    if ranges and kind != "LoadBalancer":
        errors.append(forbidden("spec.LoadBalancerSourceRanges", only))
    for index, address in enumerate(ranges):
        each(errors, f"spec.LoadBalancerSourceRanges[{index}]", address.strip(), names.cidr(address.strip()))
    if "allocateLoadBalancerNodePorts" in spec and kind != "LoadBalancer":
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", only))
    if "loadBalancerClass" in spec and kind != "LoadBalancer":
        errors.append(forbidden("spec.loadBalancerClass", only))


def _traffic(errors: Errors, spec: Obj, kind: str) -> None:
    outside = spec.get("externalTrafficPolicy")
    if outside:
        open_ = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs"))
        if not open_:
            said = "may only be set for externally-accessible services"
            errors.append(invalid("spec.externalTrafficPolicy", outside, said))
        elif outside not in ("Cluster", "Local"):
            errors.append(unsupported("spec.externalTrafficPolicy", outside, ["Cluster", "Local"]))
    inside = spec.get("internalTrafficPolicy")
    if inside is not None and inside not in ("Cluster", "Local"):
        errors.append(unsupported("spec.internalTrafficPolicy", inside, ["Cluster", "Local"]))
    spread = spec.get("trafficDistribution")
    if spread is not None and spread != "PreferClose":
        errors.append(unsupported("spec.trafficDistribution", spread, ["PreferClose"]))
    checked = spec.get("healthCheckNodePort", 0)
    if checked and not (kind == "LoadBalancer" and outside == "Local"):
        said = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid("spec.healthCheckNodePort", checked, said))


# -- ingress -----------------------------------------------------------------------------------------------------------

CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def ingress(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """An Ingress."""
    spec = obj.get("spec", {})
    if old is None and "ingressClassName" in spec:
        annotation = (obj["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
        if annotation is not None and annotation != spec["ingressClassName"]:
            said = "must match `ingressClassName` when both are specified"
            errors.append(invalid(f"annotations.{CLASS_ANNOTATION}", annotation, said))
    if not spec.get("rules") and "defaultBackend" not in spec:
        said = "either `defaultBackend` or `rules` must be specified"
        errors.append(invalid("spec", Raw("[]networking.IngressRule(nil)"), said))
    if "defaultBackend" in spec:
        _backend(errors, spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules", ())):
        _rule(errors, rule, f"spec.rules[{index}]")
    for index, entry in enumerate(spec.get("tls", ())):
        for at, host in enumerate(entry.get("hosts", ())):
            check = names.wildcard if "*" in host else names.subdomain
            each(errors, f"spec.tls[{index}].hosts[{at}]", host, check(host))
        name = entry.get("secretName")
        if name:
            each(errors, f"spec.tls[{index}].secretName", name, names.subdomain(name))
    if "ingressClassName" in spec:
        name = spec["ingressClassName"]
        each(errors, "spec.ingressClassName", name, names.subdomain(name))


def _rule(errors: Errors, rule: Obj, path: str) -> None:
    host = rule.get("host", "")
    if host:
        if not names.ip(host):
            errors.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
        check = names.wildcard if "*" in host else names.subdomain
        each(errors, f"{path}.host", host, check(host))
    if "http" not in rule:
        return
    paths = rule["http"].get("paths") or []
    if not paths:
        errors.append(required(f"{path}.http.paths"))
    for index, entry in enumerate(paths):
        where = f"{path}.http.paths[{index}]"
        _path(errors, entry, where)
        _backend(errors, entry.get("backend", {}), f"{where}.backend")


def _path(errors: Errors, entry: Obj, where: str) -> None:
    kind, path = entry.get("pathType"), entry.get("path", "")
    if kind is None:
        errors.append(required(f"{where}.pathType", "pathType must be specified"))
        return
    if kind not in ("Exact", "ImplementationSpecific", "Prefix"):
        errors.append(unsupported(f"{where}.pathType", kind, ["Exact", "ImplementationSpecific", "Prefix"]))
        return
    if kind == "ImplementationSpecific":
        if path and not path.startswith("/"):
            errors.append(invalid(f"{where}.path", path, "must be an absolute path"))
        return
    if not path.startswith("/"):
        errors.append(invalid(f"{where}.path", path, "must be an absolute path"))
    if not path:
        return
    for part in ("//", "/./", "/../", "%2f", "%2F"):
        if part in path:
            errors.append(invalid(f"{where}.path", path, f"must not contain '{part}'"))
    for end in ("/..", "/."):
        if path.endswith(end):
            errors.append(invalid(f"{where}.path", path, f"cannot end with '{end}'"))


def _backend(errors: Errors, backend: Obj, path: str) -> None:
    if "resource" in backend and "service" in backend:
        errors.append(invalid(path, "", "cannot set both resource and service backends"))
        return
    if "resource" in backend:
        for field in ("kind", "name"):
            if not backend["resource"].get(field):
                errors.append(required(f"{path}.resource.{field}"))
        return
    if "service" not in backend:
        errors.append(invalid(path, "", "resource or service backend is required"))
        return
    target = backend["service"]
    name, port = target.get("name", ""), target.get("port", {})
    if not name:
        errors.append(required(f"{path}.service.name"))
    else:
        each(errors, f"{path}.service.name", name, names.dns1035(name))
    where = f"{path}.service.port"
    if port.get("name") and port.get("number"):
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        each(errors, f"{where}.name", port["name"], names.port_name(port["name"]))
    elif port.get("number"):
        each(errors, f"{where}.number", port["number"], names.port_number(port["number"]))
    else:
        errors.append(required(path, "port name or number is required"))


def ingress_class(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """An IngressClass."""
    controller = obj.get("spec", {}).get("controller", "")
    if len(controller) > 250:
        errors.append(invalid("spec.controller", controller, "must be no more than 250 bytes"))
    if not controller:
        errors.append(required("spec.controller"))
    elif "/" not in controller.strip("/"):
        said = 'must be a domain-prefixed path (such as "acme.io/foo")'
        errors.append(invalid("spec.controller", controller, said))
    if old is not None and controller != old.get("spec", {}).get("controller", ""):
        errors.append(invalid("spec.controller", controller, "field is immutable"))


# -- network policies --------------------------------------------------------------------------------------------------


def network_policy(errors: Errors, obj: Obj, old: Obj | None) -> None:
    """A NetworkPolicy."""
    spec = obj.get("spec", {})
    meta.selector(errors, spec.get("podSelector"), "spec.podSelector")
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction, ())):
            where = f"spec.{direction}[{index}]"
            for at, port in enumerate(rule.get("ports", ())):
                _policy_port(errors, port, f"{where}.ports[{at}]")
            for at, peer in enumerate(rule.get(side, ())):
                _peer(errors, peer, f"{where}.{side}[{at}]")
    types = spec.get("policyTypes", [])
    if len(types) > 2:
        errors.append(invalid("spec.policyTypes", types, "may not specify more than two policyTypes"))
        return
    for index, kind in enumerate(types):
        if kind not in ("Egress", "Ingress"):
            errors.append(unsupported(f"spec.policyTypes[{index}]", kind, ["Ingress", "Egress"]))


def _policy_port(errors: Errors, port: Obj, path: str) -> None:
    protocol = port.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        errors.append(unsupported(f"{path}.protocol", protocol, ["TCP", "UDP", "SCTP"]))
    number, end = port.get("port"), port.get("endPort")
    if number is None:
        if end is not None:
            errors.append(required(f"{path}.port", "must be specified when endPort is set"))
        return
    if isinstance(number, int):
        each(errors, f"{path}.port", number, names.port_number(number))
        if end is not None:
            each(errors, f"{path}.endPort", end, names.port_number(end))
            if end < number:
                errors.append(invalid(f"{path}.endPort", end, "must be greater than or equal to `port`"))
    else:
        if end is not None:
            errors.append(forbidden(f"{path}.endPort", "may not be specified when `port` is non-numeric"))
        each(errors, f"{path}.port", number, names.port_name(number))


def _peer(errors: Errors, peer: Obj, path: str) -> None:
    for field in ("podSelector", "namespaceSelector"):
        meta.selector(errors, peer.get(field), f"{path}.{field}")
    block = peer.get("ipBlock")
    if not peer:
        errors.append(required(path, "must specify a peer"))
    elif block is not None and len(peer) > 1:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    if block is not None:
        network = block.get("cidr", "")
        if not network:
            errors.append(required(f"{path}.ipBlock.cidr"))
        else:
            each(errors, f"{path}.ipBlock.cidr", network, names.cidr(network))
        for index, part in enumerate(block.get("except", ())):
            where, wrong = f"{path}.ipBlock.except[{index}]", names.cidr(part)
            each(errors, where, part, wrong)
            if network and not wrong and not names.cidr(network) and not names.inside(part, network):
                errors.append(invalid(where, part, "must be a strict subset of `cidr`"))
