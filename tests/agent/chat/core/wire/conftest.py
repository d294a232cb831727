"""One cluster for all tests here, and for each test a state folder, a workspace and a model's server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.chat.core.wire.provider import Provider
from tests.agent.chat.core.wire.stage import Stage, staged


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The cluster."""
    with staged(tmp_path_factory.mktemp("sandbox")) as stage:
        yield stage


@pytest.fixture
def stage(cluster: Stage, state: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The cluster, found by the tool server of this test; nothing is counted yet."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LONGSHORE_MODEL", "LONGSHORE_BASE_URL", "LONGSHORE_API"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(state.parent.parent))
    cluster.at_home(state)
    cluster.forget()
    return cluster


@pytest.fixture
def provider() -> Iterator[Provider]:
    """The model's server."""
    with Provider().serving() as made:
        yield made
        assert made.problems == []
