"""Where the sandbox of this user is: its folder, and the server that is started when it is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.kubeconfig import Address

__all__ = ["ensure", "folder", "kubeconfig"]


def folder() -> Path:
    """The folder of its state, private."""
    from mcp_tools.targets.sandbox import daemon

    return daemon.folder()


async def ensure() -> Address:
    """Start the server when it does not run; its address."""
    from mcp_tools.targets.sandbox import daemon

    return await asyncio.to_thread(daemon.ensure)


def kubeconfig() -> Path:
    """The kubeconfig with the context ``sandbox``. Blocking: the server is started when it does not run."""
    from mcp_tools.targets.sandbox import daemon

    return daemon.ensure().kubeconfig
