"""Secrets where they must not be: names of variables, values, and files inside the layers of an image.

A finding says where and of which kind, never what.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

__all__ = ["Scan", "hide", "kind_of_value", "looks_secret", "scan_config", "scan_saved", "together"]

MAX_FILE = 256_000
"""Bytes: larger files are judged by their name alone."""
MAX_READ = 128_000_000
"""Bytes of file content that are read of one image."""
MAX_FINDINGS = 50

_NAME = re.compile(
    r"(?i)(?:^|_)(?:password|passwd|pwd|passphrase|secret|token|api_?key|private_?key|access_?key|signing_?key|"
    r"encryption_?key|credentials?)(?:$|_(?!(?:url|uri|file|path|name|header|ttl|expiry|expires|seconds|minutes|issuer|"
    r"audience|algorithm|type|endpoint|id|length|dir)(?:_|$)))"
)
_VALUES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=]{16}")),
    ("AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b")),
    ("GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}\b")),
    ("Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}\b")),
    ("Google API key", re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    ("npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b|_authToken\s*=\s*(?!\$)[^\s\"']{16,}")),
    ("PyPI token", re.compile(r"\bpypi-AgEI[A-Za-z0-9_-]{50,}")),
    ("API key", re.compile(r"\bsk-(?:[a-z0-9]+-)*(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_]{32,}\b")),
)
_NEEDLES = (
    b"PRIVATE KEY", b"AKIA", b"ASIA", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"xox",
    b"AIza", b"npm_", b"_authToken", b"pypi-AgEI", b"sk-", b"\"auth\"",
)  # fmt: skip
"""No pattern matches a file without one of these; looking for them is ten times as fast as matching."""
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"']+:(?P<password>[^\s@/\"']{3,})@")
_PLACEHOLDER = re.compile(r"[${<*]|^(?:x+|pass(?:word)?|user|changeme|example|secret|postgres|placeholder)$", re.I)

# What stands in these folders came with a package or the base image: test keys of libraries are nobody's secret.
_PACKAGED = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules)/|^usr/(?:share|lib|include|src)/|^(?:lib|proc|sys)/"
)
_ENV_FILE = re.compile(r"^\.env(?:\.(?!example$|sample$|template$|dist$|defaults?$)[\w.-]+)?$")
_KEY_FILES = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
_SETTINGS = frozenset({".env", ".ini", ".cfg", ".conf", ".yaml", ".yml", ".toml", ".properties"})
_CREDENTIAL_FILES = (".git-credentials", ".netrc", ".pypirc", ".aws/credentials", ".kube/config", ".vault-token")


def looks_secret(name: str) -> bool:
    """Whether a variable of that name would hold a secret."""
    return _NAME.search(name) is not None


def kind_of_value(text: str, *, urls: bool = True) -> str | None:
    """The kind of secret that a text holds, or None. ``urls``: passwords inside URLs count."""
    for kind, pattern in _VALUES:
        if pattern.search(text):
            return kind
    if urls:
        for match in _URL.finditer(text):
            if not _PLACEHOLDER.search(match["password"]):
                return "URL with a password"
    return None


_ASSIGNED = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>\"[^\"]*\"|'[^']*'|[^\s,;|&]+)")


def hide(text: str) -> str:
    """The text with every secret in it replaced; for what images say of themselves."""
    for _, pattern in _VALUES:
        text = pattern.sub("[hidden]", text)
    text = _URL.sub(lambda found: found[0].replace(f":{found['password']}@", ":[hidden]@"), text)
    return _ASSIGNED.sub(lambda found: f"{found['name']}=[hidden]" if looks_secret(found["name"]) else found[0], text)


@dataclass
class Scan:
    """What a scan found, and what it did not look at."""

    findings: list[str] = field(default_factory=list)
    files: int = 0
    bytes_read: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, finding: str) -> None:
        """Note a finding once."""
        if finding not in self.findings and len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)


def scan_config(env: Mapping[str, str], labels: Mapping[str, str], history: Sequence[str]) -> Scan:
    """Secrets in an image's environment, its labels and the commands it was made with."""
    scan = Scan()
    for name, value in env.items():
        kind = kind_of_value(value)
        if value and (looks_secret(name) or kind):
            scan.add(f"environment: {name} has a value{f' ({kind})' if kind else ''}")
    for name, value in labels.items():
        if kind := kind_of_value(value):
            scan.add(f"label: {name} ({kind})")
    for number, command in enumerate(history, 1):
        if kind := kind_of_value(command):
            scan.add(f"history: step {number} ({kind})")
        for name, value in _ASSIGNED.findall(command):
            if looks_secret(name) and value.strip("\"'") and not value.startswith("$") and name not in env:
                scan.add(f"history: step {number} sets {name}")
    return scan


