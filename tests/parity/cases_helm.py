"""Releases: what the real helm prints, and what it leaves in the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.parity import look
from tests.parity.case import case
from tests.parity.manifests import box, config, deployment, pod, service
from tests.parity.stage import Stage

FAMILY = "helm"
HOOK = "helm.sh/hook"
NOTES = "Release {{ .Release.Name }}, revision {{ .Release.Revision }}, in {{ .Release.Namespace }}.\n"
RELEASE = ("app.kubernetes.io/managed-by", "meta.helm.sh/release-name")


def _hook(kind: str, name: str, command: list[str], **more: str) -> Any:
    from tests.parity.manifests import job

    made = job(name, box(command=command), backoffLimit=0)
    made["metadata"]["annotations"] = {HOOK: kind, "helm.sh/hook-delete-policy": "before-hook-creation", **more}
    return made


def _test(command: list[str]) -> Any:
    return pod("web-test", box(command=command), restartPolicy="Never", meta={"annotations": {HOOK: "test"}})


def chart(s: Stage, *extra: Any, command: list[str] | None = None, replicas: int = 1, name: str = "chart") -> str:
    """A chart of a Deployment, a Service, a ConfigMap with a value, and what is given; its folder."""
    folder = Path(s.folder) / name
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.2.3\nappVersion: '4.5'\n")
    (folder / "values.yaml").write_text("colour: red\n")
    colours = config("colours", colour="{{ .Values.colour }}")
    items = [deployment("web", box(command=command), replicas=replicas), service(), colours, *extra]
    for number, item in enumerate(items):
        (folder / "templates" / f"{number}.yaml").write_text(yaml.safe_dump(item, default_style=None))
    (folder / "templates" / "NOTES.txt").write_text(NOTES)
    return str(folder)


@case(FAMILY)
def a_whole_life(s: Stage) -> None:
    folder = chart(s, replicas=0)
    s.helm("list")
    s.helm("status shop")
    s.helm("install shop", folder)
    s.helm("install shop", folder)
    s.helm("list")
    s.helm("upgrade shop", folder, "--set", "colour=blue")
    s.get("configmaps/colours", show="managed")
    s.helm("history shop")
    s.helm("rollback shop 1")
    s.helm("history shop")
    s.get("configmaps/colours", show=["data"])
    s.helm("rollback shop 9")
    s.helm("get values shop --all")
    s.helm("get manifest shop")
    s.helm("get notes shop")
    s.helm("get metadata shop")
    s.helm("uninstall shop")
    s.helm("uninstall shop")
    s.helm("list --all")
    s.get("deployments", show=["items"])


@case(FAMILY)
def waits(s: Stage) -> None:
    s.helm("install shop", chart(s), "--wait", "--timeout", "60s")
    s.helm("status shop")
    s.get("deployments/web", show=["status.availableReplicas"])
    s.helm("uninstall shop --wait")


@case(FAMILY)
def waits_in_vain(s: Stage) -> None:
    s.helm("install shop", chart(s, command=["sh", "-c", "exit 1"]), "--wait", "--timeout", "2s")
    s.helm("list --all")
    s.helm("status shop")
    s.helm("history shop")


@case(FAMILY)
def atomic(s: Stage) -> None:
    s.helm("install shop", chart(s, command=["sh", "-c", "exit 1"]), "--atomic", "--timeout", "2s")
    s.helm("list --all")
    s.gone("deployments/web")


@case(FAMILY)
def atomic_upgrade(s: Stage) -> None:
    s.helm("install shop", chart(s), "--wait", "--timeout", "60s", shown=False)
    s.helm("upgrade shop", chart(s, command=["sh", "-c", "exit 1"], name="bad"), "--atomic", "--timeout", "6s")
    s.helm("history shop")
    s.until("deployments/web", look.available)


@case(FAMILY)
def tests_pass_and_fail(s: Stage) -> None:
    s.helm("install shop", chart(s, _test(["true"]), replicas=0), shown=False)
    s.helm("test shop")
    s.helm("upgrade shop", chart(s, _test(["sh", "-c", "echo no; exit 3"]), replicas=0, name="bad"), shown=False)
    s.kubectl("delete pod web-test", shown=False)
    s.helm("test shop --logs")
    s.helm("status shop")


@case(FAMILY)
def hooks(s: Stage) -> None:
    weight = {"helm.sh/hook-weight": "1"}
    folder = chart(
        s, _hook("pre-install", "before", ["true"]), _hook("post-install", "after", ["true"], **weight), replicas=0
    )
    s.helm("install shop", folder)
    s.kubectl("get jobs -o name")
    s.helm("get hooks shop")
    s.helm("uninstall shop")


@case(FAMILY)
def a_hook_fails(s: Stage) -> None:
    s.helm("install shop", chart(s, _hook("pre-install", "before", ["sh", "-c", "exit 1"]), replicas=0))
    s.helm("list --all")
    s.get("deployments", show=["items"])


@case(FAMILY)
def a_hook_hangs(s: Stage) -> None:
    s.helm("install shop", chart(s, _hook("pre-install", "before", ["sleep", "3600"]), replicas=0), "--timeout", "2s")
    s.helm("list --all")


@case(FAMILY)
def refused_by_the_server(s: Stage) -> None:
    bad = deployment("bad", box(image=""))
    s.helm("install shop", chart(s, bad, replicas=0))
    s.helm("list --all")
    s.helm(
        "install other",
        chart(s, {"apiVersion": "example.com/v1", "kind": "Ball", "metadata": {"name": "a"}}, name="crd"),
    )
    s.helm("install third", chart(s, config("x") | {"colour": "red"}, name="unknown", replicas=0))


@case(FAMILY)
def what_belongs_to_somebody_else(s: Stage) -> None:
    s.make(config("colours", colour="mine"))
    s.helm("install shop", chart(s, replicas=0))
    s.helm("install shop", chart(s, replicas=0), "--take-ownership")


@case(FAMILY)
def install_or_upgrade(s: Stage) -> None:
    folder = chart(s, replicas=0)
    s.helm("upgrade shop", folder)
    s.helm("upgrade --install shop", folder)
    s.helm("upgrade --install shop", folder, "--set", "colour=green", "--description", "by hand")
    s.helm("history shop")
    s.helm("upgrade shop", folder, "--dry-run=server")
    s.helm("template shop", folder, "--validate")
    s.helm("uninstall shop --keep-history")
    s.helm("history shop")
    s.helm("rollback shop 1")


@case(FAMILY)
def a_release_that_hangs(s: Stage) -> None:
    s.helm("install shop", chart(s, replicas=0), shown=False)
    secret = s.peek("secrets")["items"][0]
    s.note(
        "secret",
        [
            secret["metadata"]["name"],
            secret["metadata"]["labels"]["status"],
            secret["type"],
            sorted(secret["metadata"]["labels"]),
        ],
    )
    import base64
    import gzip
    import json

    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
    release["info"]["status"] = "pending-upgrade"
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    body = {"metadata": {"labels": {"status": "pending-upgrade"}}, "data": {"release": packed}}
    s.client.patch(
        s.path(f"secrets/{secret['metadata']['name']}"),
        json=body,
        headers={"Content-Type": "application/merge-patch+json"},
    )
    s.helm("upgrade shop", chart(s, replicas=0))
    s.helm("list --pending")
    s.helm("rollback shop 1")
