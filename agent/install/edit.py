"""The change of one client's file: its new text, proven to lose nothing, and the diff that a human is shown."""

from __future__ import annotations

import copy
import difflib
import re
from dataclasses import dataclass
from typing import Any

from agent.install import jsonc, yamlfile
from agent.install.clients import NAME, Client, Launch
from agent.problems import Problem

__all__ = ["Change", "added", "fresh", "removed", "shown_diff"]

_WAYS = (("command", "args", "env", "cwd", "envFile"), ("url", "headers", "auth"))
"""What belongs to a server that is started, and to one with a URL: the other's goes when the way changes."""


@dataclass(frozen=True)
class Change:
    """What a file is, and would be."""

    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after


def fresh(client: Client, launch: Launch, name: str = NAME) -> str:
    """The file that the client would have with this one server."""
    return added(client, launch, "", name).after


def added(client: Client, launch: Launch, text: str, name: str = NAME) -> Change:
    """The file with the server in it. What somebody added to the entry, such as a timeout, stays.

    Raises:
        Problem: the file cannot be read as what it should be.
    """
    entry = client.entry(launch)
    before = _read(client, text)
    wanted = copy.deepcopy(before)
    if client.format == "yaml":
        servers = _listed(client, wanted)
        there = next((item for item in servers if isinstance(item, dict) and item.get("name") == name), None)
        merged = _merged({"name": name} | (there or {}), entry)
        wanted[client.servers] = (
            [merged if item is there else item for item in servers] if there else [*servers, merged]
        )
        return _proven(client, text, lambda: yamlfile.set_entry(text, client.servers, name, merged), before, wanted)
    there = jsonc.get(before, (client.servers, name))
    merged = _merged(there, entry) if isinstance(there, dict) else entry
    wanted.setdefault(client.servers, {})
    if not isinstance(wanted[client.servers], dict):
        raise _shape(client, f"{client.servers} is no object")
    wanted[client.servers][name] = merged
    _with_inputs(wanted, client.inputs(launch))
    return _proven(client, text, lambda: _json_text(client, text, before, wanted, name), before, wanted)


def removed(client: Client, text: str, name: str = NAME) -> Change:
    """The file without the server.

    Raises:
        Problem: the file cannot be read as what it should be.
    """
    before = _read(client, text)
    wanted = copy.deepcopy(before)
    if client.format == "yaml":
        servers = _listed(client, wanted)
        left = [item for item in servers if not (isinstance(item, dict) and item.get("name") == name)]
        if len(left) == len(servers):
            return Change(text, text)
        wanted[client.servers] = left
        return _proven(client, text, lambda: yamlfile.remove_entry(text, client.servers, name), before, wanted)
    if not isinstance(jsonc.get(before, (client.servers,)), dict) or name not in before[client.servers]:
        return Change(text, text)
    del wanted[client.servers][name]
    comments = client.format == "jsonc"
    made = jsonc.remove(text, (client.servers, name), comments=comments)
    inputs = before.get("inputs")
    if client.key == "vscode" and isinstance(inputs, list) and "${input:longshore-token}" not in made:
        wanted["inputs"] = [item for item in inputs if not _is_ours(item)]
        made = jsonc.set_value(made, ("inputs",), wanted["inputs"], comments=True)
        if not wanted["inputs"]:
            del wanted["inputs"]
            made = jsonc.remove(made, ("inputs",), comments=True)
    return _proven(client, text, lambda: made, before, wanted)


def _listed(client: Client, data: dict[str, Any]) -> list[Any]:
    found = data.get(client.servers) or []
    if not isinstance(found, list):
        raise _shape(client, f"{client.servers} is no list")
    return found


