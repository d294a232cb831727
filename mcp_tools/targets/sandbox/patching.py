"""Patching an object by the type of the patch."""

from __future__ import annotations

from typing import Any, Literal

from mcp_tools.targets.sandbox import patch
from mcp_tools.targets.sandbox.kinds import Kind
from mcp_tools.targets.sandbox.store import Obj

PatchType = Literal["json", "merge", "strategic", "apply"]


def patched(kind: Kind, live: Obj, patch_type: PatchType, body: Any) -> Obj:
    """The object after a patch of one of the first three types.

    Raises:
        ApiError: the patch cannot be read, or does not fit the object.
    """
    made: Obj
    if patch_type == "json":
        made = patch.json_patch(live, body)
    elif patch_type == "strategic":
        made = patch.strategic(kind, live, body)
    else:
        made = patch.merge(live, body)
    return made
