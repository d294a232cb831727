"""Probes and lifecycle hooks of containers.

Source: ``pkg/apis/core/validation/validation.go`` of Kubernetes 1.33.
"""

from __future__ import annotations

from typing import Any

from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    each,
    forbidden,
    invalid,
    nonnegative,
    required,
    unsupported,
)


def lively(errors: Errors, container: Obj, grace: int, path: str) -> None:
    """Lifecycle hooks and probes."""
    for name in ("postStart", "preStop"):
        handler = container.get("lifecycle", {}).get(name)
        if handler is not None:
            _handler(errors, handler, grace, f"{path}.lifecycle.{name}")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(errors, container[name], grace, name, f"{path}.{name}")


def _probe(errors: Errors, probe: Obj, grace: int, name: str, path: str) -> None:
    _handler(errors, probe, grace, path)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        nonnegative(errors, probe.get(field), f"{path}.{field}")
    own = probe.get("terminationGracePeriodSeconds")
    if own is not None and own <= 0:
        errors.append(invalid(f"{path}.terminationGracePeriodSeconds", own, "must be greater than 0"))
    if name == "readinessProbe":
        if own is not None:
            said = "must not be set for readinessProbes"
            errors.append(invalid(f"{path}.terminationGracePeriodSeconds", own, said))
    elif probe.get("successThreshold", 1) != 1:
        errors.append(invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))


def port_or_name(errors: Errors, port: Any, path: str) -> None:
    """A port by number or by name."""
    if isinstance(port, str):
        each(errors, path, port, names.port_name(port))
    else:
        each(errors, path, port or 0, names.port_number(port or 0))


def _handler(errors: Errors, handler: Obj, grace: int, path: str) -> None:
    """What a probe or a hook does; one thing."""
    found = False
    for name in ("exec", "httpGet", "tcpSocket", "grpc", "sleep"):
        if name not in handler:
            continue
        action, where = handler[name], f"{path}.{name}"
        if found:
            errors.append(forbidden(where, "may not specify more than 1 handler type"))
            continue
        found = True
        if name == "exec":
            if not action.get("command"):
                errors.append(required(f"{where}.command"))
        elif name == "httpGet":
            _http(errors, action, where)
        elif name == "sleep":
            if not 0 <= action.get("seconds", 0) <= grace:
                said = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                errors.append(invalid(where, action.get("seconds", 0), said))
        else:
            port_or_name(errors, action.get("port"), f"{where}.port")
    if not found:
        errors.append(required(path, "must specify a handler type"))


def _http(errors: Errors, action: Obj, path: str) -> None:
    if not action.get("path"):
        errors.append(required(f"{path}.path"))
    port_or_name(errors, action.get("port"), f"{path}.port")
    scheme = action.get("scheme", "HTTP")
    if scheme not in ("HTTP", "HTTPS"):
        errors.append(unsupported(f"{path}.scheme", scheme, ["HTTP", "HTTPS"]))
    for header in action.get("httpHeaders", ()):
        each(errors, f"{path}.httpHeaders", header.get("name", ""), names.header(header.get("name", "")))
