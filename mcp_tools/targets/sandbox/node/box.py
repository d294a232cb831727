"""What a process sees from inside its container: variables, files, the network, its user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mcp_tools.targets.sandbox.node.images import Image
from mcp_tools.targets.sandbox.node.network import Network
from mcp_tools.targets.sandbox.node.process import Answers
from mcp_tools.targets.sandbox.store import Obj

READ_ONLY = "Read-only file system"
NO_SPACE = "No space left on device"
DENIED = "Permission denied"
SHM_SIZE = 64 << 20
_THERE = ("/bin", "/sbin", "/usr", "/lib", "/opt", "/app", "/etc/ssl", "/proc", "/sys", "/dev", "/srv", "/work")
_FILES = frozenset(
    ("/", "/tmp", "/etc", "/var", "/run", "/home", "/root", "/etc/passwd", "/etc/hosts", "/etc/resolv.conf")  # noqa: S108
)


@dataclass(frozen=True)
class Mount:
    """A mounted volume. ``limit`` is the most that it takes; ``files`` is what it holds from the start."""

    path: str
    volume: str
    read_only: bool = False
    memory: bool = False
    limit: int | None = None
    capacity: int | None = None
    """The size of a claim. Minikube's volumes are folders and do not hold to it: only told behaviour does."""
    files: dict[str, str] = field(default_factory=dict)
    shared: dict[str, int] = field(default_factory=dict)
    """The files that containers of the pod wrote there, by path inside the volume."""


