"""The clients: where each keeps its servers, and how it writes one down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agent.problems import Problem

__all__ = ["CLIENTS", "NAME", "Client", "Launch", "Place", "Scope"]

NAME = "longshore"
TOKEN = "LONGSHORE_MCP_TOKEN"  # noqa: S105 (the name of a variable)
Scope = Literal["user", "project"]
Format = Literal["json", "jsonc", "yaml", "manifest"]
System = Literal["linux", "darwin", "win32"]


@dataclass(frozen=True)
class Launch:
    """How the server is reached: a program that the client starts, or a URL."""

    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    url: str = ""


@dataclass(frozen=True)
class Place:
    """Where a client's files are looked for."""

    system: System
    home: Path
    project: Path
    environ: Mapping[str, str]

    def config(self) -> Path:
        """The folder of the user's configurations; on macOS and Windows that of its applications."""
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        if self.system == "win32":
            return self.variable("APPDATA", self.home / "AppData" / "Roaming")
        return self.variable("XDG_CONFIG_HOME", self.home / ".config")

    def variable(self, name: str, default: Path) -> Path:
        """A folder that a variable names."""
        named = self.environ.get(name, "")
        return Path(named) if named and Path(named).is_absolute() else default


@dataclass(frozen=True)
class Client:
    """One client."""

    key: str
    title: str
    format: Format
    servers: str
    """The name under which its file has the servers."""
    after: str
    """What makes it see the change."""
    scopes: tuple[Scope, ...] = ("user",)
    project_file: str = ""
    workspace: str = ""
    """Its own word for the open project, in a file that is shared."""
    stdio_type: bool = True
    by_url: bool = True

    def file(self, scope: Scope, place: Place) -> Path:
        """Its file.

        Raises:
            Problem: it has none of that scope.
        """
        if scope not in self.scopes:
            raise Problem(f"{self.title} has no file in a project", remedy="--scope user", code="usage")
        if scope == "project":
            return place.project / self.project_file
        return _USER_FILES[self.key](place)

    def entry(self, launch: Launch) -> dict[str, Any]:
        """The server as this client writes it down. Never the token itself: the name of its variable.

        Raises:
            Problem: the client cannot reach a server like that.
        """
        if launch.url and not self.by_url:
            raise Problem(
                f"the file of {self.title} knows no URLs",
                "it starts its servers itself",
                "leave out --url",
                code="usage",
            )
        if self.format == "manifest" and not launch.url:
            raise Problem(f"{self.title} reaches servers by URL only", remedy="give --url", code="usage")
        return self._by_url(launch.url) if launch.url else self._started(launch)

    def _started(self, launch: Launch) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "stdio"} if self.stdio_type else {}
        entry |= {"command": launch.command, "args": list(launch.args)}
        return entry | ({"env": dict(launch.env)} if launch.env else {})

    def _by_url(self, url: str) -> dict[str, Any]:
        match self.key:
            case "kubectl-ai":  # the token comes from MCP_LONGSHORE_TOKEN
                return {"url": url, "auth": {"type": "bearer"}}
            case "cursor":
                return {"url": url, "headers": {"Authorization": f"Bearer ${{env:{TOKEN}}}"}}
            case "vscode":
                return {"type": "http", "url": url, "headers": {"Authorization": "Bearer ${input:longshore-token}"}}
            case _:
                return {"type": "http", "url": url, "headers": {"Authorization": f"Bearer ${{{TOKEN}}}"}}

    def inputs(self, launch: Launch) -> list[dict[str, Any]]:
        """What VS Code asks of its user, to keep it in the system's key ring."""
        if self.key != "vscode" or not launch.url:
            return []
        about = "Longshore's bearer token"
        return [{"type": "promptString", "id": "longshore-token", "description": about, "password": True}]

    def token_note(self) -> str:
        """Where the client takes the token from."""
        return {
            "kubectl-ai": "the token: kubectl-ai reads it from the variable MCP_LONGSHORE_TOKEN",
            "vscode": "the token: VS Code asks for it once, and keeps it in the system's key ring",
            "kagent": "the token: from the Secret that the manifest names",
        }.get(self.key, f"the token: {self.title} reads it from the variable {TOKEN}")


def _claude_code(place: Place) -> Path:
    return place.variable("CLAUDE_CONFIG_DIR", place.home) / ".claude.json"


def _kubectl_ai(place: Place) -> Path:  # not under Library on macOS
    if place.system == "win32":
        return place.config() / "kubectl-ai" / "mcp.yaml"
    return place.variable("XDG_CONFIG_HOME", place.home / ".config") / "kubectl-ai" / "mcp.yaml"


_USER_FILES: Mapping[str, Callable[[Place], Path]] = {
    "claude-code": _claude_code,
    "claude-desktop": lambda place: place.config() / "Claude" / "claude_desktop_config.json",
    "cursor": lambda place: place.home / ".cursor" / "mcp.json",
    "vscode": lambda place: place.config() / "Code" / "User" / "mcp.json",
    "kubectl-ai": _kubectl_ai,
}

CLIENTS: Mapping[str, Client] = {
    client.key: client
    for client in (
        Client(
            "claude-code",
            "Claude Code",
            "json",
            "mcpServers",
            "start claude anew; /mcp shows the server",
            ("user", "project"),
            ".mcp.json",
        ),
        Client(
            "claude-desktop",
            "Claude Desktop",
            "json",
            "mcpServers",
            "quit Claude Desktop and start it again",
            stdio_type=False,
            by_url=False,
        ),
        Client(
            "cursor",
            "Cursor",
            "jsonc",
            "mcpServers",
            "Cursor Settings, MCP, shows the server",
            ("user", "project"),
            ".cursor/mcp.json",
            "${workspaceFolder}",
        ),
        Client(
            "vscode",
            "VS Code",
            "jsonc",
            "servers",
            '"MCP: List Servers" in VS Code starts it',
            ("user", "project"),
            ".vscode/mcp.json",
            "${workspaceFolder}",
        ),
        Client("kubectl-ai", "kubectl-ai", "yaml", "servers", "kubectl-ai --mcp-client uses it", stdio_type=False),
        Client("kagent", "kagent", "manifest", "", "name it in the tools of an agent"),
    )
}
