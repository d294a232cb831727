"""Security contexts and seccomp profiles.

Source: ``ValidateSecurityContext`` of Kubernetes 1.33.
"""

from __future__ import annotations

from mcp_tools.targets.sandbox import validation_names as names
from mcp_tools.targets.sandbox.validation_fields import (
    Errors,
    Obj,
    Raw,
    descending,
    invalid,
    pointer,
    required,
    unsupported,
)


def security(errors: Errors, context: Obj, path: str) -> None:
    """The security context of a container."""
    for field in ("runAsUser", "runAsGroup"):
        value = context.get(field)
        if value is not None and not 0 <= value < 2**31:
            errors.append(invalid(f"{path}.{field}", value, names.between(0, 2**31 - 1)))
    mount = context.get("procMount")
    if mount is not None and mount not in ("Default", "Unmasked"):
        errors.append(unsupported(f"{path}.procMount", mount, ["Default", "Unmasked"]))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            said = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid(path, _context(context), said))
        if "CAP_SYS_ADMIN" in (context.get("capabilities") or {}).get("add", ()):
            said = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid(path, _context(context), said))
    seccomp(errors, context.get("seccompProfile"), f"{path}.seccompProfile")


def _context(context: Obj) -> Raw:
    """A security context as Go prints it."""
    fields = (
        ("capabilities", "Capabilities", "core.Capabilities"),
        ("privileged", "Privileged", "bool"),
        ("seLinuxOptions", "SELinuxOptions", "core.SELinuxOptions"),
        ("windowsOptions", "WindowsOptions", "core.WindowsSecurityContextOptions"),
        ("runAsUser", "RunAsUser", "int64"),
        ("runAsGroup", "RunAsGroup", "int64"),
        ("runAsNonRoot", "RunAsNonRoot", "bool"),
        ("readOnlyRootFilesystem", "ReadOnlyRootFilesystem", "bool"),
        ("allowPrivilegeEscalation", "AllowPrivilegeEscalation", "bool"),
        ("procMount", "ProcMount", "core.ProcMountType"),
        ("seccompProfile", "SeccompProfile", "core.SeccompProfile"),
        ("appArmorProfile", "AppArmorProfile", "core.AppArmorProfile"),
    )
    printed = ", ".join(f"{title}:{pointer(kind, context.get(name))}" for name, title, kind in fields)
    return Raw(f"core.SecurityContext{{{printed}}}")


def seccomp(errors: Errors, profile: Obj | None, path: str) -> None:
    """A seccomp profile."""
    if profile is None:
        return
    kind = profile.get("type", "")
    allowed = ["Localhost", "RuntimeDefault", "Unconfined"]
    if kind not in allowed:
        if not kind:
            errors.append(required(f"{path}.type", "type is required when seccompProfile is set"))
        else:
            errors.append(unsupported(f"{path}.type", kind, allowed))
    elif kind == "Localhost":
        if "localhostProfile" not in profile:
            said = "must be set when seccomp type is Localhost"
            errors.append(required(f"{path}.localhostProfile", said))
        else:
            descending(errors, profile["localhostProfile"], f"{path}.localhostProfile")
    elif "localhostProfile" in profile:
        said = "can only be set when seccomp type is Localhost"
        errors.append(invalid(f"{path}.localhostProfile", profile["localhostProfile"], said))
