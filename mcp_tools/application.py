"""The application: what is deployed, described by a typed ``longshore.yaml``.

The JSON schema that editors use is made from these models (``docs/schema/application.schema.json``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from mcp_tools.application_checks import Checks, SecretKeyRef
from mcp_tools.errors import NotFound, UsageError
from mcp_tools.names import EnvName, ImageName, ImageRef, ModuleName, Namespace, ObjectName, PathArg, Port, ServiceName

__all__ = [
    "FILE",
    "Application",
    "Chart",
    "Cluster",
    "Database",
    "KeySource",
    "Secret",
    "Service",
    "Spec",
    "load",
    "schema",
]

FILE = "longshore.yaml"
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
HttpPath = Annotated[str, Field(pattern=r"^/[^\s]*$", max_length=500)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Chart(_Model):
    """The Helm chart of a service: its folder, and values files inside that folder, merged in order."""

    path: PathArg = Field(description="Folder of the chart, relative to this file")
    values: list[PathArg] = Field(default_factory=list, description="Values files, relative to the chart's folder")
    set: dict[str, Any] = Field(default_factory=dict, description="Values merged last")


class Health(_Model):
    """HTTP paths that Kubernetes probes."""

    liveness: HttpPath = "/health"
    readiness: HttpPath = "/ready"


class Amounts(_Model):
    """CPU and memory, in Kubernetes' quantities."""

    cpu: Quantity
    memory: Quantity


class Resources(_Model):
    """Requests and limits of a container."""

    requests: Amounts
    limits: Amounts


class Ingress(_Model):
    """How a service is reached from outside the cluster, where there is an ingress controller."""

    host: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    path: HttpPath = "/"


class Service(_Model):
    """One service that is built from source and deployed as one Helm release of the same name."""

    name: ServiceName
    context: PathArg = Field(description="Folder with its source, relative to this file")
    dockerfile: PathArg = Field("Dockerfile", description="Relative to the context")
    image: ImageName | None = Field(None, description="Image repository; default: the name")
    build_args: dict[EnvName, str] = Field(default_factory=dict)
    imports: list[ModuleName] = Field(
        default_factory=list, description="Modules that must be importable inside the image"
    )
    port: Port
    health: Health = Field(default_factory=lambda: Health.model_validate({}))
    env: dict[EnvName, str] = Field(default_factory=dict, description="Configuration that is no secret")
    secret_env: dict[EnvName, SecretKeyRef] = Field(
        default_factory=dict, description="Variables that come from Secrets"
    )
    depends_on: list[ServiceName] = Field(default_factory=list, description="Installed before, and reached by this one")
    replicas: int = Field(1, ge=0, le=50)
    resources: Resources | None = None
    minikube_resources: Resources | None = Field(
        None, description="Instead, on Minikube (values-minikube.yaml of a generated chart); default: the same"
    )
    writable_paths: list[Annotated[str, Field(pattern=r"^/[^\s]*$")]] = Field(
        default_factory=list, description="Folders that need an emptyDir: the root file system is read-only"
    )
    run_as_user: int = Field(10001, ge=1)
    ingress: Ingress | None = None
    chart: Chart | None = Field(None, description="Default: charts/NAME beside this file, generated when missing")

    @property
    def repository(self) -> str:
        """The image's repository."""
        return self.image or self.name


class Database(_Model):
    """The PostgreSQL of the application: in the cluster on a volume claim, unless an external URL is given."""

    name: ServiceName = "postgres"
    image: ImageRef = "postgres:16-alpine"
    port: Port = 5432
    user: str = Field("app", pattern=r"^[a-z_][a-z0-9_]*$")
    database: str = Field("app", pattern=r"^[a-z_][a-z0-9_]*$")
    password: SecretKeyRef
    storage: Quantity = "1Gi"
    chart: Chart | None = None
    external_url_from_env: EnvName | None = Field(
        None, description="When this variable is set, its URL (Neon, say) is used and no database is installed"
    )


class Generate(_Model):
    """A random value: ``bytes`` of entropy as URL-safe text, or ``length`` letters and digits."""

    bytes: int | None = Field(None, ge=16, le=4096)
    length: int | None = Field(None, ge=16, le=4096)


class KeySource(_Model):
    """Where the value of a secret's key comes from. Values never stand in this file.

    One way; or ``fromEnv`` with a ``template``, which is taken when the variable is not set.
    """

    generate: Generate | None = None
    from_env: EnvName | None = None
    template: str | None = Field(None, description="Text with ${other-key} places")
    optional: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = sum(way is not None for way in (self.generate, self.from_env, self.template))
        if ways != 1 and (ways != 2 or self.generate is not None):
            raise ValueError("give exactly one of generate, fromEnv and template, or fromEnv with a template")
        return self


class Secret(_Model):
    """One Kubernetes Secret and the sources of its keys."""

    name: ObjectName
    keys: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")], KeySource]


class Cluster(_Model):
    """The Minikube that the application wants; reduced, with a warning, where the machine has less."""

    cpus: int = Field(4, ge=1)
    memory_mib: int = Field(8192, ge=1800, description="MiB")
    minimum_memory_mib: int = Field(4096, ge=1024, description="MiB; less than this is an error")
    disk_gib: int = Field(20, ge=5, description="GiB")
    driver: Literal["docker"] = "docker"


