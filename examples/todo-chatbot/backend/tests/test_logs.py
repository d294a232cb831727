"""Logs: one JSON object per line, and no secret in it."""

import json
import logging
import sys

from todo_backend.common.logs import JsonFormatter, skip_good_probes
from todo_testing.tokens import SECRET, token


def record(message: str, *args: object, exc_info: bool = False) -> logging.LogRecord:
    info = sys.exc_info() if exc_info else None
    return logging.LogRecord("todo", logging.INFO, __file__, 1, message, args, info)


def test_secrets_are_taken_out_everywhere() -> None:
    formatter = JsonFormatter("todo-backend", (SECRET, "hunter2"))
    value = token("ada")
    try:
        raise ValueError(f"{SECRET} and {value}")
    except ValueError:
        line = formatter.format(record("postgresql://todo:pw@db/todo %s %s", "hunter2", value, exc_info=True))
    event = json.loads(line)
    assert event["message"] == "postgresql://*** *** ***"
    assert event["exception"].endswith("ValueError: *** and ***")
    assert (event["level"], event["service"]) == ("info", "todo-backend")


def test_line_breaks_stay_inside_one_line() -> None:
    line = JsonFormatter("todo-backend").format(record("one\ntwo"))
    assert "\n" not in line and json.loads(line)["message"] == "one\ntwo"


def test_only_good_probes_are_left_out() -> None:
    assert not skip_good_probes(record('1.2.3.4:5 - "GET /health HTTP/1.1" 200'))
    assert skip_good_probes(record('1.2.3.4:5 - "GET /ready HTTP/1.1" 503'))
    assert skip_good_probes(record('1.2.3.4:5 - "GET /api/todos HTTP/1.1" 200'))
