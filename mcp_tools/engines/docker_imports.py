"""Whether modules can be imported inside an image: one bounded run, cut off from everything.

Module names are arguments of the program, never part of its text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mcp_tools.errors import TimedOut
from mcp_tools.untrusted import clean

if TYPE_CHECKING:
    from mcp_tools.engines.docker import DockerEngine
    from mcp_tools.engines.docker_records import ImageDetails

__all__ = ["Import", "check"]

_PYTHON = """
import importlib, json, sys
sys.path.insert(0, "")
found = []
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
        found.append([name, True, ""])
    except BaseException as error:
        found.append([name, False, f"{type(error).__name__}: {error}"[:300]])
print("\\n" + sys.argv[1] + json.dumps(found), flush=True)
"""
_NODE = """
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
const [, mark, ...names] = process.argv;
const found = [];
for (const name of names) {
  try {
    try { await import(name); } catch { require(name); }
    found.push([name, true, ""]);
  } catch (error) {
    found.push([name, false, `${error?.code ?? error?.name ?? "Error"}: ${error?.message ?? error}`.slice(0, 300)]);
  }
}
process.stdout.write("\\n" + mark + JSON.stringify(found) + "\\n", () => process.exit(0));
"""


@dataclass(frozen=True)
class Import:
    """One module: whether it can be imported, and what was said when not."""

    module: str
    ok: bool
    error: str = ""


async def check(docker: DockerEngine, image: ImageDetails, modules: Sequence[str], *, timeout: float) -> list[Import]:
    """Import modules inside an image with its own interpreter, in its working folder."""
    if not modules:
        return []
    for program in _interpreters(image):
        mark = secrets.token_hex(12)
        code = ["--input-type=module", "-e", _NODE] if PurePosixPath(program).name == "node" else ["-c", _PYTHON]
        try:
            done = await docker.run_check(image.id, [program, *code, mark, *modules], timeout=timeout)
        except TimedOut as error:
            return [Import(module, False, error.what) for module in modules]
        if done.returncode in (125, 126, 127) and mark not in done.stdout:
            continue  # there is no such program in the image
        return _read(done.stdout, mark, modules, clean(done.last_words(300)) or f"exit {done.returncode}")
    return [
        Import(module, False, "the image has neither python nor node: imports cannot be tried") for module in modules
    ]


def _interpreters(image: ImageDetails) -> list[str]:
    """Which programs to try: the one that the image starts with, then the others."""
    words = [*image.entrypoint, *image.cmd]
    node = any(PurePosixPath(word).name in ("node", "npm", "npx", "next", "yarn", "pnpm") for word in words[:3])
    own = [word for word in words[:1] if PurePosixPath(word).name.startswith(("python", "node"))]
    usual = ["node", "python3", "python"] if node else ["python3", "python", "node"]
    return list(dict.fromkeys([*own, *usual]))


def _read(output: str, mark: str, modules: Sequence[str], words: str) -> list[Import]:
    for line in reversed(output.splitlines()):
        if line.startswith(mark):
            try:
                rows = {
                    str(name): (bool(ok), clean(" ".join(str(error).split())))
                    for name, ok, error in json.loads(line[len(mark) :])
                }
            except ValueError:
                break
            return [Import(m, *rows.get(m, (False, "it was not tried"))) for m in modules]
    return [Import(module, False, words) for module in modules]
