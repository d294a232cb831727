"""JSON as bytes, without spaces, as the API server writes it."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import to_json

encode = to_json
"""The JSON of plain data, in a quarter of the time of ``json.dumps``."""


def whole(value: Any) -> Any:
    """The same data with halves of surrogate pairs replaced, as Go does: JSON in UTF-8 has no place for them."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
