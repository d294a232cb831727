"""The network inside the simulation: names, Services and their endpoints, and the ports of containers.

There is no other network: a name outside the cluster does not resolve.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from mcp_tools.targets.sandbox.node.process import Answers
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.faults import Faults
    from mcp_tools.targets.sandbox.store import Store

DOMAIN = "cluster.local"
RESOLVER = "10.96.0.10"


class NetError(Exception):
    """A connection that does not come about. ``why`` is what the system calls say."""

    def __init__(self, why: str, host: str, ip: str = "", port: int = 0) -> None:
        super().__init__(why)
        self.why, self.host, self.ip, self.port = why, host, ip, port


NO_SUCH_HOST = "no such host"
DNS_TIMEOUT = "i/o timeout"
REFUSED = "connection refused"
TIMEOUT = "i/o timeout"


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: str
    seconds: float


class Ports(Protocol):
    """Who knows which ports of which pods are open."""

    def listening(self, ip: str, port: int) -> Answers | None:
        """How that port of that pod answers; None when it is closed."""

    def lives(self, ip: str) -> bool:
        """Whether a pod has that address."""


class Network:
    """Lookups and connections, as a process in a pod of ``namespace`` sees them."""

    def __init__(self, store: Store, faults: Faults, ports: Ports) -> None:
        self._store, self._faults, self._ports = store, faults, ports

    # -- names -----------------------------------------------------------------------------------------------------

    def resolve(self, host: str, namespace: str, *, cluster_dns: bool = True) -> list[str]:
        """The addresses of that name.

        Raises:
            NetError: it has none, or nobody answers.
        """
        if host in ("localhost", "localhost.localdomain"):
            return ["127.0.0.1"]
        try:
            return [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            pass
        fault = self._faults.dns(host)
        if fault is not None:
            raise NetError(NO_SUCH_HOST if fault.effect == "nxdomain" else DNS_TIMEOUT, host)
        if not cluster_dns:
            raise NetError(NO_SUCH_HOST, host)
        self._check_dns(host)
        found = self._cluster_name(host.rstrip("."), namespace)
        if not found:
            raise NetError(NO_SUCH_HOST, host)
        return found

    def _check_dns(self, host: str) -> None:
        service = self._store.get("services", "kube-system", "kube-dns")
        if service is None:
            return
        if not self._endpoints("kube-system", "kube-dns", None):
            raise NetError(DNS_TIMEOUT, host)
        config = self._store.get("configmaps", "kube-system", "coredns")
        text = ((config or {}).get("data") or {}).get("Corefile", "kubernetes cluster.local") if config else DOMAIN
        if config is not None and not re.search(rf"^\s*kubernetes\s+[^#\n]*\b{re.escape(DOMAIN)}\b", text, re.M):
            raise NetError(NO_SUCH_HOST, host)
        if config is not None and re.search(r"template\s+\S+\s+\S+.*?NXDOMAIN", text, re.S):
            raise NetError(NO_SUCH_HOST, host)

    def _cluster_name(self, host: str, namespace: str) -> list[str]:
        parts = host.removesuffix(f".svc.{DOMAIN}").removesuffix(".svc").split(".")
        if len(parts) == 1:
            return self._service_addresses(namespace, parts[0])
        if len(parts) == 2:
            found = self._service_addresses(parts[1], parts[0])
            return found or self._pod_addresses(namespace, parts[1], parts[0])
        if len(parts) == 3:
            return self._pod_addresses(parts[2], parts[1], parts[0])
        return []

    def _service_addresses(self, namespace: str, name: str) -> list[str]:
        service = self._store.get("services", namespace, name)
        if service is None:
            return []
        spec = service.get("spec") or {}
        if spec.get("type") == "ExternalName":
            target = str(spec.get("externalName", ""))
            return self._cluster_name(target, namespace) if target.endswith(DOMAIN) else []
        address = str(spec.get("clusterIP", ""))
        if address and address != "None":
            return [address]
        return [ip for ip, _, _ in self._endpoints(namespace, name, None)]

    def _pod_addresses(self, namespace: str, service: str, hostname: str) -> list[str]:
        found = self._endpoints(namespace, service, None)
        return [ip for ip, _, named in found if named == hostname]

    def _endpoints(self, namespace: str, service: str, port_name: str | None) -> list[tuple[str, int, str]]:
        """Ready endpoints: address, port, host name. A port name of None takes the first port."""
        found = []
        for piece in self._store.select("endpointslices.discovery.k8s.io", namespace):
            labels = piece["metadata"].get("labels") or {}
            if labels.get("kubernetes.io/service-name") != service:
                continue
            ports = piece.get("ports") or []
            named = [p for p in ports if port_name is None or (p.get("name") or "") == port_name]
            number = int(named[0].get("port") or 0) if named else 0
            if port_name is not None and not number:
                continue
            for endpoint in piece.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    found += [(ip, number, endpoint.get("hostname", "")) for ip in endpoint.get("addresses") or ()]
        return found

    # -- connections -----------------------------------------------------------------------------------------------

    def connect(self, host: str, port: int, namespace: str, own_ip: str = "", *, cluster_dns: bool = True) -> Answers:
        """Open a TCP connection; how the other side answers.

        Raises:
            NetError: it does not come about.
        """
        ip = self.resolve(host, namespace, cluster_dns=cluster_dns)[0]
        target = own_ip if ip.startswith("127.") or ip == "::1" else ip
        answers = self._ports.listening(target, port)
        if answers is not None:
            return answers
        if target == own_ip or self._ports.lives(target):
            raise NetError(REFUSED, host, ip, port)
        service = self._service_at(target)
        if service is None:
            raise NetError(TIMEOUT, host, ip, port)
        return self._through(service, host, ip, port)

    def _service_at(self, ip: str) -> Obj | None:
        for service in self._store.select("services"):
            spec = service.get("spec") or {}
            if spec.get("clusterIP") == ip or ip in (spec.get("clusterIPs") or ()):
                return service
        return None

    def _through(self, service: Obj, host: str, ip: str, port: int) -> Answers:
        meta, spec = service["metadata"], service["spec"]
        entry = next((p for p in spec.get("ports") or () if p.get("port") == port), None)
        if entry is None or entry.get("protocol", "TCP") != "TCP":
            # No rule of kube-proxy is about that port: packets to the cluster's addresses get lost.
            raise NetError(TIMEOUT, host, ip, port)
        if meta["name"] == "kubernetes" and meta.get("namespace") == "default":
            return Answers(other=403)
        found = self._endpoints(meta.get("namespace", ""), meta["name"], entry.get("name") or "")
        if not found:
            raise NetError(REFUSED, host, ip, port)
        for address, number, _ in found:
            answers = self._ports.listening(address, number)
            if answers is not None:
                return answers
        raise NetError(REFUSED if self._ports.lives(found[0][0]) else TIMEOUT, host, ip, port)

    def get(
        self, url: str, namespace: str, own_ip: str = "", *, timeout: float = 30.0, cluster_dns: bool = True
    ) -> Answer:
        """An HTTP request.

        Raises:
            NetError: no answer in that time.
        """
        parts = urlsplit(url if "//" in url else f"http://{url}")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
        answers = self.connect(host, port, namespace, own_ip, cluster_dns=cluster_dns)
        if answers.protocol != "http":
            raise NetError("malformed HTTP response", host, "", port)
        if answers.latency > timeout:
            raise NetError(TIMEOUT, host, "", port)
        status = answers.status(parts.path or "/")
        return Answer(status, answers.body or ("ok" if status < 400 else ""), answers.latency)
