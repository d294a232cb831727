"""What ``longshore sandbox`` says and does: start, stop, look, forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcp_tools.targets.sandbox import daemon
from mcp_tools.targets.sandbox.standins.records import Records

__all__ = ["Said", "down", "reset", "status", "up"]

TITLE = "sandbox (simulated)"
_COUNTED = ("namespaces", "pods", "deployments.apps", "services", "secrets")


@dataclass(frozen=True)
class Said:
    """The same as lines and as data."""

    lines: list[str]
    data: dict[str, Any]


def up() -> Said:
    """Start the server when it does not run.

    Raises:
        EnvironmentNotReady: it does not start.
    """
    running = daemon.status().running
    address = daemon.ensure()
    said = status()
    first = f"{TITLE}: {'runs already' if running else 'started'} at {address.url}"
    return Said([first, *said.lines[1:]], said.data | {"changed": not running})


def down() -> Said:
    """Stop the server; the state stays."""
    stopped = daemon.stop()
    said = "stopped; what is in it stays, and the next command starts it again" if stopped else "does not run"
    return Said([f"{TITLE}: {said}"], status().data | {"changed": stopped})


def status() -> Said:
    """What there is, without starting anything."""
    found = daemon.status()
    images = len(Records(daemon.folder()).read().names)
    data: dict[str, Any] = {
        "simulated": True,
        "running": found.running,
        "saved": found.saved,
        "folder": str(found.folder),
        "url": found.address.url if found.address else None,
        "pid": found.pid or None,
        "context": "sandbox",
        "kubeconfig": str(found.address.kubeconfig) if found.address else None,
        "objects": (found.about or {}).get("objects", {}),
        "built_images": images,
    }
    if not found.running:
        state = "is stopped, with its state saved" if found.saved else "was never started"
        return Said([f"{TITLE}: {state}", f"images that were built: {images}"], data)
    counts = data["objects"]
    what = [f"{counts[key]} {key.partition('.')[0]}" for key in _COUNTED if counts.get(key)]
    return Said(
        [
            f"{TITLE}: runs at {data['url']}, process {found.pid}",
            f"kubectl --kubeconfig {data['kubeconfig']} get pods --all-namespaces",
            f"in it: {', '.join([*what, f'{images} names of built images'])}",
        ],
        data,
    )


def reset() -> Said:
    """Forget the cluster and the images that were built.

    Raises:
        TimedOut: the server does not end.
    """
    daemon.reset()
    Records(daemon.folder()).file.unlink(missing_ok=True)
    return Said(
        [f"{TITLE}: forgotten; the next command starts with an empty cluster"], status().data | {"changed": True}
    )
