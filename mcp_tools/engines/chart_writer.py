"""Writes the Helm chart of a service of an application: what is common comes from one library chart.

Pure, but for :func:`write`: the same ``longshore.yaml`` and the same source folder always give the same files.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mcp_tools.application import Amounts, Application, Database, Resources, Service
from mcp_tools.effects import Effect
from mcp_tools.engines import manifests
from mcp_tools.errors import EnvironmentNotReady, ToolFailed, UsageError

if TYPE_CHECKING:
    from mcp_tools.guard.permit import Permit

VERSION = "0.1.0"
"""Version of generated charts: raised when the templates change."""

LIBRARY = Path(__file__).resolve().parents[2] / "charts" / "longshore-common"
TEMPLATES = Path(__file__).resolve().parents[1] / "templates" / "chart"
FILES = {
    "Chart.yaml": "Chart.yaml.j2",
    ".helmignore": "helmignore.j2",
    "values.yaml": "values.yaml.j2",
    "values-minikube.yaml": "values-minikube.yaml.j2",
    "templates/all.yaml": "all.yaml.j2",
    "templates/NOTES.txt": "NOTES.txt.j2",
    "templates/tests/test.yaml": "test.yaml.j2",
}
ONLY_STATELESS = ("ingress", "strategy", "podDisruptionBudget", "autoscaling")
MODEST = Resources(requests=Amounts(cpu="50m", memory="64Mi"), limits=Amounts(cpu="500m", memory="512Mi"))
"""What a service gets that does not say what it needs."""

DATABASE_USER = 10001
PGDATA = "/var/lib/postgresql/data"
# PostgreSQL wants a name for its user, and images differ in its number: with this file any number will do.
PASSWD = (
    "root:x:0:0:root:/root:/sbin/nologin\n"
    f"postgres:x:{DATABASE_USER}:{DATABASE_USER}:PostgreSQL:/var/lib/postgresql:/sbin/nologin"
)

Runtime = Literal["python", "node", "shell", "postgres"]


@dataclass(frozen=True)
class ChartSpec:
    """Everything that the templates of a service's chart need; the names are those of the templates."""

    name: str
    description: str
    part_of: str
    image: dict[str, str]
    port: int
    port_name: str
    runtime: Runtime
    probes: dict[str, dict[str, Any]]
    resources: Resources
    minikube_resources: Resources
    existing_secret: str
    from_services: list[str]
    stateful: bool = False
    replicas: int = 1
    config: dict[str, str] = field(default_factory=dict)
    files: list[dict[str, str]] = field(default_factory=list)
    secret_env: dict[str, dict[str, Any]] = field(default_factory=dict)
    ingress: dict[str, str] | None = None
    from_anywhere: bool = False
    to_services: dict[str, int] = field(default_factory=dict)
    to_internet: list[int] = field(default_factory=list)
    internet_note: str = ""
    run_as_user: int = 10001
    writable_paths: list[str] = field(default_factory=list)
    size_limit: str = "64Mi"
    mount_path: str = ""
    storage: str = ""
    pre_stop: int = 3
    grace: int = 30

    @property
    def dns(self) -> bool:
        """Whether it looks names up."""
        return bool(self.to_services or self.to_internet) or not self.stateful


def part_of(app: Application, name: str) -> Service | Database:
    """The service, or the database, of that name.

    Raises:
        NotFound: there is none.
    """
    database = app.spec.database
    return database if database is not None and name == database.name else app.spec.service(name)


def spec_of(app: Application, name: str) -> ChartSpec:
    """What the chart of that service says.

    Raises:
        NotFound: the application has no such service.
        UsageError: a variable looks like a secret but is not taken from one.
    """
    part = part_of(app, name)
    return _database_spec(app, part) if isinstance(part, Database) else _service_spec(app, part)


