"""check_chat: the chatbot lists its tools, calls one, the effect is really there, and a failing tool is survived.

It chats as the test user of the application (made at the first time, see ``check_account.usual_user``). What the chat
adds is removed again; ``changed`` is true only when the test user is new or something could not be removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from mcp_tools import application
from mcp_tools.application_checks import ChatCheck, Request
from mcp_tools.catalog import Effect, Observation, Preview, tool
from mcp_tools.errors import LongshoreError
from mcp_tools.tools import check_account, check_records
from mcp_tools.tools.check_common import Answer, CheckInput, CheckOutput, Scene, mark
from mcp_tools.tools.check_records import Records
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call

SKIPPED = "longshore.yaml has no checks.chat"


class CheckChatOutput(CheckOutput):
    """``ok``: the tools are there, one was called and did what it said, the answers are answers."""

    tools: list[Untrusted] = Field(default_factory=list)
    missing_tools: list[str] = Field(default_factory=list)
    reply: Untrusted = ""
    model: Untrusted = Field("", description="What answered, when the reply says so")
    tool_called: bool = False
    called: list[Untrusted] = Field(default_factory=list)
    record_found: bool | None = Field(None, description="What the tool added can be listed; null: not described")
    cleaned_up: bool | None = None
    formatted: bool = Field(False, description="The reply is text for a person")
    survives_failing_tool: bool = False
    failing_reply: Untrusted = ""
    seconds: float = Field(0.0, description="Until the reply")

    def text(self) -> str:
        """The chat, and what was found."""
        if self.skipped:
            return f"skipped: {self.reason}"
        lines = [f"{mark(self.ok)} chat {self.reason}".rstrip(), f"  tools: {', '.join(self.tools)}"]
        lines.append(f"  reply ({self.seconds:.1f} s): {self.reply}")
        lines.append(f"  called: {', '.join(self.called) or 'no tool'}; record found: {self.record_found}")
        return "\n".join([*lines, f"  failing tool: {self.failing_reply}"])


async def observe_chat(args: CheckInput, call: Call) -> Observation:
    """What would be written through the application."""
    app = application.load(call.path(args.application))
    chat = app.spec.checks.chat
    if chat is None:
        return Observation(effect=Effect.READ, preview=Preview(summary=f"skipped: {SKIPPED}"), done=True)
    if call.world.simulated:
        return Observation(effect=Effect.READ, preview=Preview(summary="simulated: nobody chats"), done=True)
    where = f"{chat.chat.service} in {app.spec.namespace}"
    summary = f"chat with {where} as its test user: one message that adds a record, which is removed again"
    added = ["the test user longshore-check-…, once", "a conversation of the test user"]
    state = {"namespace": app.spec.namespace, "chat": chat.model_dump(mode="json")}
    return Observation(effect=Effect.CREATE, preview=Preview(summary=summary, added=added), state=state)


@tool(
    domain="diagnostics",
    title="Check the chatbot",
    effect=Effect.CREATE,
    observe=observe_chat,
    idempotent=False,
    long=True,
)
async def check_chat(args: CheckInput, call: Call) -> CheckChatOutput:
    """Check the chatbot end to end: its tools, one chat that must call a tool, the record it adds, and a failing tool.

    What the chat added is removed again.
    """
    scene = await Scene.look(call, args.application)
    chat = scene.app.spec.checks.chat
    if chat is None:
        return CheckChatOutput(ok=True, skipped=True, reason=SKIPPED)
    if call.world.simulated:
        unknown = "whether the chatbot calls its tools, answers, and survives a failing tool"
        return CheckChatOutput(ok=False).mark_simulated(unknown)
    work = _Work(scene, chat, CheckChatOutput(ok=False), [])
    try:
        await call.progress(0, 3, "listing the chatbot's tools")
        await work.tools()
        await call.progress(1, 3, "chatting")
        await work.chat()
    except LongshoreError as error:
        work.problems.append(error.line())
    return work.result()


@dataclass
class _Work:
    scene: Scene
    check: ChatCheck
    out: CheckChatOutput
    problems: list[str]

    async def tools(self) -> None:
        """The tools that the chatbot can call."""
        if self.check.tools is None:
            return
        answer = await self.scene.ask(self.check.tools)
        self.out.tools = names_of(answer.probe.json())
        self.out.missing_tools = sorted(set(self.check.expect_tools) - set(self.out.tools))
        if answer.status != self.check.tools.status:
            self.problems.append(f"{self.check.tools.path} answers {answer.said}")
        elif self.out.missing_tools:
            self.problems.append(f"tools are missing: {', '.join(self.out.missing_tools)}")

    async def chat(self) -> None:
        """A message that must call a tool, and one whose tool must fail."""
        session = await check_account.usual_user(self.scene)
        self.out.changed = session.created
        persistence = self.scene.app.spec.checks.persistence
        read = self.check.items or (persistence.read if persistence else None)
        records = Records(self.scene, session, read or self.check.chat, persistence.id_field if persistence else "id")
        marker = check_records.new_marker()
        try:
            await self._add(records, read, marker)
        finally:
            if read is not None:
                self.out.cleaned_up = await records.remove(marker)
                if not self.out.cleaned_up:
                    self.out.changed = True
                    self.problems.append(f"the test record {marker} could not be removed")
        await self._fail(records)

    async def _add(self, records: Records, read: Request | None, marker: str) -> None:
        answer = await self._say(records, self.check.message.replace("{marker}", marker))
        self.out.seconds = round(answer.probe.seconds, 3)
        if answer.status != self.check.chat.status:
            self.problems.append(f"the chat answers {answer.said}")
            return
        self.out.reply, calls = self._reply(answer), self._calls(answer)
        data = answer.probe.json()
        self.out.model = str(data.get("model") or "") if isinstance(data, Mapping) else ""
        self.out.called = [str(c.get("name")) for c in calls]
        self.out.tool_called = any(c.get("ok", True) for c in calls)
        self.out.formatted = is_prose(self.out.reply)
        if read is not None:
            found, listed = await records.find(marker)
            self.out.record_found = bool(found)
            self.out.tool_called = self.out.tool_called or bool(found)
            if not found:
                self.problems.append(f"the record that the chat should add is not there ({listed.said})")
        if not self.out.tool_called:
            self.problems.append("no tool was called")
        if not self.out.formatted:
            self.problems.append("the reply is no text for a person")

    async def _fail(self, records: Records) -> None:
        answer = await self._say(records, self.check.failing_message)
        self.out.failing_reply = self._reply(answer) or answer.said
        good = answer.status == self.check.chat.status and is_prose(self._reply(answer))
        self.out.survives_failing_tool = good
        if not good:
            self.problems.append(f"after a failing tool the chat answers {answer.said}")

    async def _say(self, records: Records, message: str) -> Answer:
        return await records.send(self.check.chat, {**(self.check.chat.body or {}), self.check.message_field: message})

    def _reply(self, answer: Answer) -> str:
        data = answer.probe.json()
        found = data.get(self.check.reply_field) if isinstance(data, Mapping) else None
        return found[:1000] if isinstance(found, str) else ""

    def _calls(self, answer: Answer) -> list[Mapping[str, Any]]:
        data = answer.probe.json()
        found = data.get(self.check.tool_calls_field) if isinstance(data, Mapping) else None
        return [call for call in found if isinstance(call, Mapping)] if isinstance(found, list) else []

    def result(self) -> CheckChatOutput:
        """The verdict."""
        out = self.out
        out.ok = not self.problems and out.tool_called and out.survives_failing_tool
        out.reason = self.problems[0] if self.problems else ""
        out.evidence = [
            f"tools: {', '.join(out.tools) or 'none listed'}",
            f"called: {', '.join(out.called) or 'none'}; reply: {out.reply[:200]}",
            f"the record was found: {out.record_found}; removed again: {out.cleaned_up}",
            f"failing tool: {out.failing_reply[:200]}",
            *self.problems,
        ]
        return out


def names_of(data: Any) -> list[str]:
    """Tool names from a list of names, a list of objects with a name, or an object that holds either."""
    if isinstance(data, Mapping):
        data = next((value for value in data.values() if isinstance(value, list)), [])
    names = [item.get("name") if isinstance(item, Mapping) else item for item in data] if isinstance(data, list) else []
    return [str(name) for name in names if name]


def is_prose(reply: str) -> bool:
    """Whether a reply is text for a person: not empty, no bare JSON, no traceback."""
    text = reply.strip()
    return bool(text) and text[0] not in "{[" and "Traceback (most recent call last)" not in text
