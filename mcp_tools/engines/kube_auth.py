"""Which cluster, and as whom: the kubeconfig context is chosen once and pinned for the life of the process.

After that nothing follows the ambient current context, so that a ``kubectl config use-context`` in another terminal
cannot move a deployment to another cluster between a question and its answer.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_tools.errors import EnvironmentNotReady

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER = "in-cluster"


@dataclass(frozen=True)
class PinnedContext:
    """One kubeconfig context; ``kubeconfig`` None is the default search path, ``in_cluster`` a pod's own account."""

    name: str
    kubeconfig: str | None = None
    in_cluster: bool = False


def pin(context: str | None, kubeconfig: str | None = None) -> PinnedContext:
    """Choose the context: the named one, else the current one, else the service account of the pod we run in.

    Raises:
        EnvironmentNotReady: no kubeconfig, or it has no such context; names the ones that it has.
    """
    from kubernetes import config

    if context in (None, IN_CLUSTER) and (SERVICE_ACCOUNT / "token").is_file() and not os.environ.get("KUBECONFIG"):
        return PinnedContext(IN_CLUSTER, in_cluster=True)
    try:
        contexts, active = config.list_kube_config_contexts(config_file=kubeconfig)
    except (config.ConfigException, OSError, TypeError) as error:
        raise EnvironmentNotReady(
            "no cluster is configured", str(error), "minikube start, or set KUBECONFIG to a kubeconfig file"
        ) from error
    names = sorted(str(entry["name"]) for entry in contexts or [])
    chosen = context or (str(active["name"]) if active else None)
    if chosen is None or chosen not in names:
        raise EnvironmentNotReady(
            f"the kubeconfig has no context {chosen!r}" if chosen else "the kubeconfig has no current context",
            f"it has {', '.join(names)}" if names else "it is empty",
            "minikube start" if chosen in (None, "minikube") else "name one of these contexts",
        )
    return PinnedContext(chosen, kubeconfig)


def configuration(pinned: PinnedContext) -> Any:
    """A ``kubernetes.client.Configuration`` for that context; never installed as the package's default.

    Raises:
        EnvironmentNotReady: its credentials or certificates cannot be loaded.
    """
    from kubernetes import client, config

    settings = client.Configuration()
    try:
        if pinned.in_cluster:
            config.load_incluster_config(client_configuration=settings)
        else:
            config.load_kube_config(
                config_file=pinned.kubeconfig,
                context=pinned.name,
                client_configuration=settings,
                persist_config=False,
            )
    except (config.ConfigException, OSError) as error:
        raise EnvironmentNotReady(
            f"the credentials of context {pinned.name} cannot be loaded", str(error), "minikube update-context"
        ) from error
    settings.retries = False  # a mutation is never sent twice; reads are retried by the engine
    settings.connection_pool_maxsize = 16
    return settings


def auth_headers(settings: Any) -> dict[str, str]:
    """The authorization header of this moment (tokens of exec plugins are refreshed when they expire)."""
    found: dict[str, str] = {}
    for setting in settings.auth_settings().values():
        if setting.get("in") == "header" and setting.get("value"):
            found[str(setting["key"])] = str(setting["value"])
    return found
