"""Test records in the application: written through its API, found again, and removed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mcp_tools.application_checks import PersistenceCheck, Request
from mcp_tools.tools import check_account
from mcp_tools.tools.check_account import Session
from mcp_tools.tools.check_common import Answer, Scene


def new_marker() -> str:
    """A word that stands nowhere else."""
    return f"longshore-check-{secrets.token_hex(5)}"


def items_of(data: Any) -> Iterator[Mapping[str, Any]]:
    """The records of an answer: a list, or a list within an object."""
    if isinstance(data, Mapping):
        data = next((value for value in data.values() if isinstance(value, list)), [])
    for item in data if isinstance(data, list) else []:
        if isinstance(item, Mapping):
            yield item


@dataclass(frozen=True)
class Records:
    """The records that one test user can list with ``read``."""

    scene: Scene
    session: Session
    read: Request
    id_field: str = "id"

    async def send(
        self, request: Request, body: Any = None, path: str | None = None, method: str | None = None
    ) -> Answer:
        """One request as the test user."""
        headers = self.session.headers(request, check_account.auth_of(self.scene)) if request.authenticated else {}
        return await self.scene.ask(request, headers=headers, body=body, path=path, method=method, timeout=60)

    async def find(self, marker: str) -> tuple[list[Mapping[str, Any]], Answer]:
        """The records in which the marker stands."""
        answer = await self.send(self.read)
        found = [i for i in items_of(answer.probe.json()) if any(marker in str(v) for v in i.values())]
        return (found if answer.status == self.read.status else []), answer

    async def remove(self, marker: str) -> bool:
        """Delete the records of the marker; whether none is left."""
        found, answer = await self.find(marker)
        if answer.status != self.read.status:
            return False
        for item in found:
            if str(item.get(self.id_field) or ".") in (".", ".."):  # its path would be that of all records
                continue
            place = f"{self.read.path.rstrip('/')}/{quote(str(item.get(self.id_field, '')), safe='')}"
            await self.send(self.read, path=place, method="DELETE")
        left, answer = await self.find(marker)
        return answer.status == self.read.status and not left


def body_with(check: PersistenceCheck, marker: str) -> dict[str, Any]:
    """The body of the write request, with the marker in its field."""
    return {**(check.write.body or {}), check.marker_field: marker}
