"""The role's password is the Secret's at every start, however old the data is: run with the real image."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]
ODD = 'it\'s a "new" \\ one; $HOME'


def docker(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, done.stderr + done.stdout
    return done


class Database:
    """The chart's containers, on a volume of their own."""

    def __init__(self, charts: Any, folder: Path) -> None:
        items = charts.render("postgres")
        self.pod = charts.pod(items)
        self.config = next(item["data"] for item in items if item["metadata"]["name"] == "postgres" and "data" in item)
        self.users = folder / "passwd"
        files = next(item["data"] for item in items if item["metadata"]["name"] == "postgres-files")
        self.users.write_text(files["users"], encoding="utf-8")
        self.folder = folder / "data"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.name = f"longshore-test-{uuid.uuid4().hex[:8]}"

    def words(self, password: str) -> list[str]:
        """``docker run`` as the pod runs it."""
        env = self.config | {"POSTGRES_PASSWORD": password}
        user = self.pod["securityContext"]["runAsUser"]
        mount = self.pod["containers"][0]["volumeMounts"]
        (data,) = [found["mountPath"] for found in mount if found["name"] == "data"]
        return [
            *(word for name, value in env.items() for word in ("--env", f"{name}={value}")),
            *("--user", f"{user}:{user}", "--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL"),
            *("--tmpfs", "/run/postgresql:uid=10001", "--volume", f"{self.users}:/etc/passwd:ro"),
            *("--volume", f"{self.folder}:{data}", "--network", "none"),
        ]

    def prepare(self, password: str) -> subprocess.CompletedProcess[str]:
        """Run the init container to its end."""
        (container,) = self.pod["initContainers"]
        program, *rest = container["command"]
        words = ("run", "--rm", *self.words(password), "--entrypoint", program, container["image"], *rest)
        return docker(*words, check=False)

    def start(self, password: str) -> None:
        """Run the database until it answers."""
        docker("run", "--detach", "--name", self.name, *self.words(password), self.pod["containers"][0]["image"])
        wait = "for i in $(seq 120); do pg_isready -q -h 127.0.0.1 -U todo -d todo && exit 0; sleep 0.5; done; exit 1"
        done = docker("exec", self.name, "sh", "-c", wait, check=False)
        assert done.returncode == 0, docker("logs", self.name, check=False).stderr

    def asked(self, password: str) -> bool:
        """Whether the password is taken where one is asked for: at any address but the loopback ones."""
        rule = "sed -i 's/trust$/scram-sha-256/' $PGDATA/pg_hba.conf && kill -HUP 1 && sleep 1"
        docker("exec", self.name, "sh", "-c", rule)
        sql = ("psql", "-h", "127.0.0.1", "-U", "todo", "-d", "todo", "-c", "select 1")
        return docker("exec", "--env", f"PGPASSWORD={password}", self.name, *sql, check=False).returncode == 0

    def stop(self, *, hard: bool = False) -> None:
        """End it, as a node does, or as a lost node does."""
        docker("kill", self.name, check=False) if hard else docker("stop", self.name, check=False)
        docker("rm", "--force", self.name, check=False)


@pytest.fixture
def database(charts: Any, tmp_path: Path) -> Iterator[Database]:
    made = Database(charts, tmp_path)
    yield made
    made.stop()
    docker("run", "--rm", "--volume", f"{tmp_path}:/x", "--entrypoint", "rm", "postgres:16-alpine", "-rf", "/x/data")


def test_data_from_before_the_secret_gets_its_password(database: Database) -> None:
    assert database.prepare("first").returncode == 0
    assert list(database.folder.iterdir()) == []  # a new folder is PostgreSQL's to fill
    database.start("first")
    assert database.asked("first")
    database.stop(hard=True)  # its lock file is still there

    done = database.prepare(ODD)
    assert done.returncode == 0, done.stderr
    assert "one; $HOME" not in done.stdout + done.stderr
    database.start(ODD)
    assert database.asked(ODD)
    assert not database.asked("first")


def test_data_that_cannot_take_it_says_so_without_the_password(database: Database) -> None:
    database.start("first")
    database.stop()
    database.config["POSTGRES_USER"] = "nobody-made-it"
    done = database.prepare("other-secret")
    assert done.returncode == 1
    assert 'role "nobody-made-it" does not exist' in done.stderr
    assert "other-secret" not in done.stdout + done.stderr
