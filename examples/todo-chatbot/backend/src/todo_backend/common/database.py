"""Database access that survives a database which is late, restarts, or comes back empty."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg.errors import UndefinedTable
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session, SQLModel

logger = logging.getLogger(__name__)

SCHEMA_LOCK = 0x746F646F  # "todo": one advisory lock for every service that makes these tables
CONNECT_SECONDS = 3


class TablesMissing(Exception):
    """The database answers, but came back empty; the next session makes the tables again."""


UNREACHABLE = (OperationalError, InterfaceError, PoolTimeoutError, TablesMissing)


def normalise(url: str) -> URL:
    """Turn `postgresql://…` (or `postgres://…`) into a SQLAlchemy URL for psycopg 3; other drivers stay as they are.

    Raises ValueError, without the URL in it, when `url` cannot be read.
    """
    try:
        parsed = make_url(url)
    except Exception:
        raise ValueError("not a database URL of the form postgresql://user:password@host:5432/name") from None
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in {"postgresql+psycopg", "sqlite"}:
        return parsed
    raise ValueError(f"the scheme {parsed.drivername!r} is not supported, use postgresql://")


def make_engine(url: str) -> Engine:
    """An engine that checks a connection before use and gives up soon on a silent host."""
    parsed = normalise(url)
    # hide_parameters: what users write does not belong into logs.
    options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    if parsed.get_backend_name() == "postgresql":
        options |= {"pool_size": 5, "max_overflow": 5, "pool_timeout": 5, "pool_recycle": 300}
        options["connect_args"] = {
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": 5000,
            "keepalives_idle": 15,
            "prepare_threshold": None,  # a pooler in transaction mode, as in front of Neon, has no named statements
        }
    return create_engine(parsed, **options)


class Database:
    """The engine, the tables, and whether both can be used now."""

    def __init__(self, url: str, tables: list[type[SQLModel]]) -> None:
        self.engine = make_engine(url)
        self._tables = [SQLModel.metadata.tables[str(model.__tablename__)] for model in tables]
        self._schema_ready = False
        self._schema_mutex = threading.Lock()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session that is rolled back and closed at the end unless it was committed. Raises UNREACHABLE errors."""
        if not self._schema_ready:
            self.ensure_schema()
        try:
            with Session(self.engine, expire_on_commit=False) as session:
                yield session
        except ProgrammingError as error:
            if not isinstance(error.orig, UndefinedTable):
                raise
            self._schema_ready = False
            raise TablesMissing("the tables are gone") from None

    def ensure_schema(self) -> None:
        """Create the tables that are missing; any number of services may do so at once."""
        with self._schema_mutex, self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})
            SQLModel.metadata.create_all(connection, tables=self._tables)
        self._schema_ready = True

    def check(self) -> None:
        """Raise a SQLAlchemy error unless the tables are there and answer; create them when they are missing."""
        if not self._schema_ready:
            self.ensure_schema()
        try:
            with self.engine.connect() as connection:
                for table in self._tables:
                    connection.execute(table.select().limit(0))
        except ProgrammingError:
            self._schema_ready = False  # the database came back without its tables: the next check makes them
            raise

    def is_ready(self) -> bool:
        """`check` as a yes or no, for readiness; the reason of a no is logged by its class only."""
        try:
            self.check()
        except (DBAPIError, PoolTimeoutError) as error:
            logger.warning("database not ready: %s", type(error).__name__)
            return False
        return True

    async def prepare(self) -> None:
        """Try until the tables are there. Runs beside the server, so that a late database delays readiness only."""
        delay = 0.5
        while not await asyncio.to_thread(self.is_ready):
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)
        logger.info("database ready")

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
