"""Names and references that tools take, each with the pattern its own specification gives.

No pattern admits a leading ``-``, white space or a shell metacharacter, so that no argument can ever be read as a flag.
Sources: Kubernetes "Object Names and IDs" (RFC 1123), Helm release names, the OCI distribution reference grammar.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Namespace = Annotated[str, Field(pattern=rf"^{_LABEL}$", max_length=63)]
"""A Kubernetes namespace (RFC 1123 label)."""

ObjectName = Annotated[str, Field(pattern=rf"^{_LABEL}(\.{_LABEL})*$", max_length=253)]
"""A Kubernetes object name (RFC 1123 subdomain)."""

RbacName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9.:_]*$", max_length=253)]
"""A Kubernetes path-segment name, such as ``system:node``."""

ReleaseName = Annotated[str, Field(pattern=rf"^{_LABEL}$", max_length=53)]
"""A Helm release."""

ServiceName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=53)]
"""A service of an application: a Kubernetes Service name (RFC 1035) short enough for a Helm release."""

KindName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.[a-z0-9.-]+)?$", max_length=100)]
"""A kind, plural or short name, optionally with its group: ``Deployment``, ``pods``, ``certificates.example.io``."""

ContainerName = Annotated[str, Field(pattern=rf"^{_LABEL}$", max_length=63)]
"""A container within a pod."""

ImageName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._/:-]*[a-z0-9])?$", max_length=255)]
"""An image repository without tag: ``todo-backend``, ``localhost:5000/team/api``."""

ImageRef = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$", max_length=400)]
"""An image with or without tag or digest."""

LabelSelector = Annotated[str, Field(pattern=r"^[A-Za-z0-9!][A-Za-z0-9._/=!,() -]*$", max_length=500)]
"""A Kubernetes label selector."""

PathArg = Annotated[str, Field(pattern=r"^[^-\x00-\x1f][^\x00-\x1f]*$", max_length=1000)]
"""A file or folder inside the workspace, relative to it or absolute."""

Port = Annotated[int, Field(ge=1, le=65535)]

EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]

ModuleName = Annotated[str, Field(pattern=r"^(node:)?[A-Za-z@][A-Za-z0-9@._/-]*$", max_length=200)]
"""A module to import inside an image (Python dotted name or Node package)."""