class Triggers(_Model):
    """When a rollback is proposed."""

    unhealthy_after_seconds: int = Field(600, ge=10)
    slower_than_seconds: float = Field(2.0, gt=0)
    restarts: int = Field(3, ge=1, description="Restarts that count as a crash loop")


class Quota(_Model):
    """The ResourceQuota of the namespace."""

    requests: Amounts
    limits: Amounts
    pods: int = Field(50, ge=1)


class Spec(_Model):
    """What is deployed, and how it is known to work."""

    namespace: Namespace = "default"
    cluster: Cluster = Field(default_factory=lambda: Cluster.model_validate({}))
    services: list[Service] = Field(min_length=1)
    database: Database | None = None
    secrets: list[Secret] = Field(default_factory=list)
    quota: Quota | None = None
    checks: Checks = Field(default_factory=lambda: Checks.model_validate({}))
    triggers: Triggers = Field(default_factory=lambda: Triggers.model_validate({}))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [s.name for s in self.services] + ([self.database.name] if self.database else [])
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two services are named {', '.join(twice)}")
        for service in self.services:
            for other in service.depends_on:
                if other not in names:
                    raise ValueError(f"service {service.name} depends on {other}, which is no service here")
        _no_cycle({s.name: s.depends_on for s in self.services})
        self._known_secrets()
        return self

    def _known_secrets(self) -> None:
        known = {secret.name: set(secret.keys) for secret in self.secrets}
        used = [(s.name, ref) for s in self.services for ref in s.secret_env.values()]
        if self.database:
            used.append((self.database.name, self.database.password))
        for name, ref in used:
            if ref.secret in known and ref.key not in known[ref.secret]:
                raise ValueError(f"{name} uses key {ref.key} of secret {ref.secret}, which has no such key here")

    def service(self, name: str) -> Service:
        """The service of that name.

        Raises:
            NotFound: there is none; names the others.
        """
        for service in self.services:
            if service.name == name:
                return service
        raise NotFound(f"the application has no service {name}", f"it has {', '.join(s.name for s in self.services)}")

    def in_order(self) -> list[Service]:
        """The services, each after those it depends on."""
        waiting = {s.name: s for s in self.services}
        order: list[Service] = []
        while waiting:
            ready = [s for s in waiting.values() if not set(s.depends_on) & set(waiting)]
            order += ready
            for service in ready:
                del waiting[service.name]
        return order


def _no_cycle(edges: dict[str, list[str]]) -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValueError(
                f"services depend on each other in a circle: {' → '.join((*path[path.index(name) :], name))}"
            )
        if name not in done:
            for other in edges.get(name, []):
                visit(other, (*path, name))
            done.add(name)

    for name in edges:
        visit(name, ())


class Metadata(_Model):
    """The application's name."""

    name: Namespace
    description: str = ""


class Document(_Model):
    """A ``longshore.yaml``."""

    api_version: Literal["longshore.dev/v1"]
    kind: Literal["Application"]
    metadata: Metadata
    spec: Spec


@dataclass(frozen=True)
class Application:
    """An application, and the folder that its paths start from."""

    document: Document
    file: Path

    @property
    def name(self) -> str:
        """Its name."""
        return self.document.metadata.name

    @property
    def spec(self) -> Spec:
        """What is deployed."""
        return self.document.spec

    @property
    def folder(self) -> Path:
        """Where its longshore.yaml lies."""
        return self.file.parent

    def context_of(self, service: Service) -> Path:
        """The build context of a service."""
        return (self.folder / service.context).resolve()

    def chart_of(self, service: Service | Database) -> Path:
        """The chart folder of a service or of the database."""
        return (self.folder / (service.chart.path if service.chart else f"charts/{service.name}")).resolve()

    def values_of(self, service: Service | Database) -> list[Path]:
        """The values files of a service or of the database, in order."""
        return [self.chart_of(service) / file for file in (service.chart.values if service.chart else [])]


def load(path: Path) -> Application:
    """Read a ``longshore.yaml``, or the one in a folder.

    Raises:
        NotFound: there is none.
        UsageError: it is broken; one line that names the place and the remedy.
    """
    import yaml

    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise NotFound(f"there is no {FILE} at {path.name or path}", remedy="longshore init writes one")
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file.name} is not YAML", " ".join(str(error).split())[:300], "correct the line") from error
    if not isinstance(data, dict):
        raise UsageError(
            f"{file.name} describes no application", "it is not a mapping", "longshore init shows the form"
        )
    try:
        return Application(Document.model_validate(data), file.resolve())
    except ValidationError as error:
        raise UsageError(f"{file.name} is not valid", explain(error.errors()), "correct it; docs/deploy.md") from error


def explain(errors: Iterable[Any]) -> str:
    """What pydantic found, in a line: the first three problems with their places."""
    found = list(errors)
    parts = []
    for entry in found[:3]:
        where = ".".join(str(part) for part in entry["loc"])
        message = str(entry["msg"]).removeprefix("Value error, ")
        if entry["type"] == "extra_forbidden":
            message = "is not known"
        parts.append(f"{where}: {message}" if where else message)
    more = len(found) - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def schema() -> dict[str, Any]:
    """The JSON schema of a ``longshore.yaml``, for editors."""
    made = Document.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Longshore application"} | made
