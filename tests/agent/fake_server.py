"""A scripted tool server on stdio: ``python fake_server.py serve …``. It answers what a scenario file says.

The scenario (``LONGSHORE_FAKE``) is a JSON file: ``{"tools": {NAME: SCRIPT}, "resources": {URI: DATA}}``. A script has
``data`` (the result), or ``error``; ``ask`` (a list of questions), ``sleep`` (seconds), ``progress`` (messages),
``state`` (what playbook_status says from then on). Each call is noted in ``LONGSHORE_FAKE_LOG``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

APPROVE: Any = {"type": "object", "properties": {"approve": {"type": "boolean"}}, "required": ["approve"]}
SCENARIO: dict[str, Any] = json.loads(Path(os.environ["LONGSHORE_FAKE"]).read_text(encoding="utf-8"))
STATE: dict[str, Any] = {}


def note(entry: dict[str, Any]) -> None:
    with Path(os.environ["LONGSHORE_FAKE_LOG"]).open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")


def result(data: dict[str, Any]) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text="ok")], structured_content=data)


def failed(error: dict[str, Any]) -> types.CallToolResult:
    text = types.TextContent(type="text", text=f"{error['code']}: {error['what']}")
    return types.CallToolResult(content=[text], is_error=True, _meta={"longshore/error": error})


async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> Any:
    capabilities = ctx.session.client_capabilities
    asks = capabilities is not None and capabilities.elicitation is not None
    answers = {key: [answer.action, answer.content] for key, answer in (params.input_responses or {}).items()}
    if params.name != "playbook_status":
        note({"tool": params.name, "arguments": params.arguments, "asks": asks, "answers": answers})
    script = SCENARIO["tools"].get(params.name)
    if script is None:
        return failed({"code": "usage", "what": f"there is no tool '{params.name}'", "why": "", "remedy": "tools/list"})
    if params.name == "playbook_status":
        if (params.arguments or {}).get("run_id"):
            return result(STATE or script["data"])
        return result({"runs": [STATE] if STATE else script.get("runs", [])})
    return await play(ctx, params, script, asks, answers)


async def play(
    ctx: Any, params: types.CallToolRequestParams, script: dict[str, Any], asks: bool, answers: dict[str, Any]
) -> Any:
    if script.get("die"):
        os._exit(9)
    open_questions = {f"c-{place}": message for place, message in enumerate(script.get("ask", []))}
    done = json.loads(params.request_state or "[]") + [key for key in answers if key in open_questions]
    refused = [key for key, (action, _) in answers.items() if action == "decline"]
    left = {key: message for key, message in open_questions.items() if key not in done}
    STATE.update(script.get("state") or {})
    if refused:
        return result(script["declined"]) if "declined" in script else failed({"code": "declined", "what": "no"})
    if left and asks:
        key, message = next(iter(left.items()))
        form = types.ElicitRequestFormParams(message=message, requested_schema=script.get("schema", APPROVE))
        return types.InputRequiredResult(
            input_requests={key: types.ElicitRequest(params=form)}, request_state=json.dumps(done)
        )
    if left:
        return result(script["waiting"]) if "waiting" in script else failed(script["unasked"])
    for place, message in enumerate(script.get("progress", [])):
        await ctx.session.report_progress(place, None, message)
        await asyncio.sleep(0.05)
    try:
        await asyncio.sleep(script.get("sleep", 0))
    except asyncio.CancelledError:
        note({"cancelled": params.name})
        STATE["status"] = "interrupted"
        raise
    return failed(script["error"]) if "error" in script else result(script["data"])


async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
    tools = [types.Tool(name=name, input_schema={"type": "object"}) for name in SCENARIO["tools"]]
    return types.ListToolsResult(tools=tools)


async def read_resource(ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    text = json.dumps(SCENARIO.get("resources", {})[str(params.uri)])
    contents = types.TextResourceContents(uri=str(params.uri), text=text, mime_type="application/json")
    return types.ReadResourceResult(contents=[contents])


async def main() -> None:
    server: Server[Any] = Server(
        "fake", on_list_tools=list_tools, on_call_tool=call_tool, on_read_resource=read_resource
    )
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    if SCENARIO.get("broken"):
        print("longshore: the state folder cannot be made", file=sys.stderr)
        sys.exit(1)
    note({"argv": sys.argv[1:], "env": sorted(os.environ)})
    asyncio.run(main())