def scan_saved(archive: Path, known: Mapping[int, Scan] | None = None) -> list[Scan]:
    """Look through the layers of an archive that ``docker save`` wrote, lowest first. Blocking; run it in a thread.

    A file that a later layer removes is found as well: it is still in the image. Bounded by MAX_READ. ``known`` are
    the results of layers that were searched before, by number.
    """
    scans: list[Scan] = []
    left = MAX_READ
    with tarfile.open(archive) as outer:
        index = outer.extractfile("manifest.json")
        for number, name in enumerate(json.load(index)[0]["Layers"] if index else []):
            if known and number in known:
                scans.append(known[number])
                continue
            scan = Scan()
            stream = outer.extractfile(outer.getmember(name))
            try:
                with tarfile.open(fileobj=stream) as layer:
                    _scan_layer(layer, scan, left)
            except tarfile.TarError as error:
                scan.notes.append(f"it was not read: {error}")
            left -= scan.bytes_read
            scans.append(scan)
    return scans


def together(scans: Sequence[Scan]) -> Scan:
    """The scans of an image's layers as one, each finding with the number of its layer."""
    whole = Scan()
    for number, scan in enumerate(scans, 1):
        for finding in scan.findings:
            whole.add(f"layer {number}: {finding}")
        whole.notes += [f"layer {number}: {note}" for note in scan.notes]
        whole.files += scan.files
        whole.bytes_read += scan.bytes_read
    return whole


def _scan_layer(layer: tarfile.TarFile, scan: Scan, budget: int) -> None:
    for member in layer:
        if not member.isfile() or not member.size:
            continue
        name = member.name.removeprefix("./")
        if _PACKAGED.search(name):
            continue
        path = PurePosixPath(name)
        scan.files += 1
        if ".git" in path.parts[:-1]:
            scan.add(f"/{str(path).partition('.git/')[0]}.git (a repository with its history)")
        elif kind := _judge(path, _content(layer, member, path, scan, budget)):
            scan.add(f"/{path} ({kind})")


def _judge(path: PurePosixPath, text: str) -> str | None:
    """The kind of secret that a file is or holds."""
    name, whole = path.name, f"/{path}"
    if _ENV_FILE.match(name):
        return "environment file"
    if name in _KEY_FILES:
        return "private key"
    if any(whole.endswith(f"/{end}") for end in _CREDENTIAL_FILES):
        return "credentials"
    if whole.endswith("/.docker/config.json") and '"auth"' in text:
        return "registry credentials"
    return kind_of_value(text, urls=path.suffix in _SETTINGS)


def _content(layer: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath, scan: Scan, budget: int) -> str:
    """The text of a small file that may hold a secret; empty for any other."""
    if member.size > MAX_FILE:
        return ""
    if scan.bytes_read + member.size > budget:
        note = "more small files than are read of one image: the rest was judged by name"
        if note not in scan.notes:
            scan.notes.append(note)
        return ""
    stream = layer.extractfile(member)
    data = stream.read() if stream else b""
    scan.bytes_read += len(data)
    if b"\0" in data[:2048]:
        return ""
    worth = path.suffix in _SETTINGS or any(needle in data for needle in _NEEDLES)
    return data.decode("utf-8", "replace") if worth else ""