def _service_spec(app: Application, service: Service) -> ChartSpec:
    for variable, value in service.env.items():
        if manifests.looks_secret(variable, value):
            raise UsageError(
                f"{variable} of service {service.name} looks like a secret",
                "env goes into a ConfigMap, which anybody may read",
                "move it to secretEnv",
            )
    users = _users(app, service.name)
    resources = service.resources or MODEST
    reached = {other: port for other, port in _ports(app).items() if other in _reaches(app, service)}
    outside = any(variable.endswith("API_KEY") for variable in service.secret_env)
    database = app.spec.database
    external = database is not None and database.external_url_from_env is not None and database.name in reached
    return ChartSpec(
        name=service.name,
        description=f"{service.name} of {app.name}",
        part_of=app.name,
        image={"repository": service.repository, "tag": "latest"},
        port=service.port,
        port_name="http",
        runtime=runtime_of(app.context_of(service)),
        probes={"liveness": {"path": service.health.liveness}, "readiness": {"path": service.health.readiness}},
        resources=resources,
        minikube_resources=service.minikube_resources or resources,
        replicas=service.replicas,
        config=service.env if "PORT" in service.env else {**service.env, "PORT": str(service.port)},
        **_secrets(service),
        ingress={"host": service.ingress.host, "path": service.ingress.path} if service.ingress else None,
        from_anywhere=service.ingress is not None or not users,
        from_services=users,
        to_services=reached,
        to_internet=[443] if outside else [],
        internet_note="; an external database needs its port here, usually 5432" if external else "",
        run_as_user=service.run_as_user,
        writable_paths=list(dict.fromkeys(["/tmp", *service.writable_paths])),  # noqa: S108 (a path in the pod)
    )


def _database_spec(app: Application, database: Database) -> ChartSpec:
    repository, _, tag = database.image.rpartition(":")
    if not repository or "/" in tag or "@" in database.image:
        raise UsageError(f"database image {database.image} has no tag", remedy=f"{database.image.split('@')[0]}:16")
    ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(database.port)]
    probe = {"command": [*ready, "-U", database.user, "-d", database.database]}
    config = {"POSTGRES_USER": database.user, "POSTGRES_DB": database.database, "PGDATA": f"{PGDATA}/pgdata"}
    if database.port != 5432:
        config["PGPORT"] = str(database.port)
    return ChartSpec(
        name=database.name,
        description=f"PostgreSQL of {app.name}",
        part_of=app.name,
        image={"repository": repository, "tag": tag},
        port=database.port,
        port_name="postgresql",
        runtime="postgres",
        probes={"liveness": probe, "readiness": probe},
        resources=MODEST,
        minikube_resources=MODEST,
        stateful=True,
        config=config,
        files=[{"name": "users", "path": "/etc/passwd", "text": PASSWD}],
        existing_secret=database.password.secret,
        secret_env={"POSTGRES_PASSWORD": {"key": database.password.key}},
        from_services=_users(app, database.name),
        run_as_user=DATABASE_USER,
        writable_paths=["/tmp", "/var/run/postgresql"],  # noqa: S108 (a path in the pod)
        mount_path=PGDATA,
        storage=database.storage,
        pre_stop=0,
        grace=60,
    )


def _secrets(service: Service) -> dict[str, Any]:
    """The Secret that most variables come from, and each variable's key (with its Secret, when it is another)."""
    used = [ref.secret for ref in service.secret_env.values()]
    main = max(used, key=used.count) if used else ""
    env: dict[str, dict[str, Any]] = {}
    for variable, ref in service.secret_env.items():
        env[variable] = {"key": ref.key}
        env[variable] |= {"optional": True} if ref.optional else {}
        env[variable] |= {"secret": ref.secret} if ref.secret != main else {}
    return {"existing_secret": main, "secret_env": env}


def _ports(app: Application) -> dict[str, int]:
    ports = {service.name: int(service.port) for service in app.spec.services}
    database = app.spec.database
    return ports | ({database.name: int(database.port)} if database else {})


def _reaches(app: Application, service: Service) -> set[str]:
    """The parts of the application that a service sends requests to: what it depends on, and hosts of its URLs."""
    templates = {
        (secret.name, key): source.template or "" for secret in app.spec.secrets for key, source in secret.keys.items()
    }
    urls = [*service.env.values(), *(templates.get((r.secret, r.key), "") for r in service.secret_env.values())]
    named = {
        other for other in _ports(app) for url in urls if re.search(rf"(?://|@){re.escape(other)}(?=[:/.?]|$)", url)
    }
    return (set(service.depends_on) | named) - {service.name}


def _users(app: Application, name: str) -> list[str]:
    return [service.name for service in app.spec.services if name in _reaches(app, service)]


def runtime_of(context: Path) -> Runtime:
    """What the image of that source folder can run: decides how ``helm test`` asks."""
    if (context / "package.json").is_file():
        return "node"
    marks = ("pyproject.toml", "setup.py", "requirements*.txt", "*.py")
    if any(next(context.glob(mark), None) is not None for mark in marks):
        return "python"
    return _base_runtime(context / "Dockerfile")


