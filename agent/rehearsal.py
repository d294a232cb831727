"""A rehearsal: the same run in a sandbox of its own, which is thrown away afterwards with its journal.

Nothing carries over: not the sandbox's state, not its run, and no confirmation, because none was given. What the
rehearsal would have asked it asks nobody: an empty sandbox has nothing that could be replaced or lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.client import connect, default_command
from agent.documents import run_document, run_exit
from agent.interrupt import Interrupt
from agent.options import Common
from agent.output import SIMULATED
from agent.settings import import_path
from agent.text import count, duration
from agent.views import view_for
from agent.watch import Watcher

__all__ = ["rehearsal"]


async def rehearsal(
    common: Common, workspace: Path, arguments: Mapping[str, Any], interrupt: Interrupt
) -> tuple[int, dict[str, Any]]:
    """Run it, show it as a rehearsal, and throw the sandbox away; the exit code, and its document.

    When it does not succeed, its document is the command's: nothing was done to anything real.
    """
    output = common.output
    output.note(f"rehearsal in a throw-away {SIMULATED}: nothing real is touched")
    with tempfile.TemporaryDirectory(prefix="longshore-rehearsal-") as home:
        environ = {**os.environ, "XDG_STATE_HOME": home}
        connection = replace(common.connection(workspace), target="sandbox", environ=environ, told=None)
        view = view_for(output, "rehearse")
        try:
            with view:
                async with connect(connection, interrupt) as server:
                    run = await Watcher(server, view).start("playbook_run", arguments)
        finally:
            await _throw_away(environ)
    run.advice = []
    code = run_exit(run)
    document = run_document(run) | {"report": None, "rehearsal": True}
    unproven = sum(step.status == "simulated" for step in run.steps())
    if code != 0:
        output.document(document)
        if not output.json:
            from agent.conduct import show_run

            show_run(output, run)
        output.note("the rehearsal did not succeed, so nothing real was begun")
        return code, document
    proof = f"; {count(unproven, 'step')} only the real run can prove" if unproven else ""
    output.note(f"the rehearsal succeeded in {duration(run.seconds)}{proof}. Now the real one, which asks for itself")
    return 0, {key: document[key] for key in ("run_id", "status", "target", "simulated", "seconds")}


async def _throw_away(environ: Mapping[str, str]) -> None:
    """Stop the rehearsal's sandbox, whatever became of the run."""
    argv = [*default_command(), "sandbox", "down"]
    with contextlib.suppress(OSError, TimeoutError):
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**environ, "PYTHONPATH": import_path(environ)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            await process.wait()