@dataclass
class Box:
    """The inside of one container during one run."""

    pod: Obj
    container: Obj
    image: Image
    argv: list[str]
    env: dict[str, str]
    network: Network
    ip: str
    user: int
    mounts: list[Mount]
    taken: Callable[[int], bool] = lambda port: False
    """Whether another container of the pod has that port."""
    run: int = 0
    """How often it was restarted before."""
    files: dict[str, int] = field(default_factory=dict)
    last_words: list[str] = field(default_factory=list)
    """What was written to the container's ``terminationMessagePath``."""

    @property
    def dash(self) -> bool:
        """Whether its shell is Debian's dash; busybox's otherwise."""
        title = " ".join((*self.image.tags, *self.image.digests))
        return not any(word in title for word in ("alpine", "busybox", "curlimages"))

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.pod["metadata"].get("namespace", ""))

    @property
    def cluster_dns(self) -> bool:
        """Whether names of the cluster are looked up."""
        spec = self.pod["spec"]
        policy = spec.get("dnsPolicy", "ClusterFirst")
        if policy == "None":
            return "10.96.0.10" in ((spec.get("dnsConfig") or {}).get("nameservers") or ())
        if policy == "ClusterFirst":
            return not spec.get("hostNetwork")
        return bool(policy == "ClusterFirstWithHostNet")

    @property
    def read_only_root(self) -> bool:
        """``readOnlyRootFilesystem``."""
        return bool((self.container.get("securityContext") or {}).get("readOnlyRootFilesystem"))

    # -- the network -----------------------------------------------------------------------------------------------

    def connect(self, host: str, port: int) -> Answers:
        """Open a connection.

        Raises:
            NetError: it does not come about.
        """
        return self.network.connect(host, port, self.namespace, self.ip, cluster_dns=self.cluster_dns)

    def resolve(self, host: str) -> list[str]:
        """Look a name up.

        Raises:
            NetError: it has no address.
        """
        return self.network.resolve(host, self.namespace, cluster_dns=self.cluster_dns)

    # -- files -----------------------------------------------------------------------------------------------------

    def mount_of(self, path: str) -> Mount | None:
        """The volume that the path is on."""
        found = [m for m in self.mounts if path == m.path or path.startswith(m.path.rstrip("/") + "/")]
        return max(found, key=lambda mount: len(mount.path)) if found else None

    def text(self, path: str) -> str | None:
        """What a file of a ConfigMap or Secret holds, or the list of name servers; None for every other."""
        mount = self.mount_of(path)
        if mount is None:
            return self.resolver() if path == "/etc/resolv.conf" else None
        return mount.files.get("" if path == mount.path else path[len(mount.path.rstrip("/")) + 1 :])

    def executable(self, path: str) -> bool:
        """Whether a file of a ConfigMap or Secret may be run, by the mode of its volume."""
        mount = self.mount_of(path)
        volume: Obj = next(
            (v for v in self.pod["spec"].get("volumes") or () if mount and v["name"] == mount.volume), {}
        )
        source = volume.get("configMap") or volume.get("secret") or volume.get("projected") or {}
        inside = path[len(mount.path.rstrip("/")) + 1 :] if mount else ""
        own: Obj = next((item for item in source.get("items") or () if item.get("path") == inside), {})
        return bool(int(own.get("mode") or source.get("defaultMode") or 0o644) & 0o111)

    def resolver(self) -> str:
        """``/etc/resolv.conf``, as the kubelet writes it."""
        said = self.pod["spec"].get("dnsConfig") or {}
        servers, search, options = list(said.get("nameservers") or ()), list(said.get("searches") or ()), []
        if self.cluster_dns and self.pod["spec"].get("dnsPolicy") != "None":
            servers = ["10.96.0.10", *servers]
            search = [f"{self.namespace}.svc.cluster.local", "svc.cluster.local", "cluster.local", *search]
            options = ["ndots:5"]
        elif self.pod["spec"].get("dnsPolicy") != "None":
            servers = ["192.168.49.1", *servers]
        for option in said.get("options") or ():
            options.append(f"{option['name']}:{option['value']}" if option.get("value") else str(option.get("name")))
        lines = [f"nameserver {server}" for server in servers]
        lines += [f"search {' '.join(search)}"] if search else []
        lines += [f"options {' '.join(options)}"] if options else []
        return "".join(f"{line}\n" for line in lines)

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        if path in self.files or any(mount.path == path for mount in self.mounts):
            return True
        mount = self.mount_of(path)
        if mount is not None:
            inside = path[len(mount.path.rstrip("/")) + 1 :]
            known = (*mount.files, *mount.shared)
            return any(name == inside or name.startswith(inside + "/") for name in known)
        if any(name.startswith(path.rstrip("/") + "/") for name in self.files):
            return True
        return path in _FILES or path.startswith(_THERE) or not path.startswith("/")

    def write(self, path: str, size: int = 0) -> str | None:
        """Write a file: why not, in the words of the system, or None when it went well."""
        if path.startswith("/dev/shm") and self.mount_of(path) is None:  # noqa: S108
            return NO_SPACE if size > SHM_SIZE else None
        if path.startswith(("/dev/", "/proc/")):
            return None
        mount = self.mount_of(path)
        if mount is None:
            if self.read_only_root:
                return READ_ONLY
            if self.user and path.startswith(
                ("/usr", "/bin", "/sbin", "/etc", "/var/lib", "/var/cache", "/root", "/lib")
            ):
                return DENIED
            self.files[path] = size
            return None
        if mount.read_only:
            return READ_ONLY
        inside = path[len(mount.path.rstrip("/")) + 1 :]
        if mount.memory and mount.limit is not None and sum(mount.shared.values()) + size > mount.limit:
            return NO_SPACE
        mount.shared[inside] = size
        return None

    def remove(self, path: str) -> str | None:
        """Remove a file or folder; why not, or None."""
        mount = self.mount_of(path)
        if (mount is None and self.read_only_root) or (mount is not None and mount.read_only):
            return READ_ONLY
        for name in [name for name in self.files if name == path or name.startswith(path.rstrip("/") + "/")]:
            del self.files[name]
        if mount is not None:
            inside = path[len(mount.path.rstrip("/")) + 1 :]
            for name in [name for name in mount.shared if name == inside or name.startswith(inside.rstrip("*/") + "/")]:
                del mount.shared[name]
        return None
