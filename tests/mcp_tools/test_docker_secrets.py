"""Secrets in names, values and layers. No Docker needed: the archive is made as docker save writes it."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from mcp_tools.engines.docker_secrets import hide, kind_of_value, looks_secret, scan_config, scan_saved, together

GITHUB = "ghp_" + "a1B2" * 10
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxyz1234567890\n-----END RSA PRIVATE KEY-----\n"
JWT_FREE = "sk-proj-" + "Ab3" * 15


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("JWT_SECRET", True), ("DB_PASSWORD", True), ("API_KEY", True), ("APIKEY", True), ("NPM_TOKEN", True),
        ("BETTER_AUTH_SECRET", True), ("AWS_SECRET_ACCESS_KEY", True), ("password", True), ("POSTGRES_PASSWORD", True),
        ("JWT_ISSUER", False), ("TOKEN_URL", False), ("ACCESS_TOKEN_TTL", False), ("PATH", False), ("GPG_KEY", False),
        ("SECRET_NAME", False), ("POSTGRES_PASSWORD_FILE", False), ("BETTER_AUTH_URL", False), ("TOKENIZERS", False),
    ],
)  # fmt: skip
def test_names(name: str, secret: bool) -> None:
    assert looks_secret(name) is secret


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (KEY, "private key"), (f"token = {GITHUB}", "GitHub token"), ("AKIA" + "A1B2" * 4, "AWS access key"),
        (JWT_FREE, "API key"), ("//registry.npmjs.org/:_authToken=abcdefghijklmnop1234", "npm token"),
        ("postgresql://todo:hunter22@db/todo", "URL with a password"),
        ("postgresql://todo:${PASSWORD}@db/todo", None), ("postgresql://user:password@localhost/x", None),
        ("//registry.npmjs.org/:_authToken=${NPM_TOKEN}", None),
        ("-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA", None),
        ("sk-loading-indicator-with-a-long-css-name-here", None), ("https://example.com/a:b@c", None),
    ],
)  # fmt: skip
def test_values(text: str, kind: str | None) -> None:
    assert kind_of_value(text) == kind


def test_hide_keeps_the_text_and_takes_the_secret() -> None:
    text = f"RUN |1 NPM_TOKEN=abc123 /bin/sh -c curl -H {GITHUB} postgres://u:hunter22@h/d && echo A=b"
    shown = hide(text)
    for secret in ("abc123", GITHUB, "hunter22"):
        assert secret not in shown
    assert shown.startswith("RUN |1 NPM_TOKEN=[hidden] /bin/sh") and shown.endswith("echo A=b")


def test_config_and_history() -> None:
    scan = scan_config(
        {"PATH": "/bin", "API_KEY": "x", "EMPTY_TOKEN": "", "DSN": "postgres://a:hunter22@h/d"},
        {"note": GITHUB, "ok": "1"},
        ["RUN |1 NPM_TOKEN=abc /bin/sh -c npm ci", f"RUN curl {GITHUB}", 'ENV API_KEY="x"', "ARG B_TOKEN=$X", "CMD x"],
    )
    assert scan.findings == [
        "environment: API_KEY has a value",
        "environment: DSN has a value (URL with a password)",
        "label: note (GitHub token)",
        "history: step 1 sets NPM_TOKEN",
        "history: step 2 (GitHub token)",
    ]
    assert not any(secret in str(scan) for secret in (GITHUB, "hunter22", "abc"))


def layer(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def saved(path: Path, *layers: bytes) -> Path:
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    with tarfile.open(path, "w") as tar:
        for name, data in [*zip(names, layers, strict=True), ("manifest.json", b"")]:
            data = data or json.dumps([{"Config": "c.json", "RepoTags": [], "Layers": names}]).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_layers(tmp_path: Path) -> None:
    first = layer(
        {
            "app/.env": b"A=1",
            "app/.env.example": b"A=1",
            "app/key.pem": KEY.encode(),
            "app/main.py": b"print('postgres://user:hunter22@localhost')",
            "app/settings.yaml": b"url: postgres://todo:hunter22@db/todo",
            "app/.git/config": b"x",
            "root/.aws/credentials": b"[default]",
            "root/.docker/config.json": b'{"auths": {"x": {"auth": "eA=="}}}',
            "home/u/.ssh/id_ed25519": b"x",
            "app/node_modules/tls/test/key.pem": KEY.encode(),
            "usr/share/doc/example.pem": KEY.encode(),
            "app/large.bin": KEY.encode() + b"x" * 300_000,
            "app/binary": b"\0" + KEY.encode(),
        }
    )
    second = layer({"app/.wh..env": b"", "app/token.txt": GITHUB.encode()})
    scan = together(scan_saved(saved(tmp_path / "image.tar", first, second)))
    assert scan.findings == [
        "layer 1: /app/.env (environment file)",
        "layer 1: /app/key.pem (private key)",
        "layer 1: /app/settings.yaml (URL with a password)",
        "layer 1: /app/.git (a repository with its history)",
        "layer 1: /root/.aws/credentials (credentials)",
        "layer 1: /root/.docker/config.json (registry credentials)",
        "layer 1: /home/u/.ssh/id_ed25519 (private key)",
        "layer 2: /app/token.txt (GitHub token)",
    ]
    assert scan.notes == []


def test_a_layer_that_is_no_archive_is_told(tmp_path: Path) -> None:
    scan = together(scan_saved(saved(tmp_path / "image.tar", b"x" * 2000, layer({"a/.env": b"A=1"}))))
    assert scan.findings == ["layer 2: /a/.env (environment file)"]
    assert len(scan.notes) == 1 and scan.notes[0].startswith("layer 1: it was not read")


def test_what_is_read_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_tools.engines.docker_secrets.MAX_READ", 1000)
    files = {f"a/{number}.txt": b"x" * 400 for number in range(10)} | {"a/.env": b"A=1"}
    scan = together(scan_saved(saved(tmp_path / "image.tar", layer(files))))
    assert scan.bytes_read <= 1000 and scan.findings == ["layer 1: /a/.env (environment file)"]
    assert len(scan.notes) == 1


def test_layers_that_were_searched_before_are_not_read_again(tmp_path: Path) -> None:
    archive = saved(tmp_path / "image.tar", b"not an archive" * 200, layer({"a/.env": b"A=1"}))
    first = scan_saved(saved(tmp_path / "one.tar", layer({"b/.env": b"A=1"})))
    scan = together(scan_saved(archive, {0: first[0]}))
    assert scan.findings == ["layer 1: /b/.env (environment file)", "layer 2: /a/.env (environment file)"]
    assert scan.notes == []
