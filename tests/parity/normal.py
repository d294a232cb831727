"""What differs between any two runs is replaced by a word: identities, times, addresses, random endings of names."""

from __future__ import annotations

import json
import re
from typing import Any

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_UNIT = r"(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?(?:ms|µs|s))|\d+[dhm](?:\d+[hms])?"
_WORDS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\u00a0", " "),  # go-cmp prints either, at random
        (r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f])", "UID"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", "TIME"),
        (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +\w{3} +\d+ [\d:]+ (?:[+-]\d{4}|\w+ )?\d*", "TIME"),
        (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ \w{3} \d{4} [\d:]+ [+-]\d{4}", "TIME"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4} \w+", "TIME"),
        (r"(Resource Version: +)\d+", r"\1VERSION"),
        (r"(?:docker|containerd)://[0-9a-f]{64}", "CONTAINER-ID"),
        (r"(?:docker-pullable|docker)://\S*sha256:[0-9a-f]{64}", "IMAGE-ID"),
        (r"(?:docker://)?sha256:[0-9a-f]{64}", "DIGEST"),
        (r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN"),
        (r"\b(?:10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|127\.0\.0\.1)\b", "IP"),
        (r"^[EWI]\d{4} [\d:.]+ +\d+ \w+\.go:\d+\]", "KLOG"),
        (r"resource version: \d+(?: \(\d+\))?", "resource version: VERSION"),
        (r"(resourceVersion[\\\"':= ]+)\d+", r"\1VERSION"),
        (r"in record \(\d+\)", "in record (VERSION)"),
        (rf"\bA_[{_SAFE}]{{5}}\b", "A_RANDOM"),
        (r"(current|old): \d{2,}\b", r"\1: VERSION"),
        (rf"back-off (?:{_UNIT}) restarting", "back-off DURATION restarting"),
        (rf"-[{_SAFE}]{{8,10}}-[{_SAFE}]{{5}}\b", "-HASH-RANDOM"),
        (rf"-[{_SAFE}]{{8,10}}\b", "-HASH"),
        (rf"(?<=[a-z0-9])-[{_SAFE}]{{5}}\b(?!-)", "-RANDOM"),
        (r"pod-template-hash=\w+", "pod-template-hash=HASH"),
        (r"\b(?:3[0-2]\d{3})/(TCP|UDP)", r"NODEPORT/\1"),
        (r"\b(?:kube-api-access-|default-token-)\w+", "kube-api-access-RANDOM"),
        (r"0x[0-9a-f]{8,}", "ADDRESS"),
        (r"(?s)-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----\n?", "CERTIFICATE"),
    )
]
_AGES = re.compile(rf"(?<![=\w./-])(?:{_UNIT})(?![\w./-])")
_COUNTS = re.compile(r"\(x\d+ over DURATION\)")
_KEYS = {
    "uid": "UID",
    "resourceVersion": "VERSION",
    "continue": "TOKEN",
    "token": "TOKEN",
    "serverAddress": "ADDRESS",
    "containerID": "CONTAINER-ID",
    "imageID": "IMAGE-ID",
    "pod-template-hash": "HASH",
    "controller-revision-hash": "HASH",
    "controllerRevisionHash": "HASH",
    "batch.kubernetes.io/controller-uid": "UID",
    "currentRevision": "HASH",
    "updateRevision": "HASH",
}


def text(said: str) -> str:
    """One line or message."""
    for pattern, word in _WORDS:
        said = pattern.sub(word, said)
    return said


def output(said: str) -> list[str]:
    """The lines that a program printed: ages are left out, and the width of columns does not count."""
    lines = []
    for line in text(said).rstrip("\n").split("\n"):
        bare = line if re.search(r"(?:delay|timeout|period)=|: +\d+s$", line) else _AGES.sub("DURATION", line)
        bare = _COUNTS.sub("", bare)
        indent = len(bare) - len(bare.lstrip(" "))
        lines.append((" " * indent + re.sub(r"(?: {2,}|\t)+", "  ", bare.strip(" \t"))).rstrip())
    return [] if lines == [""] else lines


def value(data: Any, key: str = "") -> Any:
    """JSON data. The order of keys does not count, that of lists does."""
    if isinstance(data, dict):
        return _ordered({str(text(k)): value(v, k) for k, v in sorted(data.items())})
    if isinstance(data, list):
        found = [value(item) for item in data]
        if key == "cells":  # of a table, where ages are computed
            return [_AGES.sub("DURATION", item) if isinstance(item, str) else item for item in found]
        return sorted(found, key=_owner) if key == "managedFields" else found
    if isinstance(data, str):
        return _KEYS.get(key) or text(data) if data else data
    if key in ("nodePort", "healthCheckNodePort") and data:
        return "NODEPORT"
    return data


def _ordered(found: dict[str, Any]) -> dict[str, Any]:
    """A refusal with its causes in one order: those of a map are in no order in Go, from one call to the next."""
    details = found.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    if not isinstance(causes, list) or len(causes) < 2 or not isinstance(found.get("message"), str):
        return found

    def said(these: list[dict[str, str]]) -> str:
        each = [f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in these]
        return f"[{', '.join(each)}]"

    inorder = sorted(causes, key=lambda cause: json.dumps(cause, sort_keys=True))
    message = found["message"].replace(said(causes), said(inorder))
    return found | {"message": message, "details": details | {"causes": inorder}}


def _owner(entry: Any) -> tuple[str, ...]:
    """Entries of managers are in the order of their times, whole seconds: two of one run may have the same."""
    return tuple(str(entry.get(key, "")) for key in ("operation", "manager", "subresource", "apiVersion"))


def bare(obj: Any) -> Any:
    """The object, or the list, without the record of who owns which field."""
    if isinstance(obj, dict):
        return {k: bare(v) for k, v in obj.items() if k != "managedFields"}
    return [bare(item) for item in obj] if isinstance(obj, list) else obj
