"""Tracing of the Agents SDK: off, or into a local file. Nothing is ever sent anywhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from agent.chat.secrets import mask
from agent.problems import Problem

__all__ = ["local"]


def local(file: Path | None) -> None:
    """Take the SDK's exporter away; with a file, write each span into it as a line of JSON, secrets masked.

    Raises:
        Problem: the file cannot be written.
    """
    from agents import set_trace_processors, set_tracing_disabled
    from agents.tracing import TracingProcessor

    class Lines(TracingProcessor):
        """Appends what has ended."""

        def __init__(self, path: Path) -> None:
            self._out = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")

        def _line(self, found: Any) -> None:
            self._out.write(mask(json.dumps(found.export(), default=str, ensure_ascii=False)) + "\n")
            self._out.flush()

        def on_trace_start(self, trace: Any) -> None:
            self._line(trace)

        def on_trace_end(self, trace: Any) -> None:
            return None

        def on_span_start(self, span: Any) -> None:
            return None

        def on_span_end(self, span: Any) -> None:
            self._line(span)

        def shutdown(self) -> None:
            self._out.close()

        def force_flush(self) -> None:
            self._out.flush()

    if file is None:
        set_trace_processors([])
        set_tracing_disabled(True)
        return
    try:
        set_trace_processors([Lines(file)])
    except OSError as error:
        raise Problem(f"{file} cannot be written", error.strerror or "", "choose another file", code="usage") from error
    set_tracing_disabled(False)
