"""Record snapshots of the scenes in faults.py from a real cluster: ``python tests/mcp_tools/record_faults.py``.

Makes a namespace per scene, waits until the faults show, writes data/faults.json, and removes the namespaces.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from faults import EXPECTED, scene

from mcp_tools.diagnosis.sweep import sweep
from mcp_tools.engines.kubernetes import KubeEngine

FILE = Path(__file__).parent / "data" / "faults.json"
PREFIX = "h-check-"
WAIT = 100.0  # seconds: until crashes are loops and probes have failed often enough


def trimmed(data: dict[str, Any]) -> dict[str, Any]:
    """Without what rules do not look at: a recording is read by people, and says nothing of the machine it is from."""
    for node in data["objects"].get("Node", []):
        node["metadata"] = {"name": node["metadata"]["name"]}
        status = node["status"]
        images = [i for i in status.get("images") or [] if any(str(n).startswith("python:") for n in i["names"])]
        node["status"] = {k: status[k] for k in ("allocatable", "conditions")} | {"images": images}
    data["objects"].pop("ServiceAccount", None)
    for item in (item for items in data["objects"].values() for item in items):
        (item["metadata"].get("annotations") or {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
        for field in ("uid", "resourceVersion", "generateName"):
            item["metadata"].pop(field, None)
    return data


async def record() -> None:
    """One entry per scene."""
    kube, found = KubeEngine(), {}
    for name in EXPECTED:
        found[name] = trimmed((await sweep(kube, f"{PREFIX}{name}")).to_json())
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(found, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")


def main() -> None:
    """Make, wait, record, remove."""
    spaces = [f"{PREFIX}{name}" for name in EXPECTED]
    items: list[Any] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in spaces]
    items += [item for name in EXPECTED for item in scene(name, f"{PREFIX}{name}")]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    subprocess.run(["kubectl", "apply", "-f", "-"], input=text, text=True, check=True)
    try:
        asyncio.run(asyncio.wait_for(_later(), WAIT + 120))
    finally:
        subprocess.run(["kubectl", "delete", "namespace", "--wait=false", *spaces], check=True)


async def _later() -> None:
    await asyncio.sleep(WAIT)
    await record()


if __name__ == "__main__":
    main()
