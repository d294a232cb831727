"""Mounting the volumes of a pod: what is in them, and why not, in the kubelet's words."""

from __future__ import annotations

from typing import NamedTuple

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.node.box import Mount
from mcp_tools.targets.sandbox.node.environment import decoded
from mcp_tools.targets.sandbox.store import Obj, Store


class MountFailure(NamedTuple):
    """A volume that cannot be mounted: the event's reason and message."""

    volume: str
    reason: str
    message: str


class Volume(NamedTuple):
    """A mounted volume of a pod."""

    name: str
    files: dict[str, str]
    read_only: bool
    memory: bool
    limit: int | None
    kind: str
    capacity: int | None = None
    sources: tuple[tuple[str, str], ...] = ()
    """The objects whose content it shows: key of the store, and name."""


def shows(volumes: dict[str, Volume] | None, key: str, name: str) -> bool:
    """Whether one of them shows what is in that ConfigMap or Secret."""
    return volumes is not None and any((key, name) in volume.sources for volume in volumes.values())


def refresh(store: Store, pod: Obj, volumes: dict[str, Volume]) -> bool:
    """Bring the files of ConfigMaps and Secrets up to date, in place; whether anything changed."""
    found, _ = mount(store, pod)
    changed = False
    for name, volume in found.items():
        old = volumes.get(name)
        if old is not None and volume.sources and old.files != volume.files:
            old.files.clear()
            old.files.update(volume.files)
            changed = True
    return changed


def mount(store: Store, pod: Obj) -> tuple[dict[str, Volume], list[MountFailure]]:
    """The volumes of a pod, and what is wrong with the others."""
    found: dict[str, Volume] = {}
    failures: list[MountFailure] = []
    for volume in pod["spec"].get("volumes") or ():
        result = _one(store, pod, volume)
        if isinstance(result, MountFailure):
            failures.append(result)
        else:
            found[volume["name"]] = result
    return found, failures


def _failed(name: str, why: str) -> MountFailure:
    return MountFailure(name, "FailedMount", f'MountVolume.SetUp failed for volume "{name}" : {why}')


def _one(store: Store, pod: Obj, volume: Obj) -> Volume | MountFailure:
    name, namespace = volume["name"], pod["metadata"].get("namespace", "")
    if "configMap" in volume or "secret" in volume:
        kind = "configmap" if "configMap" in volume else "secret"
        source = volume.get("configMap") or volume.get("secret") or {}
        result = _files(store, namespace, kind, source, source.get("name") or source.get("secretName", ""), alone=True)
        if isinstance(result, str):
            return _failed(name, result)
        wanted = source.get("name") or source.get("secretName", "")
        return Volume(name, result, True, False, None, kind, None, ((f"{kind}s", wanted),))
    if "projected" in volume:
        return _projected(store, pod, volume)
    if "persistentVolumeClaim" in volume:
        return _claim(store, namespace, volume)
    if "emptyDir" in volume:
        source = volume["emptyDir"] or {}
        limit = source.get("sizeLimit")
        size = quantity.parse(limit).value if limit not in (None, "0") else None
        return Volume(name, {}, False, source.get("medium") == "Memory", size, "emptyDir")
    if "hostPath" in volume:
        return _host_path(volume)
    if "downwardAPI" in volume:
        files = {item.get("path", ""): "" for item in volume["downwardAPI"].get("items") or ()}
        return Volume(name, files, True, False, None, "downwardAPI")
    if "nfs" in volume:
        source = volume["nfs"]
        return _failed(
            name, f"mount failed: exit status 32\nmount.nfs: Failed to resolve server {source.get('server')}"
        )
    if "csi" in volume:
        driver = volume["csi"].get("driver", "")
        why = f"driver name {driver} not found in the list of registered CSI drivers"
        return _failed(name, f"kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: {why}")
    return Volume(name, {}, False, False, None, "other")