def _merged(there: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    way = next((keys for keys in _WAYS if not set(keys) & set(entry)), ())
    kept = {key: value for key, value in there.items() if key not in way and (key != "type" or "type" in entry)}
    for key, value in entry.items():
        old = kept.get(key)
        both = key in ("env", "headers", "auth") and isinstance(old, dict)
        kept[key] = old | value if both and isinstance(old, dict) else value
    return kept


def _is_ours(item: Any) -> bool:
    return isinstance(item, dict) and item.get("id") == "longshore-token"


def _with_inputs(wanted: dict[str, Any], inputs: list[dict[str, Any]]) -> None:
    if inputs:
        there = wanted.get("inputs")
        if not isinstance(there, list):
            wanted["inputs"] = inputs
        elif not any(_is_ours(item) for item in there):
            wanted["inputs"] = [*there, *inputs]


def _json_text(client: Client, text: str, before: dict[str, Any], wanted: dict[str, Any], name: str) -> str:
    """Key by key, so that a comment inside the entry stays as well."""
    comments = client.format == "jsonc"
    there = jsonc.get(before, (client.servers, name))
    entry = wanted[client.servers][name]
    path = (client.servers, name)
    if isinstance(there, dict):
        for key in [key for key in there if key not in entry]:
            text = jsonc.remove(text, (*path, key), comments=comments)
        for key, value in entry.items():
            text = jsonc.set_value(text, (*path, key), value, comments=comments)
    else:
        text = jsonc.set_value(text, path, entry, comments=comments)
    if wanted.get("inputs") != before.get("inputs"):
        text = jsonc.set_value(text, ("inputs",), wanted["inputs"], comments=comments)
    return text


def _read(client: Client, text: str) -> dict[str, Any]:
    try:
        found = yamlfile.load(text) if client.format == "yaml" else jsonc.load(text, comments=client.format == "jsonc")
    except jsonc.Broken as error:
        raise _shape(client, str(error)) from error
    if not isinstance(found, dict):
        raise _shape(client, "the whole is no object")
    return found


def _shape(client: Client, why: str) -> Problem:
    kind = "YAML" if client.format == "yaml" else "JSON"
    remedy = f"correct it, or add by hand what longshore mcp install --client {client.key} --print shows"
    return Problem(f"the file of {client.title} is not the {kind} that it should be", why, remedy, code="broken-file")


def _proven(client: Client, text: str, make: Any, before: dict[str, Any], wanted: dict[str, Any]) -> Change:
    """The change, read back: it must hold everything that was there, and the one thing that is new.

    Raises:
        Problem: it does not, so nothing is written.
    """
    if before == wanted:
        return Change(text, text)
    try:
        made: str = make()
    except jsonc.Broken as error:
        raise _shape(client, str(error)) from error
    if "\r\n" in text:
        made = made.replace("\r\n", "\n").replace("\n", "\r\n")
    if _read(client, made) != wanted:
        raise _shape(client, "it is written in a way that cannot be changed without losing something")
    return Change(text, made)


_PAIR = re.compile(
    r"""((["']?)[\w.-]*(?:token|key|secret|passw|credential|auth|cookie)[\w.-]*\2\s*:\s*)(.*?)(,?\s*)$""", re.I
)
_LONG = re.compile(r"[A-Za-z0-9+/_=.-]{24,}")


def shown_diff(change: Change, file: str) -> str:
    """A unified diff. What stands around the change is the user's: what may be a secret in it is not shown.

    A line of somebody else's is on both sides when only its comma changes.
    """
    lines = difflib.unified_diff(
        change.before.replace("\r\n", "\n").splitlines(),
        change.after.replace("\r\n", "\n").splitlines(),
        file,
        file,
        lineterm="",
    )
    return "\n".join(
        line if number < 2 or line.startswith("@@") else _masked(line) for number, line in enumerate(lines)
    )


def _masked(line: str) -> str:
    if (
        (found := _PAIR.search(line)) is not None
        and found[3].strip() not in ("", "{", "[", "true", "false", "null")
        and "${" not in found[3]
    ):
        return line[: found.start(3)] + '"…"' + found[4]
    return _LONG.sub(lambda m: m[0] if "/" in m[0][:2] or m[0].isalpha() else "…", line)
