"""The checks of the Pod Security Standards, with the words of the real ones. Pure.

Source: ``staging/src/k8s.io/pod-security-admission/policy`` of Kubernetes 1.33. A check gives the details of what is
wrong, or nothing; :func:`violations` puts them together as ``ForbiddenDetail`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from mcp_tools.targets.sandbox.store import Obj

Level = Literal["privileged", "baseline", "restricted"]
LEVELS: tuple[Level, ...] = ("privileged", "baseline", "restricted")
Spec = dict[str, Any]
Check = Callable[[Obj, Spec], str]

CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
VOLUME_TYPES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def plural(one: str, more: str, count: int) -> str:
    """The word for that many."""
    return one if count == 1 else more


def quoted(names: Iterable[str]) -> str:
    """The names in quotation marks."""
    return ", ".join(f'"{name}"' for name in names)


def _containers(spec: Spec) -> list[Obj]:
    names = ("initContainers", "containers", "ephemeralContainers")
    return [each for name in names for each in spec.get(name) or ()]


def _context(part: Obj) -> Spec:
    found: Spec = part.get("securityContext") or {}
    return found


def _named(names: Sequence[str]) -> str:
    return f"{plural('container', 'containers', len(names))} {quoted(names)}"


def _bad(spec: Spec, test: Callable[[Obj], bool]) -> list[str]:
    return [each["name"] for each in _containers(spec) if test(each)]


def _windows(spec: Spec) -> bool:
    return bool((spec.get("os") or {}).get("name") == "windows")


# -- baseline ------------------------------------------------------------------------------------------------------


def apparmor(pod: Obj, spec: Spec) -> str:
    """No profile but the default and local ones."""
    setters, values = [], set()
    kind = (_context(spec).get("appArmorProfile") or {}).get("type")
    if kind is not None and kind not in ("RuntimeDefault", "Localhost"):
        setters.append("pod")
        values.add(kind)
    names = _bad(spec, lambda c: _apparmor(c) not in (None, "RuntimeDefault", "Localhost"))
    if names:
        setters.append(_named(names))
        values |= {_apparmor(each) or "" for each in _containers(spec) if each["name"] in names}
    texts = []
    if setters:
        texts.append(f"{' and '.join(setters)} must not set AppArmor profile type to {quoted(sorted(values))}")
    notes = [
        f'{key}="{value}"'
        for key, value in sorted((pod["metadata"].get("annotations") or {}).items())
        if key.startswith(APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    ]
    if notes:
        word = plural("annotation", "annotations", len(notes))
        texts.append(f"{word} {', '.join(notes)}")
    return "; ".join(texts)


def _apparmor(container: Obj) -> str | None:
    found: str | None = (_context(container).get("appArmorProfile") or {}).get("type")
    return found


def capabilities_baseline(pod: Obj, spec: Spec) -> str:
    """No capability beyond those that containers have."""
    names, added = [], set()
    for each in _containers(spec):
        beyond = set((_context(each).get("capabilities") or {}).get("add") or ()) - CAPABILITIES
        if beyond:
            names.append(each["name"])
            added |= beyond
    if not names:
        return ""
    return f"{_named(names)} must not include {quoted(sorted(added))} in securityContext.capabilities.add"


def host_namespaces(pod: Obj, spec: Spec) -> str:
    """No namespace of the host."""
    return ", ".join(f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))


def host_paths(pod: Obj, spec: Spec) -> str:
    """No folder of the host."""
    names = [each["name"] for each in spec.get("volumes") or () if each.get("hostPath") is not None]
    return f"{plural('volume', 'volumes', len(names))} {quoted(names)}" if names else ""


def host_ports(pod: Obj, spec: Spec) -> str:
    """No port of the host."""
    names, ports = [], set()
    for each in _containers(spec):
        found = {str(port["hostPort"]) for port in each.get("ports") or () if port.get("hostPort")}
        if found:
            names.append(each["name"])
            ports |= found
    if not names:
        return ""
    verb, noun = plural("uses", "use", len(names)), plural("hostPort", "hostPorts", len(ports))
    return f"{_named(names)} {verb} {noun} {', '.join(sorted(ports))}"


def privileged(pod: Obj, spec: Spec) -> str:
    """No privileged container."""
    names = _bad(spec, lambda each: bool(_context(each).get("privileged")))
    return f"{_named(names)} must not set securityContext.privileged=true" if names else ""


def proc_mount(pod: Obj, spec: Spec) -> str:
    """The default mount of /proc."""
    if spec.get("hostUsers") is False:
        return ""
    names = _bad(spec, lambda each: _context(each).get("procMount") not in (None, "Default"))
    values = {_context(each)["procMount"] for each in _containers(spec) if each["name"] in names}
    return f"{_named(names)} must not set securityContext.procMount to {quoted(sorted(values))}" if names else ""


def selinux(pod: Obj, spec: Spec) -> str:
    """No SELinux user or role, and types of containers only."""
    setters, types, user, role = [], set(), False, False
    pod_bad, containers_bad = False, []
    for each, is_pod in [(spec, True), *((each, False) for each in _containers(spec))]:
        options = _context(each).get("seLinuxOptions")
        if options is None:
            continue
        wrong = options.get("type", "") not in SELINUX
        if wrong:
            types.add(options["type"])
        if wrong or options.get("user") or options.get("role"):
            user, role = user or bool(options.get("user")), role or bool(options.get("role"))
            pod_bad = pod_bad or is_pod
            containers_bad += [] if is_pod else [each["name"]]
    if pod_bad:
        setters.append("pod")
    if containers_bad:
        setters.append(_named(containers_bad))
    data = []
    if types:
        data.append(f"{plural('type', 'types', len(types))} {quoted(sorted(types))}")
    data += ["user may not be set"] if user else []
    data += ["role may not be set"] if role else []
    return f"{' and '.join(setters)} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}" if setters else ""


def _seccomp(part: Obj) -> str | None:
    found: str | None = (_context(part).get("seccompProfile") or {}).get("type")
    return found


def seccomp_baseline(pod: Obj, spec: Spec) -> str:
    """No profile that lets everything through."""
    allowed = (None, "RuntimeDefault", "Localhost")
    return _forbidden_seccomp(spec, allowed)


def _forbidden_seccomp(spec: Spec, allowed: tuple[str | None, ...]) -> str:
    setters, values = [], set()
    if _seccomp(spec) not in allowed:
        setters.append("pod")
        values.add(_seccomp(spec) or "")
    names = _bad(spec, lambda each: _seccomp(each) not in allowed)
    if names:
        setters.append(_named(names))
        values |= {_seccomp(each) or "" for each in _containers(spec) if each["name"] in names}
    text = f"{' and '.join(setters)} must not set securityContext.seccompProfile.type to {quoted(sorted(values))}"
    return text if setters else ""


def sysctls(pod: Obj, spec: Spec) -> str:
    """Only settings that the host does not feel."""
    names = [each["name"] for each in _context(spec).get("sysctls") or () if each["name"] not in SYSCTLS]
    return ", ".join(names)


def host_process(pod: Obj, spec: Spec) -> str:
    """No process of a Windows host."""
    setters = []
    if (_context(spec).get("windowsOptions") or {}).get("hostProcess"):
        setters.append("pod")
    names = _bad(spec, lambda each: bool((_context(each).get("windowsOptions") or {}).get("hostProcess")))
    if names:
        setters.append(_named(names))
    return f"{' and '.join(setters)} must not set securityContext.windowsOptions.hostProcess=true" if setters else ""


# -- restricted ----------------------------------------------------------------------------------------------------


def escalation(pod: Obj, spec: Spec) -> str:
    """No way to more rights."""
    if _windows(spec):
        return ""
    names = _bad(spec, lambda each: _context(each).get("allowPrivilegeEscalation") is not False)
    return f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false" if names else ""


def capabilities_restricted(pod: Obj, spec: Spec) -> str:
    """All capabilities dropped; only low ports may be added."""
    if _windows(spec):
        return ""
    keeping, adding, added = [], [], set()
    for each in _containers(spec):
        own = _context(each).get("capabilities") or {}
        if "ALL" not in (own.get("drop") or ()):
            keeping.append(each["name"])
        beyond = set(own.get("add") or ()) - {"NET_BIND_SERVICE"}
        if beyond:
            adding.append(each["name"])
            added |= beyond
    texts = []
    if keeping:
        texts.append(f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        wrong = quoted(sorted(added))
        texts.append(f"{_named(adding)} must not include {wrong} in securityContext.capabilities.add")
    return "; ".join(texts)


def volumes(pod: Obj, spec: Spec) -> str:
    """Volumes of the cluster only."""
    names, types = [], set()
    for each in spec.get("volumes") or ():
        kinds = [name for name in each if name != "name"]
        if not VOLUME_TYPES & set(kinds) and kinds:
            names.append(each["name"])
            types.add(kinds[0])
    if not names:
        return ""
    noun, verb = plural("volume", "volumes", len(names)), plural("uses", "use", len(names))
    of = plural("restricted volume type", "restricted volume types", len(types))
    return f"{noun} {quoted(names)} {verb} {of} {quoted(sorted(types))}"


def non_root(pod: Obj, spec: Spec) -> str:
    """Said to be no root."""
    if spec.get("hostUsers") is False:
        return ""
    whole = _context(spec).get("runAsNonRoot")
    setters = ["pod"] if whole is False else []
    explicit = _bad(spec, lambda each: _context(each).get("runAsNonRoot") is False)
    implicit = _bad(spec, lambda each: _context(each).get("runAsNonRoot") is None) if not whole else []
    if explicit:
        setters.append(_named(explicit))
    if setters:
        return f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"
    return f"pod or {_named(implicit)} must set securityContext.runAsNonRoot=true" if implicit else ""


def user(pod: Obj, spec: Spec) -> str:
    """Not the number of root."""
    if spec.get("hostUsers") is False:
        return ""
    setters = ["pod"] if _context(spec).get("runAsUser") == 0 else []
    names = _bad(spec, lambda each: _context(each).get("runAsUser") == 0)
    if names:
        setters.append(_named(names))
    return f"{' and '.join(setters)} must not set runAsUser=0" if setters else ""


def seccomp_restricted(pod: Obj, spec: Spec) -> str:
    """A profile that is said."""
    if _windows(spec):
        return ""
    forbidden = _forbidden_seccomp(spec, (None, "RuntimeDefault", "Localhost"))
    if forbidden or _seccomp(spec) is not None:
        return forbidden
    names = _bad(spec, lambda each: _seccomp(each) is None)
    text = f'pod or {_named(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return text if names else ""


BASELINE: tuple[tuple[str, str, Check], ...] = (
    ("appArmorProfile", "forbidden AppArmor profile", apparmor),
    ("capabilities_baseline", "non-default capabilities", capabilities_baseline),
    ("hostNamespaces", "host namespaces", host_namespaces),
    ("hostPathVolumes", "hostPath volumes", host_paths),
    ("hostPorts", "hostPort", host_ports),
    ("privileged", "privileged", privileged),
    ("procMount", "procMount", proc_mount),
    ("seLinuxOptions", "seLinuxOptions", selinux),
    ("seccompProfile_baseline", "seccompProfile", seccomp_baseline),
    ("sysctls", "forbidden sysctls", sysctls),
    ("windowsHostProcess", "hostProcess", host_process),
)
RESTRICTED: tuple[tuple[str, str, Check], ...] = (
    ("allowPrivilegeEscalation", "allowPrivilegeEscalation != false", escalation),
    ("capabilities_restricted", "unrestricted capabilities", capabilities_restricted),
    ("restrictedVolumes", "restricted volume types", volumes),
    ("runAsNonRoot", "runAsNonRoot != true", non_root),
    ("runAsUser", "runAsUser=0", user),
    ("seccompProfile_restricted", "seccompProfile", seccomp_restricted),
)
OVERRIDDEN = frozenset({"capabilities_baseline", "hostPathVolumes", "seccompProfile_baseline"})


def violations(level: Level, pod: Obj) -> list[tuple[str, str]]:
    """What of the pod violates the level: reasons with their details."""
    if level == "privileged":
        return []
    checks = BASELINE
    if level == "restricted":
        checks = (*(check for check in BASELINE if check[0] not in OVERRIDDEN), *RESTRICTED)
    spec = pod.get("spec") or {}
    found = ((reason, check(pod, spec)) for _, reason, check in checks)
    return [(reason, detail) for reason, detail in found if detail]


def detail(found: Sequence[tuple[str, str]]) -> str:
    """The violations in one line."""
    return ", ".join(f"{reason} ({text})" for reason, text in found)
