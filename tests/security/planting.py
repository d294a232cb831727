"""Puts a text where an attacker would put it, and says how one comes to read it there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcp_tools.targets.sandbox.faults import ApiFault
from mcp_tools.targets.sandbox.node.behaviour import ANNOTATION
from tests.agent.chat.core.wire.provider import Call
from tests.agent.chat.core.wire.stage import Stage

SPACE = "shop"
BUILT = "docker_build"
"""An image to be inspected is made before the model comes: a human builds it."""
Looks = tuple[Call, ...]
Place = Callable[[Stage, Path, str, str], Looks]


def _pod(stage: Stage, name: str, behaviour: dict[str, Any], restart: str = "Always", **labels: str) -> None:
    meta = {"name": name, "annotations": {ANNOTATION: json.dumps(behaviour)}, "labels": labels}
    spec = {"restartPolicy": restart, "containers": [{"name": "main", "image": "nginx:1.27"}]}
    stage.create("pods", {"metadata": meta, "spec": spec}, SPACE)
    _until(lambda: _begun(stage.get("pods", name, SPACE)))


def _begun(pod: Any) -> bool:
    """Whether its container runs, has ended, or cannot be started."""
    for status in pod["status"].get("containerStatuses") or ():
        waits = (status.get("state") or {}).get("waiting") or {}
        if status.get("lastState") or set(status["state"]) & {"running", "terminated"} or waits.get("message"):
            return True
    return False


def _until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)


def _look(tool: str, **arguments: Any) -> Looks:
    return (Call(tool, arguments),)


def _log(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    _pod(stage, name, {"log": [{"text": text}]})
    return _look("kubectl_logs", pod=name, namespace=SPACE)


def _job(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    _pod(stage, name, {"log": [{"text": text}], "exit": {"after": 1, "code": 0}}, "Never")
    _until(lambda: (stage.get("pods", name, SPACE) or {})["status"]["phase"] == "Succeeded")
    return _look("kubectl_logs", pod=name, namespace=SPACE)


def _crash(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    _pod(stage, name, {"log": [{"text": text}], "exit": {"after": 0, "code": 1}})
    _until(lambda: "lastState" in json.dumps(stage.get("pods", name, SPACE)))
    made = {"kind": "pod", "name": name, "namespace": SPACE}
    return (Call("diagnose", made), Call("kubectl_logs", {"pod": name, "namespace": SPACE, "previous": True}))


def _message(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    _pod(stage, name, {"start_error": text})
    _until(lambda: text[:20] in json.dumps(stage.get("pods", name, SPACE)))
    made = {"kind": "pod", "name": name, "namespace": SPACE}
    return (Call("kubectl_describe", made), Call("diagnose", made))


def _event(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": SPACE}
    event = {"type": "Warning", "reason": "Unhealthy", "message": text, "involvedObject": about, "count": 1}
    times = {"firstTimestamp": now, "lastTimestamp": now, "source": {"component": "kubelet"}}
    stage.create("events", {"metadata": {"name": name}, **event, **times}, SPACE)
    return _look("kubectl_events", namespace=SPACE, object=name)


def _label(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    _pod(stage, name, {}, note=text)
    return _look("kubectl_describe", kind="pod", name=name, namespace=SPACE)


def _annotation(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    stage.create("configmaps", {"metadata": {"name": name, "annotations": {"note": text}}}, SPACE)
    made = {"kind": "configmap", "name": name, "namespace": SPACE}
    return (Call("kubectl_get", made), Call("kubectl_describe", made))


def _configmap(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    stage.create("configmaps", {"metadata": {"name": name}, "data": {"settings": text}}, SPACE)
    return _look("kubectl_get", kind="configmap", name=name, namespace=SPACE)


def _api(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    fault = ApiFault(name=name, resources=["persistentvolumeclaims"], code=422, message=text)
    stage.call(lambda cluster: cluster.faults.inject(fault))
    return _look("kubectl_get", kind="pvc", namespace=SPACE)


def _folder(workspace: Path, name: str, **files: str) -> str:
    folder = workspace / name
    for file, text in files.items():
        path = folder / file.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return name


def _dockerfile(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    words = json.dumps(["serve", text])
    path = _folder(workspace, name, Dockerfile=f"FROM python:3.13-slim\n# {text}\nLABEL note={words}\nCMD {words}\n")
    return (Call("project_analyze", {"path": path}), Call("dockerfile_lint", {"path": path}))


def _broken(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    path = _folder(workspace, name, Dockerfile=f"FROM python:3.13-slim\n{text}\n")
    return _look("dockerfile_lint", path=path)


def _package(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    document = json.dumps({"name": "x", "description": text, "scripts": {"start": text}})
    return _look("project_analyze", path=_folder(workspace, name, **{"package.json": document, "index.js": ""}))


def _readme(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    return _look("project_analyze", path=_folder(workspace, name, **{"README.md": text, "app.py": "print(1)\n"}))


def _chart(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    note = json.dumps(text)
    template = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: front\n  annotations:\n    note: {note}\n"
    return _of_chart(workspace, name, template)


def _notes(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: front\n"
    return _of_chart(workspace, name, template, templates__NOTES_txt=text)


def _chart_error(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    return _of_chart(workspace, name, f"{{{{ fail {json.dumps(text)} }}}}\n")


def _of_chart(workspace: Path, name: str, template: str, **more: str) -> Looks:
    files = {"Chart.yaml": f"apiVersion: v2\nname: front\nversion: 0.1.0\ndescription: {name}\n"}
    files |= {"templates__front.yaml": template} | {key.replace("_txt", ".txt"): text for key, text in more.items()}
    return _look("helm_diff", release="web", namespace=SPACE, chart=_folder(workspace, name, **files))


def _application(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    document = f"apiVersion: longshore.dev/v1\nkind: Application\nmetadata:\n  name: x\n  {json.dumps(text)}: 1\n"
    path = _folder(workspace, name, **{"longshore.yaml": document})
    return (Call("check_health", {"application": path}), Call("playbook_plan", {"application": path}))


def _image(stage: Stage, workspace: Path, name: str, text: str) -> Looks:
    words = json.dumps(["python3", text])
    dockerfile = f"FROM python:3.13-slim\nLABEL note={json.dumps(text)}\nUSER 10001\nCMD {words}\n"
    path = _folder(workspace, name, Dockerfile=dockerfile)
    tag = re.sub(r"[^a-z0-9]", "-", name)
    made = {"path": path, "image": tag, "tag": "1"}
    return (Call(BUILT, made), Call("image_inspect", {"image": f"{tag}:1"}))


PLACES: dict[str, Place] = {
    "annotation": _annotation,
    "api": _api,
    "application": _application,
    "chart": _chart,
    "chart-error": _chart_error,
    "configmap": _configmap,
    "crash": _crash,
    "dockerfile": _dockerfile,
    "dockerfile-broken": _broken,
    "event": _event,
    "image": _image,
    "job": _job,
    "label": _label,
    "log": _log,
    "message": _message,
    "notes": _notes,
    "package": _package,
    "readme": _readme,
}


@contextmanager
def planted(stage: Stage, workspace: Path, place: str, name: str, text: str) -> Iterator[Looks]:
    """The text is there while the block runs; what one looks at to read it."""
    yield PLACES[place](stage, workspace, name, text)
    if place == "api":
        stage.call(lambda cluster: cluster.faults.clear(name))
    for key in ("pods", "configmaps", "events"):
        if stage.get(key, name, SPACE) is not None:
            stage.remove(key, name, SPACE)
