"""Who gets in: a valid token, the right Host, and nobody else."""

from collections.abc import Callable

import httpx2
import pytest

from todo_testing.tokens import REFUSED, bearer, new_user, token

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def test_no_token_is_no_access(base_url: str) -> None:
    answer = httpx2.post(f"{base_url}/mcp", json=CALL, headers=ACCEPT)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Missing bearer token"}
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_token_is_no_access(base_url: str, make: Callable[[], str]) -> None:
    answer = httpx2.post(f"{base_url}/mcp", json=CALL, headers=ACCEPT | bearer(make()))
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/mcp/", "/docs", "/anything"])
def test_a_path_that_is_not_public_needs_a_token(base_url: str, path: str) -> None:
    assert httpx2.get(base_url + path).status_code == 401


def test_another_host_name_is_refused(base_url: str) -> None:
    headers = ACCEPT | bearer(token(new_user())) | {"Host": "evil.example"}
    assert httpx2.post(f"{base_url}/mcp", json=CALL, headers=headers).status_code == 421


def test_another_origin_is_refused(base_url: str) -> None:
    headers = ACCEPT | bearer(token(new_user())) | {"Origin": "http://evil.example"}
    assert httpx2.post(f"{base_url}/mcp", json=CALL, headers=headers).status_code == 403


def test_a_huge_body_is_refused(base_url: str) -> None:
    body = CALL | {"params": {"padding": "x" * 70_000}}
    answer = httpx2.post(f"{base_url}/mcp", json=body, headers=ACCEPT | bearer(token(new_user())))
    assert answer.status_code == 413
