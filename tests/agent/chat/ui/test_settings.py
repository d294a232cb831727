"""What the terminal relies on of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.chat import config


def test_a_model_may_be_named_by_a_variable_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings, servers = config.load({"LONGSHORE_MODEL": "offline", "LONGSHORE_BASE_URL": "http://127.0.0.1:1/v1"})
    assert (settings.model, settings.base_url, servers) == ("offline", "http://127.0.0.1:1/v1", {})
