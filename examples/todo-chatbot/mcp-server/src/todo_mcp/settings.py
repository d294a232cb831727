"""Settings from the environment. There is no default for a secret."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.engine import make_url

from .common.database import normalise
from .common.tokens import SECRET_MIN_BYTES


class SettingsError(Exception):
    """The environment does not allow a start; the text names the variable and the remedy."""


# The Service name of the cluster and port-forwards. A page that reaches the server under another name is refused.
DEFAULT_HOSTS = ("mcp-server:8001", "localhost:*", "127.0.0.1:*", "[::1]:*")


@dataclass(frozen=True)
class Settings:
    """Everything the service reads from outside."""

    database_url: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    jwt_issuer: str = "todo-chatbot"
    jwt_audience: str = "todo-api"
    port: int = 8001
    log_level: str = "INFO"
    allowed_hosts: tuple[str, ...] = DEFAULT_HOSTS
    allowed_origins: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no log may contain."""
        password = make_url(self.database_url).password
        return tuple(value for value in (self.jwt_secret, self.database_url, str(password or "")) if value)

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
            port=_port(env.get("PORT")),
            log_level=_level(env.get("LOG_LEVEL")),
            allowed_hosts=DEFAULT_HOSTS + _names(env.get("MCP_ALLOWED_HOSTS")),
            allowed_origins=_names(env.get("MCP_ALLOWED_ORIGINS")),
        )


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _names(value: str | None) -> tuple[str, ...]:
    return tuple(name for part in (value or "").split(",") if (name := part.strip()))


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
