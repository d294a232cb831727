"""Database URLs, and the files that both Python services carry."""

from pathlib import Path

import pytest

from todo_backend.common.database import make_engine, normalise

SERVICES = Path(__file__).parents[2]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_psycopg(scheme: str) -> None:
    url = normalise(f"{scheme}://todo:p%40ss@db:5432/todo?sslmode=require")
    assert url.drivername == "postgresql+psycopg"
    assert (url.password, url.query) == ("p@ss", {"sslmode": "require"})


@pytest.mark.parametrize("url", ["hunter2", "mysql://u:hunter2@h/d", "postgresql+asyncpg://u:hunter2@h/d"])
def test_another_database_is_refused_without_its_url(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        normalise(url)
    assert "hunter2" not in str(caught.value)


def test_what_users_write_stays_out_of_error_texts() -> None:
    assert make_engine("postgresql://u:p@h/d").hide_parameters is True


@pytest.mark.parametrize(
    "name", ["common/__init__.py", "common/database.py", "common/logs.py", "common/tokens.py", "models/todo.py"]
)
def test_the_shared_files_are_equal(name: str) -> None:
    mine = SERVICES / "backend" / "src" / "todo_backend" / name
    other = SERVICES / "mcp-server" / "src" / "todo_mcp" / name
    assert mine.read_text() == other.read_text()
