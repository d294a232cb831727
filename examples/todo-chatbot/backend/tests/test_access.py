"""Every route but the public ones answers 401 without a valid token."""

from collections.abc import Callable
from uuid import uuid4

import httpx2
import pytest

from todo_testing.tokens import REFUSED, bearer, new_user, token

ROUTES = [
    ("GET", "/api/todos"),
    ("POST", "/api/todos"),
    ("GET", "/api/todos/1"),
    ("PATCH", "/api/todos/1"),
    ("DELETE", "/api/todos/1"),
    ("POST", "/api/chat"),
    ("GET", f"/api/conversations/{uuid4()}"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_token_is_no_access(base_url: str, method: str, path: str) -> None:
    answer = httpx2.request(method, base_url + path)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Missing bearer token"})
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/todos"), ("POST", "/api/chat")])
def test_a_bad_token_is_no_access(base_url: str, make: Callable[[], str], method: str, path: str) -> None:
    answer = httpx2.request(method, base_url + path, headers=bearer(make()))
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("Token ")


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "token"])
def test_another_scheme_is_no_access(base_url: str, header: str) -> None:
    assert httpx2.get(f"{base_url}/api/todos", headers={"Authorization": header}).status_code == 401


def test_the_reason_is_named(base_url: str) -> None:
    reasons = {"expired": "Token has expired", "another audience": "Token is for another audience"}
    reasons |= {"another issuer": "Token is from another issuer", "tampered": "Token is not valid"}
    for name, reason in reasons.items():
        answer = httpx2.get(f"{base_url}/api/todos", headers=bearer(REFUSED[name]()))
        assert answer.json() == {"detail": reason}


def test_a_good_token_is_access(base_url: str) -> None:
    answer = httpx2.get(f"{base_url}/api/todos", headers=bearer(token(new_user())))
    assert (answer.status_code, answer.json()) == (200, [])


def test_all_routes_are_covered(base_url: str) -> None:
    described = httpx2.get(f"{base_url}/openapi.json").json()["paths"]
    routes = {(method.upper(), path) for path, methods in described.items() for method in methods}
    protected = {(method, _template(path)) for method, path in ROUTES}
    assert routes - protected == {("GET", "/health"), ("GET", "/ready")}


def _template(path: str) -> str:
    start, _, last = path.rpartition("/")
    names = {"/api/todos": "{todo_id}", "/api/conversations": "{conversation_id}"}
    return f"{start}/{names[start]}" if start in names else f"{start}/{last}"
