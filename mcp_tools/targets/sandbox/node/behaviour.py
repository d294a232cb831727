"""What a container does over time, as data: chosen by its image, by a fault, or by an annotation of its pod.

The annotation ``sandbox.longshore.dev/behaviour`` holds the JSON of one :class:`Behaviour`, for every container of the
pod, or of an object from container names to them.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mcp_tools.targets.sandbox.store import Obj

ANNOTATION = "sandbox.longshore.dev/behaviour"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Exit(_Model):
    """The process ends by itself."""

    after: float = Field(default=0.0, ge=0, description="Seconds after its start")
    code: int = Field(default=1, ge=0, le=255)
    times: int | None = Field(default=None, ge=1, description="Only so many first runs end so; later ones stay up")


class LogLine(_Model):
    """A line that it writes."""

    at: float = Field(default=0.0, ge=0, description="Seconds after its start")
    text: str
    every: float | None = Field(default=None, gt=0, description="Again each time that many seconds have passed")


class MemoryPoint(_Model):
    """From then on it uses that much memory, until the next point."""

    at: float = Field(default=0.0, ge=0)
    bytes: int = Field(ge=0)


class Write(_Model):
    """It writes a file; where the file system is read-only, it says so and ends with code 1."""

    path: str
    bytes: int = Field(default=0, ge=0)
    at: float = Field(default=0.0, ge=0)
    owner: int | None = Field(default=None, description="Whose the folder is; others need an fsGroup, or are denied")


class Behaviour(_Model):
    """What the process of a container does. Everything that is not said is as its image and command have it."""

    ports: list[int] | None = Field(default=None, description="Listened on; None: those that the container declares")
    paths: dict[str, int] = Field(default_factory=dict, description="HTTP status by path; `*` is for every other one")
    protocol: Literal["http", "grpc", "tcp"] = "http"
    latency: float = Field(default=0.0, ge=0, description="Seconds until a request is answered")
    start_delay: float = Field(default=0.0, ge=0, description="Seconds until the ports are open")
    exit: Exit | None = None
    log: list[LogLine] = Field(default_factory=list)
    memory: list[MemoryPoint] = Field(default_factory=list)
    cpu: str = Field(default="", description="Processor time that it uses: `5m`")
    needs_env: list[str] = Field(default_factory=list, description="Variables without which it ends with code 1")
    expects_env: dict[str, str] = Field(default_factory=dict, description="Values that variables must have")
    needs_host: list[str] = Field(default_factory=list, description="`host:port` without which it ends with code 1")
    depends_on: list[str] = Field(
        default_factory=list,
        description="`host:port` without which it stays up, but answers 503 at `/ready` and the like",
    )
    needs_files: list[str] = Field(default_factory=list, description="Files without which it ends with code 1")
    writes: list[Write] = Field(default_factory=list)
    bad_argument: str = Field(
        default="", description="Its own words about an argument that it refuses; ends with code 2"
    )
    start_error: str = Field(default="", description="What the runtime says instead of starting it")
    on_term: int | None = Field(
        default=None, description="Exit code on SIGTERM; None: as its program has it; -1: ignored"
    )

    @property
    def serves(self) -> bool:
        """Whether it says anything about staying up and answering."""
        return self.ports is not None or bool(self.paths)


class NotABehaviour(ValueError):
    """The annotation does not hold what it should."""


def annotated(pod: Obj, container: str) -> Behaviour | None:
    """The behaviour that the pod's annotation gives that container.

    Raises:
        NotABehaviour: the annotation cannot be read.
    """
    text = (pod["metadata"].get("annotations") or {}).get(ANNOTATION)
    if not text:
        return None
    try:
        data: Any = json.loads(text)
        names = [box["name"] for part in ("initContainers", "containers") for box in pod["spec"].get(part) or ()]
        if isinstance(data, dict) and data and all(key in names for key in data):
            data = data.get(container)
            if data is None:
                return None
        return Behaviour.model_validate(data)
    except (json.JSONDecodeError, ValidationError) as error:
        raise NotABehaviour(f"annotation {ANNOTATION}: {error}") from error
