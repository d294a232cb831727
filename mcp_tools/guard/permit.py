"""The second lock: a mutating method of an engine takes a permit, and only the guard can make one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from mcp_tools.effects import Effect
from mcp_tools.errors import Refused

_ISSUER = object()


class Permit:
    """Leave to act within one call of one tool, up to one effect. It ends with the call.

    Raises:
        Refused: when it is made by anything but the guard.
    """

    def __init__(self, issuer: object, *, tool: str, effect: Effect, call_id: str) -> None:
        if issuer is not _ISSUER:
            raise Refused("a permit can only be issued by the guard")
        self.tool = tool
        self.effect = effect
        self.call_id = call_id
        self.nonce = secrets.token_hex(8)
        self.argvs: list[list[str]] = []
        self._live = True

    def require(self, effect: Effect) -> None:
        """Raise ``Refused`` unless this permit is live and covers ``effect``."""
        if not self._live:
            raise Refused(f"the permit of {self.tool} has ended")
        if effect.rank > self.effect.rank:
            raise Refused(f"{self.tool} may {self.effect.value}, not {effect.value}")

    @property
    def live(self) -> bool:
        """Whether the call it was issued for is still under way."""
        return self._live

    def record(self, argv: Sequence[str]) -> None:
        """Note a command or API request for the journal."""
        self.argvs.append(list(argv))

    def end(self) -> None:
        """End it: nothing can be done with it any more."""
        self._live = False


def issue(*, tool: str, effect: Effect, call_id: str) -> Permit:
    """Issue a permit. Called by the guard only; a contract test reads the imports."""
    return Permit(_ISSUER, tool=tool, effect=effect, call_id=call_id)
