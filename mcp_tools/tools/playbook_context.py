"""What playbooks see of an application: its services and releases in order, with paths, values and needs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mcp_tools.application import Application, Database, Service
from mcp_tools.engines import chart_writer
from playbooks.expressions import merge


def digest(application: Application, env: Mapping[str, str] = os.environ) -> str:
    """SHA-256 of the application's file and of what else decides its releases."""
    text = application.file.read_bytes() + str(external_database(application, env)).encode()
    return hashlib.sha256(text).hexdigest()


def external_database(application: Application, env: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a database outside of the cluster."""
    database = application.spec.database
    return bool(database and database.external_url_from_env and env.get(database.external_url_from_env))


def context(
    application: Application,
    workspace: Path,
    *,
    minikube: bool,
    simulated: bool = False,
    env: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """The variable ``app`` of expressions, as JSON data.

    ``services`` are built from source; ``releases`` are installed (the database among them, unless it is external),
    each after those it needs; ``removal`` is the same, the last first.
    """
    spec, external = application.spec, external_database(application, env)
    parts: list[Service | Database] = []
    if spec.database is not None and not external:
        parts.append(spec.database)
    parts += spec.in_order()
    names = {part.name for part in parts}
    releases = [_release(application, part, names, workspace, external, env) for part in parts]
    for release in releases:
        release["needed_by"] = [other["name"] for other in releases if release["name"] in other["needs"]]
    return {
        "name": application.name,
        "file": shown(application.file, workspace),
        "namespace": spec.namespace,
        "is_minikube": minikube,
        "simulated": simulated,
        "database_external": external,
        "database_image": spec.database.image if spec.database is not None and not external else "",
        "spec": spec.model_dump(mode="json"),
        "services": [release for release in releases if release["built"]],
        "releases": releases,
        "removal": releases[::-1],
        "namespace_manifest": json.dumps(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": spec.namespace}}
        ),
        "quota_manifest": json.dumps(_quota(application)) if spec.quota else "",
    }


def shown(path: Path, workspace: Path) -> str:
    """The path from the workspace, when it lies in it."""
    base = workspace.resolve()
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)


def _release(
    app: Application,
    part: Service | Database,
    names: set[str],
    workspace: Path,
    external: bool,
    env: Mapping[str, str],
) -> dict[str, Any]:
    chart = app.chart_of(part)
    generated = _is_ours(chart)
    files = app.values_of(part)
    common: dict[str, Any] = {
        "name": part.name,
        "port": part.port,
        "chart": shown(chart, workspace),
        "values_files": [shown(file, workspace) for file in files],
        "values": merge(_values(app, part, external, env) if generated else {}, part.chart.set if part.chart else {}),
        "longshore_chart": generated,
    }
    if isinstance(part, Database):
        return common | {"built": False, "needs": [], "env": [], "ingress": False, "limits": None}
    resources = part.resources
    if part.minikube_resources is not None and any("minikube" in file.name for file in files):
        resources = part.minikube_resources
    return common | {
        "built": True,
        "needs": [name for name in part.depends_on if name in names],
        "context": shown(app.context_of(part), workspace),
        "dockerfile": part.dockerfile,
        "repository": part.repository,
        "build_args": dict(part.build_args),
        "imports": list(part.imports),
        "env": [*part.env, *part.secret_env],
        "ingress": part.ingress is not None,
        "limits": resources.limits.model_dump(mode="json") if resources else None,
    }


def _is_ours(chart: Path) -> bool:
    """Whether a chart is one that Longshore writes (or will write), and so takes its values from longshore.yaml."""
    metadata = chart / "Chart.yaml"
    return not metadata.is_file() or chart_writer.LIBRARY.name in metadata.read_text(encoding="utf-8", errors="replace")


def _values(app: Application, part: Service | Database, external: bool, env: Mapping[str, str]) -> dict[str, Any]:
    """What longshore.yaml says of a release, in the names of our charts: it wins over the chart's own values."""
    spec = chart_writer.spec_of(app, part.name)
    values: dict[str, Any] = {"config": dict(spec.config), "secretEnv": spec.secret_env}
    if spec.existing_secret:
        values["existingSecret"] = spec.existing_secret
    database = app.spec.database
    if external and isinstance(part, Service) and database is not None and database.name in part.depends_on:
        port = _port(env.get(str(database.external_url_from_env), ""))
        values["networkPolicy"] = {"egress": {"toInternet": sorted({*spec.to_internet, port})}}
    return values


def _port(url: str) -> int:
    try:
        return urlsplit(url).port or 5432
    except ValueError:
        return 5432


def _quota(app: Application) -> dict[str, Any]:
    quota = app.spec.quota
    assert quota is not None
    hard = {
        "requests.cpu": quota.requests.cpu,
        "requests.memory": quota.requests.memory,
        "limits.cpu": quota.limits.cpu,
        "limits.memory": quota.limits.memory,
        "pods": str(quota.pods),
    }
    meta = {"name": app.name, "namespace": app.spec.namespace, "labels": {"app.kubernetes.io/part-of": app.name}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}}


def parameters(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared parameter with its value: the given one, or its default.

    Raises:
        UsageError: one is not declared, has the wrong type, or is required and not given.
    """
    from mcp_tools.errors import UsageError

    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise UsageError(f"there is no parameter {', '.join(unknown)}", f"there are {', '.join(declared) or 'none'}")
    types: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
    found: dict[str, Any] = {}
    for name, parameter in declared.items():
        value = given.get(name, parameter.default)
        if value is None and parameter.required:
            raise UsageError(f"parameter {name} is needed", parameter.description)
        if value is not None and type(value) is not types[parameter.type]:
            raise UsageError(f"parameter {name} is no {parameter.type}", parameter.description)
        found[name] = value
    return found


__all__ = ["context", "digest", "external_database", "parameters", "shown"]
