"""The pure parts of the checks."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from mcp_tools.diagnosis.sweep import hosts_in
from mcp_tools.engines.kube_exec import ProbeResult, TcpResult
from mcp_tools.tools import (
    check_account,
    check_chat,
    check_connectivity,
    check_exposure,
    check_health,
    check_invariants,
    check_pull_secrets,
    check_records,
    check_security,
    check_tokens,
    check_triggers,
)
from mcp_tools.tools.check_common import Answer
from playbooks import loader

KEY = "a-signing-key-that-is-long-enough-0123456789"


def test_tokens_are_jwts_as_pyjwt_reads_them() -> None:
    token = check_tokens.mint("shop", "shop-api", KEY, "me")
    header = json.loads(check_tokens.decode(token.split(".")[0]))
    assert header == {"alg": "HS256", "typ": "JWT"}
    jwt = pytest.importorskip("jwt")
    claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="shop-api", issuer="shop")
    assert claims["sub"] == "me"


def test_the_example_of_rfc_7515_verifies() -> None:
    key = check_tokens.decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
    token = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )

    class Raw(str):
        def encode(self, *_: Any, **__: Any) -> bytes:
            return key

    assert check_tokens.signed_by(token, Raw())
    assert check_tokens.claims_of(token)["iss"] == "joe"


def test_every_spoiled_token_is_wrong_in_one_way_only() -> None:
    token = check_tokens.mint("shop", "shop-api", KEY, "me")
    bad = check_tokens.spoiled(token, KEY)
    assert set(bad) == {
        "tampered",
        "other-claims",
        "other-key",
        "expired",
        "wrong-audience",
        "wrong-issuer",
        "alg-none",
    }
    right = check_tokens.claims_of(token)
    assert not check_tokens.signed_by(bad["tampered"], KEY) and check_tokens.claims_of(bad["tampered"]) == right
    assert not check_tokens.signed_by(bad["other-claims"], KEY)
    assert check_tokens.claims_of(bad["other-key"]) == right
    for name, claim in (("expired", "exp"), ("wrong-audience", "aud"), ("wrong-issuer", "iss")):
        claims = check_tokens.claims_of(bad[name])
        assert check_tokens.signed_by(bad[name], KEY)
        assert {k for k in claims if claims[k] != right[k]} - {"iat"} == {claim}
    assert check_tokens.claims_of(bad["expired"])["exp"] < time.time() - 60
    assert bad["alg-none"].endswith(".") and '"none"' in check_tokens.decode(bad["alg-none"].split(".")[0]).decode()
    assert check_tokens.claims_of("nonsense") == {} and check_tokens.claims_of("a.%%%.c") == {}


def test_cookies_of_an_answer() -> None:
    probe = ProbeResult(200, "{}", {"set-cookie": "a=1; Path=/; HttpOnly\nb=x=y; Secure\nbroken"})
    assert check_account.cookie_of(Answer(probe, None)) == "a=1; b=x=y"


@pytest.mark.parametrize(
    ("line", "bad"),
    [
        ("2026-01-01 ERROR something", True),
        ('{"level": "error", "message": "x"}', True),
        ('{"event": "error handler ready", "level": "ERROR"}', True),
        ("Traceback (most recent call last):", True),
        ('FATAL:  password authentication failed for user "todo"', True),
        ("INFO 0 errors", False),
        ("error handler ready", False),
        ('{"level": "info", "message": "no error"}', False),
        ("TERROR", False),
    ],
)
def test_what_counts_as_an_error_line(line: str, bad: bool) -> None:
    assert bool(check_health.error_lines(f"start\n{line}\nend")) is bad


def test_quantities() -> None:
    assert check_health._size("64Mi") == 64 * 2**20 and check_health._size("1G") == 10**9
    assert check_health._size("1.5Gi") == int(1.5 * 2**30) and check_health._size("128974848000m") == 128974848
    assert check_health._size(None) is None and check_health._size("lots") is None
    assert check_health._millicores("250m") == 250 and check_health._millicores("2") == 2000
    assert check_health._millicores("1500000n") == 1.5


@pytest.mark.parametrize(
    ("error", "addresses", "kind"),
    [
        ("dns: [Errno -2] Name or service not known", [], "dns"),
        ("dns: ENOTFOUND", [], "dns"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", ["10.0.0.1"], "refused"),
        ("ECONNREFUSED: connect ECONNREFUSED 10.0.0.1:80", ["10.0.0.1"], "refused"),
        ("TimeoutError: timed out", ["10.0.0.1"], "timeout"),
        ("timed out", [], "dns"),
        ("this container has neither python3 nor node", [], "not-measured"),
    ],
)
def test_failures_of_connections_are_told_apart(error: str, addresses: list[str], kind: str) -> None:
    assert check_connectivity.failure_of(TcpResult(False, addresses, 0, error)) == kind


def test_secret_values_are_found_plainly_and_encoded() -> None:
    needles = {("s", "k"): "hunter2-hunter2"}
    assert list(check_exposure.matches("x=hunter2-hunter2;", needles)) == [("s", "k")]
    encoded = base64.b64encode(b"hunter2-hunter2").decode()
    assert list(check_exposure.matches(f"data: {encoded}", needles)) == [("s", "k")]
    assert list(check_exposure.matches("hunter2", needles)) == []
    nested = {"env": [{"name": "A", "value": "v"}], "labels": {"k": "w"}}
    assert {"env.value", "labels.k"} <= {path for path, _ in check_exposure.strings(nested)}


def test_chart_values_that_hold_a_secret() -> None:
    fine = {
        "config": {"JWT_ISSUER": "shop", "API_URL": "http://api:8000"},
        "existingSecret": "shop-secrets",
        "secretEnv": {"JWT_SECRET": {"key": "jwt-secret"}},
        "secret": {"create": False, "values": {}},
    }
    assert check_invariants.secret_places(fine) == []
    bad = fine | {"config": {"JWT_SECRET": "abcdefgh"}, "secret": {"values": {"a": "b"}}, "url": "pg://u:pw@h/d"}
    assert check_invariants.secret_places(bad) == ["config.JWT_SECRET", "secret.values.a", "url"]


def test_registries_of_a_pull_secret() -> None:
    def encoded(data: Any) -> str:
        return base64.b64encode(json.dumps(data).encode()).decode()

    key = ".dockerconfigjson"
    assert check_pull_secrets.registries(encoded({"auths": {"ghcr.io": {"auth": "eDp5"}}}), key) == ["ghcr.io"]
    assert check_pull_secrets.registries(encoded({"auths": {}}), key) == []
    assert check_pull_secrets.registries("%%%", key) == []
    assert check_pull_secrets.registries(encoded({"ghcr.io": {"auth": "eDp5"}}), ".dockercfg") == ["ghcr.io"]


def test_api_tokens_are_seen_where_they_are_mounted() -> None:
    volume = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}, {"configMap": {}}]}}
    assert check_security.mounts_token({"spec": {"volumes": [volume]}})
    assert not check_security.mounts_token({"spec": {"volumes": [{"emptyDir": {}}]}})


def test_hosts_of_urls_and_nothing_else_of_them() -> None:
    assert hosts_in("postgresql://todo:pa55@postgres:5432/todo") == ["postgres"]
    assert hosts_in("http://mcp-server:8001/mcp") == ["mcp-server"]
    assert hosts_in("http://a.b.svc.cluster.local/x, http://c") == ["a.b.svc.cluster.local", "c"]
    assert hosts_in("no url") == []


def test_names_of_tools_and_records() -> None:
    assert check_chat.names_of(["a", {"name": "b"}]) == ["a", "b"]
    assert check_chat.names_of({"tools": [{"name": "a"}]}) == ["a"] and check_chat.names_of(None) == []
    assert check_chat.is_prose("Done.") and not check_chat.is_prose('{"id": 1}') and not check_chat.is_prose(" ")
    assert [i["id"] for i in check_records.items_of({"items": [{"id": 1}, "x"]})] == [1]
    assert list(check_records.items_of("text")) == []


def test_every_invariant_and_every_trigger_has_its_check() -> None:
    assert {i.id for i in loader.constitution()} == set(check_invariants.CHECKS)
    assert {t.id for t in loader.triggers()} == set(check_triggers.CHECKS)


def test_a_scanner_on_the_path_is_used(tmp_path: Any) -> None:
    import asyncio

    scanner = tmp_path / "trivy"
    report = {"Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "PkgName": "openssl"}]}, {}]}
    scanner.write_text(f"#!/bin/sh\necho '{json.dumps(report)}'\n")
    scanner.chmod(0o755)
    assert asyncio.run(check_triggers.scan(str(scanner), "web:1")) == (["CVE-1 in openssl"], "")
    scanner.write_text("#!/bin/sh\necho 'no database' >&2\nexit 1\n")
    found, trouble = asyncio.run(check_triggers.scan(str(scanner), "web:1"))
    assert found == [] and "no database" in trouble


@pytest.mark.parametrize(
    "line",
    [
        'ERROR:  invalid page in block 3 of relation "todo"',
        "PANIC:  could not read block 7",
        "WARNING:  page verification failed, checksum mismatch",
    ],
)
def test_what_speaks_of_corruption(line: str) -> None:
    assert check_triggers.CORRUPTION.search(line)
    assert not check_triggers.CORRUPTION.search("LOG:  checkpoint complete")
