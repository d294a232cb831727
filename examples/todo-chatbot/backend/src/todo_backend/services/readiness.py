"""Can this service do its work now? It needs its database and the MCP server."""

import asyncio
from urllib.parse import urlsplit

import httpx2

from ..common.database import Database

PROBE_SECONDS = 2.0


class Readiness:
    """Asks the two things that the service depends on."""

    def __init__(self, database: Database, mcp_server_url: str) -> None:
        self._database = database
        parts = urlsplit(mcp_server_url)
        self._mcp_health = f"{parts.scheme}://{parts.netloc}/health"

    async def checks(self) -> dict[str, bool]:
        """Each dependency and whether it answers."""
        database, mcp_server = await asyncio.gather(asyncio.to_thread(self._database.is_ready), self._mcp_answers())
        return {"database": database, "mcp_server": mcp_server}

    async def _mcp_answers(self) -> bool:
        try:
            async with httpx2.AsyncClient(timeout=PROBE_SECONDS, trust_env=False) as client:
                return (await client.get(self._mcp_health)).status_code == 200
        except httpx2.HTTPError:
            return False
