"""A real PostgreSQL for the tests: the one of TEST_DATABASE_URL, a local throw-away server, or one in Docker."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import sql

IMAGE = "postgres:16-alpine"
START_SECONDS = 60.0
DEBIAN = Path("/usr/lib/postgresql")
WITHOUT = (
    "no PostgreSQL: TEST_DATABASE_URL is not set, no initdb and postgres were found "
    "(PATH, /usr/lib/postgresql/*/bin), and Docker does not work"
)


class NoPostgres(Exception):
    """There is no PostgreSQL to test with; the text says what was looked for."""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a server on which databases can be made. Raises NoPostgres."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
    elif (binaries := _binaries()) is not None and (user := _user()) is not None:
        with _local(binaries, user) as url:
            yield url
    elif _docker_works():
        with _container() as url:
            yield url
    else:
        raise NoPostgres(WITHOUT)


@contextlib.contextmanager
def database(server_url: str) -> Iterator[str]:
    """The URL of a new and empty database, which is dropped at the end."""
    name = f"todo_test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield _with_database(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def unused_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _with_database(url: str, name: str) -> str:
    start, _, options = url.partition("?")
    scheme, _, rest = start.partition("://")
    authority = rest.split("/", 1)[0]
    return f"{scheme}://{authority}/{name}" + (f"?{options}" if options else "")


def _binaries() -> Path | None:
    folders = [Path(found).parent] if (found := shutil.which("initdb")) else []
    newest_first = sorted(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((f for f in (*folders, *newest_first) if (f / "initdb").exists() and (f / "postgres").exists()), None)


def _user() -> str | None:
    """Who runs the server: PostgreSQL refuses root, so root lends it another user. None when there is none."""
    if os.geteuid() != 0:
        return ""
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


@contextlib.contextmanager
def _local(binaries: Path, user: str) -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="todo-postgres-"))
    password, port = secrets.token_hex(16), unused_port()
    password_file, log = home / "password", home / "log"
    password_file.write_text(password)
    as_user: dict[str, str | list[int]] = {}
    if user:
        import pwd

        entry = pwd.getpwnam(user)
        for path in (home, password_file):
            os.chown(path, entry.pw_uid, entry.pw_gid)
        as_user = {"user": user, "extra_groups": []}
    data = home / "data"
    make = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8"]
    make += ["--locale=C", "--no-sync", f"--pwfile={password_file}"]
    serve = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(home)]
    serve += ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB"]
    try:
        subprocess.run(make, cwd=home, check=True, capture_output=True, **as_user)  # type: ignore[call-overload]
        with log.open("wb") as output:
            process = subprocess.Popen(serve, cwd=home, stdout=output, stderr=output, **as_user)  # type: ignore[call-overload]
            try:
                url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
                _await(url, alive=lambda: process.poll() is None, log=log)
                yield url
            finally:
                process.send_signal(signal.SIGINT)  # the fast shutdown: SIGTERM would wait for open sessions
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _docker_works() -> bool:
    if shutil.which("docker") is None:
        return False
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(["docker", "version"], capture_output=True, timeout=10, check=False).returncode == 0
    return False


@contextlib.contextmanager
def _container() -> Iterator[str]:
    name, password, port = f"todo-postgres-{secrets.token_hex(4)}", secrets.token_hex(16), unused_port()
    run = ["docker", "run", "--detach", "--rm", "--name", name, "--publish", f"127.0.0.1:{port}:5432"]
    environment = {**os.environ, "POSTGRES_PASSWORD": password}
    started = subprocess.run(
        [*run, "--env", "POSTGRES_PASSWORD", "--tmpfs", "/var/lib/postgresql/data", IMAGE, "-c", "fsync=off"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode != 0:
        raise NoPostgres(f"{WITHOUT}: {started.stderr.strip().rpartition(chr(10))[2]}")
    try:
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        _await(url, alive=lambda: True, log=None)
        yield url
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)


def _await(url: str, alive: Callable[[], bool], log: Path | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if not alive() or time.monotonic() > deadline:
                detail = log.read_text(errors="replace")[-500:] if log else str(error)
                raise NoPostgres(f"the throw-away PostgreSQL did not start: {detail}") from None
            time.sleep(0.1)
