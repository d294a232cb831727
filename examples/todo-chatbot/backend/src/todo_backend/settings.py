"""Settings from the environment. There is no default for a secret."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from .common.database import normalise
from .common.tokens import SECRET_MIN_BYTES


class SettingsError(Exception):
    """The environment does not allow a start; the text names the variable and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Everything the service reads from outside. Without `openai_api_key` the built-in offline model answers."""

    database_url: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    jwt_issuer: str = "todo-chatbot"
    jwt_audience: str = "todo-api"
    mcp_server_url: str = "http://mcp-server:8001/mcp"
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    openai_model: str | None = None
    port: int = 8000
    log_level: str = "INFO"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no log may contain."""
        password = make_url(self.database_url).password
        values = (self.jwt_secret, self.database_url, str(password or ""), self.openai_api_key)
        return tuple(value for value in values if value)

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check the settings. Raises SettingsError."""
        database_url, jwt_secret = (_required(env, name) for name in ("DATABASE_URL", "JWT_SECRET"))
        try:
            normalise(database_url)
        except ValueError as error:
            raise SettingsError(f"DATABASE_URL is {error}") from None
        if len(jwt_secret.encode()) < SECRET_MIN_BYTES:
            raise SettingsError(f"JWT_SECRET is too short, it needs at least {SECRET_MIN_BYTES} bytes")
        return cls(
            database_url=database_url,
            jwt_secret=jwt_secret,
            jwt_issuer=env.get("JWT_ISSUER") or cls.jwt_issuer,
            jwt_audience=env.get("JWT_AUDIENCE") or cls.jwt_audience,
            mcp_server_url=_http_url("MCP_SERVER_URL", env.get("MCP_SERVER_URL") or cls.mcp_server_url),
            openai_api_key=env.get("OPENAI_API_KEY", "").strip() or None,
            openai_base_url=_http_url("OPENAI_BASE_URL", env["OPENAI_BASE_URL"])
            if env.get("OPENAI_BASE_URL")
            else None,
            openai_model=env.get("OPENAI_MODEL", "").strip() or None,
            port=_port(env.get("PORT")),
            log_level=_level(env.get("LOG_LEVEL")),
        )


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _http_url(name: str, value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{name} is not an http(s) URL")
    return value.strip()


def _port(value: str | None) -> int:
    if not value:
        return Settings.port
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise SettingsError("PORT is not a port number")
    return int(value)


def _level(value: str | None) -> str:
    level = (value or "INFO").upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SettingsError("LOG_LEVEL is not one of DEBUG, INFO, WARNING, ERROR")
    return level
