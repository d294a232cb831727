"""``longshore chat``."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.options import Command, Common, common

if TYPE_CHECKING:
    from agent.chat.ui import Talker
    from agent.confirm import Chooser

_EXAMPLES = (
    ("longshore chat", "talk"),
    ("longshore chat --target sandbox", "with the embedded cluster: nothing real is touched"),
    ('longshore chat "why is the backend down?"', "one message, one answer"),
    ("kubectl logs shop-7d5f | longshore chat", "the whole of stdin is the message"),
    ("longshore chat --resume", "go on with the last conversation, and with what it left open"),
    ("longshore chat --model qwen3 --base-url http://127.0.0.1:11434/v1", "a model of your own"),
)
_ID = re.compile(r"last|[a-z0-9-]{6,40}")


@click.command(
    "chat", cls=Command, examples=_EXAMPLES, short_help="Talk with an agent that deploys, explains and mends"
)
@click.argument("message", nargs=-1)
@click.option(
    "--resume", is_flag=False, flag_value="last", metavar="[ID]", help="Go on with an earlier conversation; the last."
)
@click.option("--model", metavar="NAME", help="Default: the setting; without a key, offline: a planner, no model.")
@click.option("--base-url", metavar="URL", help="An OpenAI-compatible server: Ollama, vLLM, llama.cpp, …")
@click.option("--api", type=click.Choice(("responses", "chat")), help="Which of OpenAI's interfaces it speaks.")
@click.option("--read-only", is_flag=True, help="Look, but change nothing.")
@click.option("--max-turns", type=click.IntRange(1), metavar="N", help="Answers of the model to one message.")
@click.option("--max-calls", type=click.IntRange(1), metavar="N", help="Tool calls for one message.")
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Tokens of the conversation.")
@click.option("--max-cost", type=click.FloatRange(0, min_open=True), metavar="USD", help="Dollars of the conversation.")
@click.option(
    "--trace", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write each step to that file."
)
@click.option("--json", is_flag=True, help="Every event as one line of JSON on stdout.")
@common(json=False)
def command(
    message: tuple[str, ...],
    resume: str | None,
    model: str | None,
    base_url: str | None,
    api: Any,
    read_only: bool,
    max_turns: int | None,
    max_calls: int | None,
    max_tokens: int | None,
    max_cost: float | None,
    trace: Path | None,
    common: Common,
) -> int:
    """Talk with an agent that deploys, looks, explains and mends, and asks you before it changes anything.

    MESSAGE, or stdin when it is no terminal, is one message: it is answered, and the command ends. Without a terminal
    nobody can be asked; then it ends with 3 and says how to go on.

    Without a key for a model it is the offline planner that answers: it understands what operators ask, and needs no
    network.
    """
    import sys

    from agent.settings import workspace_of

    output = common.output
    words = list(message)
    if resume and not _ID.fullmatch(resume):
        words.insert(0, resume)  # `--resume "go on"`: that is what is said
        resume = "last"
    workspace = workspace_of(Path())
    text = " ".join(words).strip()

    terminal = output.ask and not output.json and sys.stdin.isatty() and sys.stdout.isatty()

    def opener(ask: Chooser) -> AbstractAsyncContextManager[Talker]:
        from agent.chat.assistant import Budgets, ChatOptions, open_assistant

        options = ChatOptions(
            workspace=workspace,
            target=common.target,
            profile=common.profile,
            url=common.url,
            model=model,
            base_url=base_url,
            api=api,
            read_only=read_only,
            resume=resume,
            budgets=Budgets(max_turns, max_calls, max_tokens, max_cost),
            trace=trace,
            debug=output.debug,
        )
        return open_assistant(options, ask)

    return _talk(common, workspace, text, resume is not None, opener, terminal)


def _talk(common: Common, workspace: Path, text: str, resumed: bool, opener: Any, terminal: bool) -> int:
    import asyncio
    import sys

    from agent.chat.ui import Session
    from agent.problems import Problem

    if not terminal and not text and not sys.stdin.isatty():
        from agent.chat.plain import read_message

        text = read_message()
    if not terminal and not text and not resumed:
        raise Problem("there is no message", remedy='longshore chat "MESSAGE", or pipe one', code="usage")
    session = Session(workspace, common.target or "", resumed, text)
    if terminal:
        from agent.chat.terminal import Terminal

        return asyncio.run(Terminal(session, opener, common.output).run())
    from agent.chat.plain import once

    return asyncio.run(once(session, opener, common.output))