def _base_runtime(dockerfile: Path) -> Runtime:
    """By the base image of the last stage."""
    if dockerfile.is_file():
        lines = dockerfile.read_text(encoding="utf-8", errors="replace").splitlines()
        bases = [line.split()[1] for line in lines if line.upper().startswith("FROM ") and len(line.split()) > 1]
        name = bases[-1].rsplit("/", 1)[-1] if bases else ""
        if name.startswith("python"):
            return "python"
        if name.startswith("node"):
            return "node"
    return "shell"


# -- files ------------------------------------------------------------------------------------------------------


def chart_files(spec: ChartSpec) -> dict[str, str]:
    """The files of the chart: path inside it → text."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (YAML, not HTML: every value passes the scalar filter)
    )
    environment.filters["scalar"] = _scalar
    environment.globals.update(mapping=_mapping, names=_names, probe=_probe)
    values = {name: getattr(spec, name) for name in (*spec.__dataclass_fields__, "dns")}
    values |= {"library": _library_metadata(), "version": VERSION}
    made = {path: environment.get_template(source).render(values) for path, source in FILES.items()}
    return made | {"values.schema.json": schema_text(stateful=spec.stateful)}


def schema_text(*, stateful: bool) -> str:
    """The JSON schema of the values, from the one source of all charts."""
    schema = json.loads((TEMPLATES / "values.schema.json").read_text(encoding="utf-8"))
    if stateful:
        for name in ONLY_STATELESS:
            del schema["properties"][name]
        schema["properties"]["replicaCount"]["maximum"] = 1
        schema["required"].append("persistence")
    else:
        del schema["properties"]["persistence"]
        schema["required"].append("strategy")
    return json.dumps(schema, indent=2) + "\n"


@cache
def library_files() -> dict[str, str]:
    """The files of the library chart: path inside it → text.

    Raises:
        EnvironmentNotReady: the installation is incomplete.
    """
    if not (LIBRARY / "Chart.yaml").is_file():
        raise EnvironmentNotReady("the library chart is missing", f"no {LIBRARY.name} beside the program", "reinstall")
    found = [LIBRARY / "Chart.yaml", LIBRARY / ".helmignore", *sorted((LIBRARY / "templates").glob("*.tpl"))]
    return {path.relative_to(LIBRARY).as_posix(): path.read_text(encoding="utf-8") for path in found}


def _library_metadata() -> dict[str, Any]:
    import yaml

    data: dict[str, Any] = yaml.safe_load(library_files()["Chart.yaml"])
    return data


def wanted(app: Application, name: str, folder: Path) -> dict[Path, str]:
    """Every file that has to be there so that ``folder`` is the chart of that service: its own, and the library's."""
    own = {folder / path: text for path, text in chart_files(spec_of(app, name)).items()}
    beside = folder.parent / LIBRARY.name
    return own | {beside / path: text for path, text in library_files().items()}


def write(files: Mapping[Path, str], *, permit: Permit, effect: Effect) -> None:
    """Write files, each in one step, so that none is ever half there.

    Raises:
        ToolFailed: the system does not let it.
    """
    permit.require(effect)
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as part:
                part.write(text)
            os.chmod(part.name, 0o644)  # noqa: PTH101
            os.replace(part.name, path)  # noqa: PTH105
        except OSError as error:
            raise ToolFailed(
                f"{path.name} could not be written", str(error), "check the folder's permissions"
            ) from error


# -- YAML -------------------------------------------------------------------------------------------------------


def _scalar(value: Any) -> str:
    """The value as YAML on one line, quoted where it would be read as something else."""
    import yaml

    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
    )


def _mapping(name: str, items: Mapping[str, str]) -> str:
    if not items:
        return f"{name}: {{}}"
    return "\n".join([f"{name}:", *(f"  {key}: {_scalar(value)}" for key, value in items.items())])


def _names(name: str, items: list[str], indent: int) -> str:
    space = " " * indent
    if not items:
        return f"{space}{name}: []"
    return "\n".join([f"{space}{name}:", *(f"{space}  - {item}" for item in items)])


def _probe(probe: Mapping[str, Any]) -> str:
    (kind, value), *_ = probe.items()
    return f"    {kind}: {json.dumps(value) if isinstance(value, list) else _scalar(value)}"
