"""What diagnosis answers: findings with stable codes, root cause, evidence, what each explains, and a typed fix."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from mcp_tools.effects import Effect
from mcp_tools.untrusted import Untrusted


class Severity(StrEnum):
    """How much it matters now."""

    ERROR = "error"
    """Something does not work."""
    WARNING = "warning"
    """It works, or is meant to be off, but somebody should know."""


class Ref(NamedTuple):
    """One object."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class ObjectRef(BaseModel):
    """The object that a finding is about."""

    kind: str
    namespace: str
    name: str


class Fix(BaseModel):
    """A call that would fix it. It passes the guard like any other."""

    summary: str
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    effect: Effect


class Finding(BaseModel):
    """One result of diagnosis."""

    code: str
    severity: Severity
    object: ObjectRef
    root_cause: Untrusted
    evidence: list[Untrusted] = Field(default_factory=list)
    explains: list[str] = Field(default_factory=list, description="Symptoms that have this cause, and are not listed")
    remedy: str = Field("", description="What to do, in words")
    fix: Fix | None = None


# Most important first within a severity: causes that stand before others in the life of a pod.
CODES: dict[str, str] = {
    "NODE_NOT_READY": "a node does not work",
    "NODE_PRESSURE": "a node is short of memory, disk or processes",
    "QUOTA_EXCEEDED": "the namespace's quota admits no more pods",
    "SERVICE_ACCOUNT_MISSING": "the pods' service account does not exist",
    "POD_REFUSED": "the API server refuses to create the pods",
    "IMAGE_NAME_INVALID": "the image reference is no image name",
    "IMAGE_TAG_MISSING": "the image is there, but not with that tag",
    "IMAGE_NOT_ON_NODE": "the image has not been loaded into the node",
    "IMAGE_PULL_DENIED": "the registry refuses the image",
    "SECRET_MISSING": "a Secret that a pod needs does not exist",
    "SECRET_KEY_MISSING": "a Secret lacks a key that a pod needs",
    "CONFIG_MISSING": "a ConfigMap that a pod needs does not exist",
    "CONFIG_KEY_MISSING": "a ConfigMap lacks a key that a pod needs",
    "PVC_MISSING": "a volume claim that a pod needs does not exist",
    "PVC_PENDING": "a volume claim cannot be bound",
    "UNSCHEDULABLE": "a pod fits on no node",
    "MOUNT_FAILED": "a volume cannot be mounted",
    "CONTAINER_CANNOT_START": "the container's command cannot be started",
    "OOM_KILLED": "a container is killed for using more memory than its limit",
    "CRASH_LOOP": "a container crashes again and again",
    "PROBE_FAILING": "a container runs, but its probe fails",
    "POD_EVICTED": "a node has thrown out a pod, and nothing replaced it",
    "JOB_FAILED": "a job has failed",
    "NO_ENDPOINTS": "a Service reaches no pod",
    "PORT_MISMATCH": "a Service sends to a port that its pods do not declare",
    "INGRESS_BACKEND_MISSING": "an Ingress routes to a Service or port that does not exist",
    "ROLLOUT_STUCK": "a rollout does not come to its end",
    "HELM_PENDING": "a Helm operation began and did not end",
    "HELM_FAILED": "a Helm release's newest revision failed",
    "SCALED_TO_ZERO": "something that is asked for is scaled to zero",
}
_ORDER = {code: place for place, code in enumerate(CODES)}


@dataclass
class Draft:
    """A finding while the rules work.

    ``about`` are the objects that show it (its pods, its workload); ``because_of`` makes it a symptom: it is hidden
    and named by another draft that is about one of these.
    """

    code: str
    object: Ref
    root_cause: str
    evidence: list[str] = field(default_factory=list)
    severity: Severity = Severity.ERROR
    about: set[Ref] = field(default_factory=set)
    because_of: set[Ref] = field(default_factory=set)
    explains: list[str] = field(default_factory=list)
    remedy: str = ""
    fix: Fix | None = None
    text: str = ""
    """Log lines and messages, searched for the names of other services."""

    def __post_init__(self) -> None:
        assert self.code in CODES, self.code
        self.about.add(self.object)

    @property
    def order(self) -> tuple[int, int, str]:
        """For sorting, most important first."""
        return (0 if self.severity is Severity.ERROR else 1, _ORDER[self.code], str(self.object))

    def finding(self) -> Finding:
        """The finding that is shown."""
        ref = ObjectRef(kind=self.object.kind, namespace=self.object.namespace, name=self.object.name)
        return Finding(
            code=self.code,
            severity=self.severity,
            object=ref,
            root_cause=self.root_cause,
            evidence=self.evidence,
            explains=self.explains,
            remedy=self.remedy,
            fix=self.fix,
        )
