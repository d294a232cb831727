"""What the docker tools share: a project's folder and its Dockerfile, inside the workspace."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mcp_tools.catalog import ToolInput
from mcp_tools.engines import docker_secrets
from mcp_tools.errors import NotFound, UsageError
from mcp_tools.names import EnvName, PathArg
from mcp_tools.world import Call, inside

if TYPE_CHECKING:
    from mcp_tools.engines.docker import DockerEngine

TagName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
"""An image tag (OCI distribution specification)."""

BuildArgs = Annotated[dict[EnvName, str], Field(default_factory=dict, description="No secrets: they stay in the image")]


class ProjectInput(ToolInput):
    """A project."""

    path: PathArg = Field(description="Folder with the sources, which is the build context")
    dockerfile: PathArg = Field("Dockerfile", description="Relative to the folder")


def folder_of(args: ProjectInput, call: Call) -> Path:
    """The project's folder.

    Raises:
        NotFound: there is none.
        Refused: it is outside the workspace.
    """
    folder = call.path(args.path)
    if not folder.is_dir():
        raise NotFound(f"there is no folder {args.path}", remedy="give the folder that holds the sources")
    return folder


def dockerfile_of(args: ProjectInput, call: Call) -> Path:
    """Where the Dockerfile is, or would be.

    Raises:
        Refused: it, or what it links to, is outside the workspace.
        UsageError: it is a folder.
    """
    root = call.path(".")
    file = inside(root, str(folder_of(args, call) / args.dockerfile))
    if file.is_dir():
        raise UsageError(f"{args.dockerfile} is a folder", remedy="name the Dockerfile")
    return file


def checked_build_args(build_args: dict[str, str]) -> dict[str, str]:
    """The build arguments, none of which may be a secret: every image keeps them in its history.

    Raises:
        UsageError: one looks like a secret.
    """
    for name, value in build_args.items():
        kind = docker_secrets.kind_of_value(value)
        if docker_secrets.looks_secret(name) or kind:
            raise UsageError(
                f"build argument {name} looks like a secret",
                "whoever has the image can read its build arguments",
                "give it at run time through a Secret (secret_ensure)",
            )
        if re.search(r"[\x00-\x1f]", value):
            raise UsageError(f"build argument {name} holds control characters", remedy="give one line of text")
    return build_args


Where = Literal["auto", "host", "node"]
"""Whose Docker daemon: this machine's, or the one inside the Minikube node."""


async def node_docker(call: Call) -> DockerEngine:
    """Docker inside the Minikube node. In the sandbox it has no images of its own that could be inspected.

    Raises:
        UsageError: the target is no Minikube.
        EnvironmentNotReady, Conflict: it does not run, or not on Docker.
    """
    from mcp_tools.engines.docker import DockerEngine

    if call.world.simulated:
        return call.world.docker
    return DockerEngine(env=await call.world.minikube.docker_env())
