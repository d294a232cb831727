"""The known differences: what is left out of the comparison on both sides, in which cases, and why.

A difference that does not differ any more fails the test: the table is not longer than it must be.
docs/sandbox-differences.md is the same for readers; a test holds it to this table.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

Seen = list[dict[str, Any]]


@dataclass(frozen=True)
class Difference:
    """``pattern`` is replaced by ``…`` in every text of the cases named; an empty one is the whole case."""

    name: str
    why: str
    cases: tuple[str, ...]
    pattern: str


KNOWN: tuple[Difference, ...] = (
    Difference(
        "Registries",
        "The recordings are of a node without internet; the sandbox answers as Docker Hub does.",
        ("fault/image-missing", "fault/image-tag-missing"),
        r"(?<=Error response from daemon: ).*",
    ),
    Difference(
        "Who has no token",
        "The sandbox says 401 to everybody without its token, also for /version and /healthz.",
        ("api/credentials",),
        "",
    ),
    Difference(
        "Metrics",
        "The sandbox serves metrics, as Minikube with the addon metrics-server does; the recordings are without it.",
        ("kubectl/top-without-metrics", "workloads/hpa-without-metrics"),
        "",
    ),
    Difference(
        "Metrics in lists",
        "For the same reason the lists of what is served name metrics.k8s.io.",
        ("kubectl/api-resources", "api/discovery", "api/discovery-in-one"),
        r"^.*metrics\.k8s\.io.*$",
    ),
    Difference(
        "OpenAPI index",
        "The index lists the documents that are served: those of versions, none of groups, keys and /version.",
        ("api/discovery",),
        r"^(apis/[^/]+|\.well-known/openid-configuration|openid/v1/jwks|version)$",
    ),
    Difference(
        "OpenAPI v2",
        "It is not served; kubectl and Helm ask for it to check an object of a kind that is not there.",
        ("kubectl/apply", "helm/refused-by-the-server"),
        r"^(Error: |error: ).*|^ensure CRDs are installed first$",
    ),
    Difference(
        "Printed structures of Go",
        "A refused change of a pod, volume or job ends with a comparison that Go prints of its structures.",
        (
            "subresource/resize-and-ephemeral",
            "validation/fixed-pod",
            "validation/fixed-job",
            "validation/fixed-of-the-cluster",
        ),
        r"(?s)(\n +core\.|core\.PodTemplateSpec\{).*",
    ),
)


def of(case: str) -> list[Difference]:
    """Those of a case."""
    return [known for known in KNOWN if case in known.cases]


def without(seen: Seen, known: list[Difference]) -> Seen:
    """What is compared: the texts without what is known to differ."""
    for difference in known:
        if not difference.pattern:
            return []
        pattern = re.compile(difference.pattern)

        def walk(found: Any, pattern: re.Pattern[str] = pattern) -> Any:
            if isinstance(found, dict):
                return {key: walk(value) for key, value in found.items()}
            if isinstance(found, list):
                kept = [walk(item) for item in found]
                return [item for item in kept if item != "…"]
            return pattern.sub("…", found) if isinstance(found, str) else found

        seen = walk(json.loads(json.dumps(seen)))
    return seen
