"""Starting a container: its image, its configuration, its process; each step with the kubelet's event and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_tools.targets.sandbox import quantity
from mcp_tools.targets.sandbox.node import behaviour as behaviours
from mcp_tools.targets.sandbox.node import names, probes, programs
from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.environment import ConfigError, Environment, expand
from mcp_tools.targets.sandbox.node.images import Image, Pull, PullError
from mcp_tools.targets.sandbox.node.process import Process
from mcp_tools.targets.sandbox.node.runtime import PodRun, Run, Slot, container_id
from mcp_tools.targets.sandbox.node.volumes import mounts_of
from mcp_tools.targets.sandbox.store import Obj

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.node.kubelet import Kubelet

PULL_BACKOFF, PULL_BACKOFF_MAX = 10.0, 300.0
AGAIN = 1.0
"""Seconds until the kubelet looks at a pod again whose container could not be started."""
SMALLEST_LIMIT = 6 << 20
OUT_OF_MEMORY = programs.StartError(
    128, f"{programs.OCI}: container init was OOM-killed (memory limit too low?): unknown"
)
"""What is in volumes of memory outlives a container, and counts against the limit of the next one."""
FILES = frozenset({"/etc/passwd", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/bin/sh", "/dev/null"})
"""Files of every image: no folders to work in."""


class NotStarted(Exception):
    """The container waits; reason and message of its state. ``blocked``: until an object changes."""

    def __init__(self, reason: str, message: str = "", *, blocked: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.message, self.blocked = reason, message, blocked


def pod_words(pod: Obj) -> str:
    """``name_namespace(uid)``, as the kubelet names a pod."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta.get('namespace', '')}({meta['uid']})"


def start(kubelet: Kubelet, run: PodRun, pod: Obj, slot: Slot, now: float) -> None:
    """Start the container of that slot, or say why it waits."""
    try:
        image = _image(kubelet, pod, slot, now)
        if image is None:
            return
        _begin(kubelet, run, pod, slot, image, now)
    except NotStarted as reason:
        slot.waiting = (reason.reason, reason.message)
        run.blocked = run.blocked or reason.blocked


# -- the image -----------------------------------------------------------------------------------------------------


def _image(kubelet: Kubelet, pod: Obj, slot: Slot, now: float) -> Image | None:
    """The image, when it is there; None while it is on its way."""
    wanted = slot.spec.get("image", "")
    try:
        name = names.parse(wanted)
    except names.InvalidName as error:
        message = f'Failed to apply default image tag "{wanted}": {error}'
        kubelet.event(pod, slot, "Warning", "InspectFailed", message)
        kubelet.event(pod, slot, "Warning", "Failed", "Error: InvalidImageName")
        raise NotStarted("InvalidImageName", message, blocked=True) from None
    if slot.pull is not None:
        return _pulled(kubelet, pod, slot, now)
    fault = kubelet.faults.image(wanted)
    image = None if fault is not None and fault.effect == "missing" else kubelet.images.find(wanted)
    policy = slot.spec.get("imagePullPolicy") or ("Always" if name.tag == "latest" else "IfNotPresent")
    if policy == "Never" and image is None:
        message = f'Container image "{wanted}" is not present with pull policy of Never'
        kubelet.event(pod, slot, "Warning", "ErrImageNeverPull", message)
        kubelet.event(pod, slot, "Warning", "Failed", "Error: ErrImageNeverPull")
        raise NotStarted("ErrImageNeverPull", message, blocked=True)
    if image is not None and policy != "Always":
        kubelet.event(pod, slot, "Normal", "Pulled", f'Container image "{wanted}" already present on machine')
        return image
    if slot.pull_error and slot.retry_at is not None and now < slot.retry_at:
        _back_off(kubelet, pod, slot)
    return _pull(kubelet, pod, slot, now)


def _back_off(kubelet: Kubelet, pod: Obj, slot: Slot) -> None:
    wanted = slot.spec["image"]
    text = f'Back-off pulling image "{wanted}"'
    if slot.waiting is None or slot.waiting[0] != "ImagePullBackOff":
        kubelet.event(pod, slot, "Normal", "BackOff", text)
        kubelet.event(pod, slot, "Warning", "Failed", "Error: ImagePullBackOff")
    raise NotStarted("ImagePullBackOff", f"{text}: ErrImagePull: {slot.pull_error}", blocked=True)


