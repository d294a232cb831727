"""The images of the simulated node, over the sandbox's own paths beside the Kubernetes API (``/sandbox/v1/images``)."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from mcp_tools.errors import EnvironmentNotReady, ToolFailed
from mcp_tools.targets.sandbox.standins.records import ImageRecord

__all__ = ["Node"]

PATH = "/sandbox/v1/images"


class Node:
    """The node of the running sandbox; it is started at the first use."""

    async def images(self) -> list[dict[str, Any]]:
        """The records of all its images."""
        return list((await self._send("GET")).get("items") or [])

    async def add(self, image: ImageRecord, names: list[str]) -> None:
        """Give the node an image, under these names and those that it has there already."""
        there = next((found for found in await self.images() if found["id"] == image.id), {})
        await self._send("POST", as_node_image(image, sorted({*names, *(there.get("tags") or [])})))

    async def _send(self, method: str, body: Any = None) -> Any:
        return await asyncio.to_thread(_request, method, body)


def _request(method: str, body: Any) -> Any:
    from mcp_tools.targets.sandbox import daemon

    address, trusted = daemon.ensure(), ssl.create_default_context(cafile=str(daemon.folder() / daemon.TLS))
    request = urllib.request.Request(  # noqa: S310 (the sandbox's own address on loopback)
        address.url.rstrip("/") + PATH,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Bearer {address.token}", "Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    try:
        with direct.open(request, timeout=30) as answer:
            data = answer.read()
    except urllib.error.HTTPError as error:
        words = error.read().decode("utf-8", "replace")[:300]
        raise ToolFailed("the sandbox did not take the image", words, "longshore sandbox status") from error
    except OSError as error:
        raise EnvironmentNotReady("the sandbox does not answer", str(error), "longshore sandbox up") from error
    return json.loads(data) if data else {}


def as_node_image(image: ImageRecord, names: list[str]) -> dict[str, Any]:
    """A record in the form that the simulated kubelet reads (``node.images.Image``)."""
    config = image.config
    return {
        "id": image.id,
        "tags": names,
        "size": image.size,
        "user": config.user,
        "entrypoint": config.entrypoint,
        "command": config.cmd,
        "env": config.env,
        "ports": [int(port.partition("/")[0]) for port in config.ports if port.endswith("/tcp")],
        "working_dir": config.workdir,
        "labels": config.labels,
        "layers": [{"digest": each.digest, "size": each.size, "created_by": each.command} for each in image.layers],
        "architecture": image.architecture,
    }
