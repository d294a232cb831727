"""kagent reaches servers by a ``RemoteMCPServer`` in the cluster."""

from __future__ import annotations

from agent.install.clients import NAME
from agent.install.yamlfile import dump

__all__ = ["DEFAULT_URL", "SECRET", "remote_server"]

SECRET, SECRET_KEY = "longshore-mcp", "authorization"
DEFAULT_URL = "http://longshore.longshore.svc.cluster.local:8765/mcp"
"""Where the chart ``longshore`` serves, as the release longshore in the namespace longshore."""


def remote_server(url: str, namespace: str, name: str = NAME) -> str:
    """The manifest. The header comes from a Secret beside it."""
    return dump(
        {
            "apiVersion": "kagent.dev/v1alpha2",
            "kind": "RemoteMCPServer",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "description": "Longshore: deploy, look, diagnose and roll back, with a guard that asks",
                "protocol": "STREAMABLE_HTTP",
                "url": url,
                "timeout": "600s",
                "headersFrom": [
                    {"name": "Authorization", "valueFrom": {"type": "Secret", "name": SECRET, "key": SECRET_KEY}}
                ],
            },
        }
    )