def _files(store: Store, namespace: str, kind: str, source: Obj, wanted: str, *, alone: bool) -> dict[str, str] | str:
    """The files of a ConfigMap or Secret, or why there are none."""
    obj = store.get("configmaps" if kind == "configmap" else "secrets", namespace, wanted)
    if obj is None:
        if source.get("optional"):
            return {}
        return f'{kind} "{wanted}" not found'
    data = dict(obj.get("data") or {}) if kind == "configmap" else decoded(obj)
    data |= dict.fromkeys(obj.get("binaryData") or {}, "") if kind == "configmap" else {}
    items = source.get("items")
    if not items:
        return data
    files = {}
    for item in items:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            return f"{kind} references non-existent {kind} key: {item['key']}".replace(
                "configmap references non-existent configmap key", "configmap references non-existent config key"
            )
        files[item["path"]] = data[item["key"]]
    return files


def _projected(store: Store, pod: Obj, volume: Obj) -> Volume | MountFailure:
    namespace = pod["metadata"].get("namespace", "")
    files: dict[str, str] = {}
    problems = []
    for source in volume["projected"].get("sources") or ():
        if "serviceAccountToken" in source:
            account = pod["spec"].get("serviceAccountName") or "default"
            if store.get("serviceaccounts", namespace, account) is None:
                problems.append(f'failed to fetch token: serviceaccounts "{account}" not found')
            files[source["serviceAccountToken"].get("path", "token")] = ""
        for field, kind in (("configMap", "configmap"), ("secret", "secret")):
            if field in source:
                part = source[field]
                result = _files(store, namespace, kind, part, part.get("name", ""), alone=False)
                if isinstance(result, str):
                    problems.append(result)
                else:
                    files |= result
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            files[item["path"]] = ""
    if problems:
        return _failed(volume["name"], problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
    parts = volume["projected"].get("sources") or ()
    sources = [
        (f"{kind}s", part[field].get("name", ""))
        for part in parts
        for field, kind in (("configMap", "configmap"), ("secret", "secret"))
        if field in part
    ]
    return Volume(volume["name"], files, True, False, None, "projected", None, tuple(sources))


def _claim(store: Store, namespace: str, volume: Obj) -> Volume | MountFailure:
    name, wanted = volume["name"], volume["persistentVolumeClaim"].get("claimName", "")
    claim = store.get("persistentvolumeclaims", namespace, wanted)
    if claim is None or (claim.get("status") or {}).get("phase") != "Bound":
        why = "PVC is not bound" if claim is not None else f'persistentvolumeclaims "{wanted}" not found'
        text = (
            f"Unable to attach or mount volumes: unmounted volumes=[{name}], unattached volumes=[], failed to process"
            f" volumes=[{name}]: error processing PVC {namespace}/{wanted}: {why}"
        )
        return MountFailure(name, "FailedMount", text)
    read_only = bool(volume["persistentVolumeClaim"].get("readOnly"))
    size = ((claim.get("status") or {}).get("capacity") or {}).get("storage")
    capacity = quantity.parse(size).value if size is not None else None
    return Volume(name, {}, read_only, False, None, "persistentVolumeClaim", capacity)


def _host_path(volume: Obj) -> Volume | MountFailure:
    source = volume["hostPath"]
    path, kind = source.get("path", ""), source.get("type") or ""
    known = path.startswith(("/var", "/etc", "/tmp", "/run", "/lib", "/data", "/mnt", "/usr", "/dev", "/proc", "/sys"))  # noqa: S108
    if kind in ("Directory", "File", "Socket") and not known:
        what = {"Directory": "a directory", "File": "a file", "Socket": "a socket file"}[kind]
        return _failed(volume["name"], f"hostPath type check failed: {path} is not {what}")
    return Volume(volume["name"], {}, False, False, None, "hostPath")


def mounts_of(container: Obj, volumes: dict[str, Volume], shared: dict[str, dict[str, int]]) -> list[Mount]:
    """What a container sees of them; ``shared`` has what was written, by volume."""
    found = []
    for entry in container.get("volumeMounts") or ():
        volume = volumes.get(entry["name"])
        if volume is None:
            continue
        sub = entry.get("subPath") or ""
        files = volume.files
        if sub:
            files = {"": files[sub]} if sub in files else {}
        found.append(
            Mount(
                path=entry["mountPath"].rstrip("/") or "/",
                volume=volume.name,
                read_only=volume.read_only or bool(entry.get("readOnly")),
                memory=volume.memory,
                limit=volume.limit,
                capacity=volume.capacity,
                files=files,
                shared=shared.setdefault(f"{volume.name}/{sub}" if sub else volume.name, {}),
            )
        )
    return found
