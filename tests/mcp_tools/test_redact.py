"""Secrets never leave."""

from __future__ import annotations

import base64

import pytest

from mcp_tools.guard.redact import MASK, Redactor

SECRET = "s3cr3t-Value_42x"


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f'"password": "{SECRET}"',
        f"PGPASSWORD={SECRET} psql",
        f"postgresql://todo:{SECRET}@postgres:5432/todo",
        f"Authorization: Bearer {SECRET}{SECRET}",
        f"api_key: {SECRET}",
        f"client-key-data: {SECRET}",
        f"token={SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{SECRET.replace('-', '')}",
        f"sk-{SECRET.replace('-', '')}{SECRET.replace('-', '')}",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str) -> None:
    shown = Redactor().text(text)
    assert MASK in shown and SECRET not in shown and "AKIA" not in shown
    assert Redactor().text(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "the token expires in 5 minutes",
        "secret: todo-secrets key jwt-secret",
        "https://example.com:8080/path",
        "image sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
        "secretKeyRef name=todo-secrets",
        "password is not set",
        "token: null",
        "jwt-secret: JWT_SECRET and BETTER_AUTH_SECRET come from Secrets",
        "commit d80905d2f3c4b5a6978877665544332211ffeedd",
    ],
)
def test_what_is_none_is_left_alone(text: str) -> None:
    assert Redactor().text(text) == text


def test_known_values_are_masked_in_every_form() -> None:
    redactor = Redactor()
    redactor.learn([SECRET, "short", "12345678901", "aaaaaaaaaaaa", "postgres", "line-one-of-a-key\nline-two-of-a-key"])
    encoded = base64.b64encode(SECRET.encode()).decode()
    shown = redactor.text(f"{SECRET} {encoded} short 12345678901 aaaaaaaaaaaa postgres line-two-of-a-key")
    assert SECRET not in shown and encoded.rstrip("=") not in shown and "line-two-of-a-key" not in shown
    assert "short 12345678901 aaaaaaaaaaaa postgres" in shown


def test_data_is_masked_at_any_depth_and_under_telling_keys() -> None:
    redactor = Redactor()
    redactor.learn([SECRET])
    data = redactor.data({"a": [{"note": f"x{SECRET}y"}], "password": "anything", "count": 3, "ok": True, "none": None})
    assert data == {"a": [{"note": f"x{MASK}y"}], "password": MASK, "count": 3, "ok": True, "none": None}