def _pull(kubelet: Kubelet, pod: Obj, slot: Slot, now: float) -> Image | None:
    wanted = slot.spec["image"]
    if slot.pull_error and slot.pull_delay:
        # The kubelet looks at the pod every few seconds meanwhile, and says the same each time.
        times = int(slot.pull_delay // 13)
        if times:
            kubelet.event(pod, slot, "Normal", "BackOff", f'Back-off pulling image "{wanted}"', times)
            kubelet.event(pod, slot, "Warning", "Failed", "Error: ImagePullBackOff", times)
    kubelet.event(pod, slot, "Normal", "Pulling", f'Pulling image "{wanted}"')
    fault = kubelet.faults.image(wanted)
    try:
        private = fault is not None and fault.effect == "private"
        if fault is not None and (fault.effect == "pull" or (private and not _credentials(kubelet, pod))):
            raise PullError(fault.message or f"Error response from daemon: {_refusal(wanted, private=private)}")
        pull = kubelet.images.pull(wanted, private=private)
    except PullError as error:
        slot.pull_error = str(error)
        slot.pull_delay = min(slot.pull_delay * 2 or PULL_BACKOFF, PULL_BACKOFF_MAX)
        slot.retry_at = now + slot.pull_delay
        kubelet.event(pod, slot, "Warning", "Failed", f'Failed to pull image "{wanted}": {error}')
        kubelet.event(pod, slot, "Warning", "Failed", "Error: ErrImagePull")
        kubelet.later(pod, AGAIN)
        raise NotStarted("ErrImagePull", str(error), blocked=True) from None
    present = kubelet.images.find(wanted)
    seconds = fault.seconds if fault is not None and fault.effect == "slow" else pull.seconds
    slot.pull = Pull(pull.image, 0.0 if present is not None and present.id == pull.image.id and not fault else seconds)
    slot.pull_began = now
    slot.pull_error = ""
    slot.waiting = None
    slot.retry_at = now + slot.pull.seconds
    return _pulled(kubelet, pod, slot, now) if slot.pull.seconds == 0.0 else None


def _refusal(wanted: str, *, private: bool) -> str:
    name = names.parse(wanted)
    if not private:
        return f"manifest for {name.familiar} not found: manifest unknown: manifest unknown"
    why = "repository does not exist or may require 'docker login'"
    return f"pull access denied for {name.short}, {why}: denied: requested access to the resource is denied"


def _credentials(kubelet: Kubelet, pod: Obj) -> bool:
    """Whether the pod, or its service account, names a secret for registries that is there."""
    space, spec = pod["metadata"].get("namespace", ""), pod["spec"]
    account = kubelet.store.get("serviceaccounts", space, spec.get("serviceAccountName") or "default") or {}
    for entry in [*(spec.get("imagePullSecrets") or ()), *(account.get("imagePullSecrets") or ())]:
        secret = kubelet.store.get("secrets", space, entry.get("name", ""))
        if secret is not None and str(secret.get("type", "")).startswith("kubernetes.io/docker"):
            return True
    return False


def _pulled(kubelet: Kubelet, pod: Obj, slot: Slot, now: float) -> Image | None:
    assert slot.pull is not None
    if now < slot.pull_began + slot.pull.seconds:
        return None
    image, seconds = slot.pull.image, slot.pull.seconds or 0.412
    took = f"{seconds:.3f}".rstrip("0") + "s" if seconds >= 1 else f"{round(seconds * 1000)}ms"
    slot.pull, slot.retry_at, slot.pull_delay = None, None, 0.0
    if kubelet.images.find(slot.spec["image"]) is None:
        kubelet.images.add(image)
    text = f'Successfully pulled image "{slot.spec["image"]}" in {took} ({took} including waiting).'
    kubelet.event(pod, slot, "Normal", "Pulled", f"{text} Image size: {image.size} bytes.")
    return kubelet.images.find(slot.spec["image"])


# -- the configuration ---------------------------------------------------------------------------------------------


def _config_error(kubelet: Kubelet, pod: Obj, slot: Slot, message: str, reason: str) -> NotStarted:
    kubelet.event(pod, slot, "Warning", "Failed", f"Error: {message}")
    return NotStarted(reason, message, blocked=True)


def _user(pod: Obj, slot: Slot, image: Image) -> int:
    """The user's number.

    Raises:
        ConfigError: it has to be another than root, and is not, or nobody knows.
    """
    own, whole = slot.spec.get("securityContext") or {}, pod["spec"].get("securityContext") or {}
    must = own.get("runAsNonRoot", whole.get("runAsNonRoot"))
    number = own.get("runAsUser", whole.get("runAsUser"))
    where = f'(pod: "{pod_words(pod)}", container: {slot.name})'
    if number is not None:
        if must and number == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return int(number)
    written = image.user.partition(":")[0]
    if written.isdigit():
        if must and int(written) == 0:
            raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
        return int(written)
    if must and written and written != "root":
        words = f"image has non-numeric user ({written}), cannot verify user is non-root"
        raise ConfigError(f"container has runAsNonRoot and {words} {where}")
    if must:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    return 0 if written in ("", "root") else 101


def _begin(kubelet: Kubelet, run: PodRun, pod: Obj, slot: Slot, image: Image, now: float) -> None:
    resolver = Environment(kubelet.store, pod, run.ip, kubelet.host_ip, kubelet.allocatable)
    try:
        env = resolver.of(slot.spec, image.env)
        user = _user(pod, slot, image)
        said = kubelet.faults.behaviour(pod, slot.spec) or behaviours.annotated(pod, slot.name)
    except (ConfigError, behaviours.NotABehaviour) as error:
        raise _config_error(kubelet, pod, slot, str(error), "CreateContainerConfigError") from None
    argv = argv_of(slot.spec, image, env)
    limit = _memory_limit(slot)
    refused = _refused(kubelet, slot, image, argv, limit)
    if refused:
        raise _config_error(kubelet, pod, slot, f"Error response from daemon: {refused}", "CreateContainerError")
    number = slot.restarts + (slot.run is not None)
    mounts = mounts_of(slot.spec, run.volumes or {}, run.shared)
    box = Box(pod, slot.spec, image, argv, env, kubelet.network, run.ip, user, mounts, run=number)
    box.taken = lambda port: kubelet.port_taken(run, slot, port)
    kubelet.event(pod, slot, "Normal", "Created", f"Created container: {slot.name}")
    new = Run(container_id(), number, now, box=box, behaviour=said, image=_shown(slot, image))
    new.image_id = image.status_id
    _next_run(slot, new)
    steps = programs.launch(box, said) if limit is None or _tmpfs(box) < limit else OUT_OF_MEMORY
    if isinstance(steps, programs.StartError):
        _cannot_run(kubelet, pod, slot, new, steps, now)
        return
    new.process = Process(steps, now, memory_limit=limit, extra_memory=lambda: _tmpfs(box))
    probes.begin(new, slot.spec)
    kubelet.event(pod, slot, "Normal", "Started", f"Started container {slot.name}")
    kubelet.advance(run, slot, now)
    _post_start(kubelet, pod, slot, box, now)


def _post_start(kubelet: Kubelet, pod: Obj, slot: Slot, box: Box, now: float) -> None:
    """The hook after the start: when it fails the container is killed."""
    hook = ((slot.spec.get("lifecycle") or {}).get("postStart") or {}).get("exec")
    if not hook or slot.up is None or slot.up.process is None:
        return
    command = [str(word) for word in hook.get("command") or ()]
    done = probes.execute(box, command) if command else None
    if done is None or done.code == 0:
        return
    # What the command said stays out of the event: it may hold secrets.
    kubelet.event(pod, slot, "Warning", "FailedPostStartHook", "PostStartHook failed")
    kubelet.event(pod, slot, "Normal", "Killing", "FailedPostStartHook")
    slot.up.process.kill(now, 137)
    slot.up.end(now, 137, "Error")
    slot.seen = False


def argv_of(container: Obj, image: Image, env: dict[str, str]) -> list[str]:
    """The words that are run: the container's, the image's where it says none."""
    command = container.get("command")
    words = [*(command or image.entrypoint), *(container.get("args") or (() if command else image.command))]
    return [expand(str(word), env) for word in words]


def _shown(slot: Slot, image: Image) -> str:
    """The image's name in the status: the tag that was asked for, or whatever name the image has."""
    familiar = names.parse(slot.spec["image"]).familiar
    if familiar in image.tags or not (image.tags or image.digests):
        return familiar
    return (image.tags or image.digests)[0]


def _next_run(slot: Slot, new: Run) -> None:
    if slot.run is not None:
        slot.last = slot.run
        slot.restarts += 1
    slot.run, slot.waiting, slot.retry_at, slot.seen = new, None, None, True


def _refused(kubelet: Kubelet, slot: Slot, image: Image, argv: list[str], limit: int | None) -> str:
    fault = kubelet.faults.image(slot.spec["image"])
    if image.damaged or (fault is not None and fault.effect == "damaged"):
        return "layer does not exist"
    if str(slot.spec.get("workingDir", "")) in FILES:
        return f"Cannot mkdir: {slot.spec['workingDir']} is not a directory"
    if not argv:
        return "no command specified"
    if limit is not None and limit < SMALLEST_LIMIT:
        return "Minimum memory limit allowed is 6MB"
    return ""


def _cannot_run(kubelet: Kubelet, pod: Obj, slot: Slot, new: Run, error: programs.StartError, now: float) -> None:
    words = f"Error response from daemon: {error.message}"
    kubelet.event(pod, slot, "Warning", "Failed", f'Error: failed to start container "{slot.name}": {words}')
    new.passed_startup = new.ready = False
    new.end(now, error.code, "ContainerCannotRun", error.message)
    slot.waiting = ("RunContainerError", f'failed to start container "{new.id}": {words}')
    slot.seen = True
    kubelet.later(pod, AGAIN)


def _memory_limit(slot: Slot) -> int | None:
    written = ((slot.spec.get("resources") or {}).get("limits") or {}).get("memory")
    return quantity.parse(written).value if written is not None else None


def _tmpfs(box: Box) -> int:
    """Bytes in volumes of memory: they count as the container's."""
    seen: dict[str, int] = {}
    for mount in box.mounts:
        if mount.memory:
            seen[mount.volume] = sum(mount.shared.values())
    return sum(seen.values())
