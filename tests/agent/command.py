"""The command line with the scripted server in place of the real one: ``python -m tests.agent.command …``."""

from __future__ import annotations

import sys
from pathlib import Path

from agent import client
from agent.cli import main

FAKE = Path(__file__).with_name("fake_server.py")


def fake_command() -> tuple[str, ...]:
    return (sys.executable, str(FAKE))


if __name__ == "__main__":
    client.default_command = fake_command
    main()
