"""One test for each incident that this field has had and that concerns tools that exist here.

The numbers are those of the list in docs/security.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.server
import json
import os
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mcp_tools import library
from mcp_tools.catalog import CATALOG, ToolDef
from mcp_tools.effects import Effect
from mcp_tools.engines import kube_rest, policy, process
from mcp_tools.engines.kube_http import KubeHttp
from mcp_tools.engines.kube_probes import admit
from mcp_tools.errors import LongshoreError, Refused, UsageError
from mcp_tools.guard import permit
from mcp_tools.untrusted import clean, fence
from mcp_tools.world import inside
from tests.mcp_tools.toys import Things, toy_guard, toy_session, toys
from tests.security.corpus import CORPUS

library.load()
TOOLS = [t for t in CATALOG.all() if not t.name.startswith("toy_")]
MUTATING = [t for t in TOOLS if t.effect is not Effect.READ]
HOSTILE = ("-x", "--server=https://evil.example", "a;id", "`id`", "$(id)", "a\nb", "a b", "a|b", "../../etc", "a\x00b")
# Free text by design: it reaches no program as an argument of its own.
FREE_TEXT = {"reason", "manifest", "grep", "match", "cursor"}


@pytest.fixture
def things() -> Iterator[Things]:
    with toys() as made:
        yield made


def names_of(tool: ToolDef) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = tool.input_schema.get("properties", {})
    return found


def string_fields(tool: ToolDef) -> list[str]:
    return [
        name
        for name, schema in names_of(tool).items()
        if schema.get("type") in ("string", ["string", "null"]) and "enum" not in schema and name not in FREE_TEXT
    ]


# -- 1, 3, 10, 11: arguments and shells ------------------------------------------------------------------------------


def test_01_hostile_words_reach_a_program_as_they_are(tmp_path: Path) -> None:
    probe = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
    words = [w for w in HOSTILE if "\x00" not in w]
    done = asyncio.run(process.run([*probe, *words], timeout=30, cwd=tmp_path))
    assert json.loads(done.stdout) == words and list(tmp_path.iterdir()) == []


def test_01_a_command_as_a_string_is_refused() -> None:
    with pytest.raises(UsageError):
        asyncio.run(process.run("echo hello", timeout=5))
    with pytest.raises(UsageError):
        asyncio.run(process.run(["echo", "a\0b"], timeout=5))


def test_02_programs_in_containers_are_registered_probes_only() -> None:
    for argv in ("ls", ["sh", "-c", "id"], ["python3", "-c", "print(1)"], ["printenv", "-x"], [], ["env"]):
        with pytest.raises(Refused):
            admit(argv)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        kube_rest.check("POST", "https://c/api/v1/namespaces/a/pods/b/exec?command=sh")


@pytest.mark.parametrize("tool", TOOLS, ids=lambda t: t.name)
def test_05_06_10_11_no_free_form_and_no_flag_gets_in(tool: ToolDef) -> None:
    forbidden = {
        "args",
        "flags",
        "command",
        "cmd",
        "extra_args",
        "kubeconfig",
        "server",
        "token",
        "kube_token",
        "script",
    }
    forbidden |= {"shell", "context", "kube_context", "insecure", "dry_run", "confirm", "yes", "approve", "as"}
    assert not forbidden & set(names_of(tool))
    assert tool.input_schema.get("additionalProperties") is False


@pytest.mark.parametrize(
    ("tool", "field"),
    [(t, f) for t in TOOLS for f in string_fields(t)],
    ids=lambda p: p if isinstance(p, str) else p.name,
)
def test_06_07_no_word_can_be_read_as_a_flag(tool: ToolDef, field: str) -> None:
    """Also on tools that only look: a leading dash, a NUL or a line break never passes."""
    for hostile in ("-x", "--server=https://evil.example", "_-x\n", "a\x00b", "-Ahttps://evil.example"):
        with pytest.raises(ValidationError) as refused:
            tool.input_model.model_validate({field: hostile})
        assert any(field in error["loc"] for error in refused.value.errors()), hostile


# -- 4, 12, 13, 14, 15: the guard ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", MUTATING, ids=lambda t: t.name)
def test_04_read_only_refuses_every_hidden_tool_by_name(tool: ToolDef, tmp_path: Path) -> None:
    guard = toy_guard(tmp_path)
    with pytest.raises(Refused, match="read-only"):
        asyncio.run(guard.call(tool.name, {}, session=toy_session(tmp_path, read_only=True)))


@pytest.mark.parametrize("tool", MUTATING, ids=lambda t: t.name)
def test_12_every_mutating_tool_decides_its_effect_from_the_state(tool: ToolDef) -> None:
    assert tool.observe is not None


@pytest.mark.parametrize("tool", [t for t in TOOLS if t.effect is Effect.READ], ids=lambda t: t.name)
def test_12_a_read_tool_has_nothing_to_confirm(tool: ToolDef) -> None:
    assert tool.observe is None


# -- 16, 17: text from outside ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", CORPUS)
def test_16_17_planted_text_stays_data(text: str, things: Things, tmp_path: Path) -> None:
    things.text = text
    guard = toy_guard(tmp_path)
    read = asyncio.run(guard.call("toy_read", {"name": "web"}, session=toy_session(tmp_path)))
    assert things.acts == [] and guard.journal.confirmations() == []
    assert read.text.startswith('<untrusted source="toy_read">\n') and read.text.endswith("\n</untrusted>")
    assert read.text.count("<untrusted") == 1 and read.text.count("</untrusted>") == 1
    for shown in (read.text, read.data["log"]):
        assert all(c.isprintable() or c in "\n\t" for c in shown), ascii(shown)
        assert not set(shown) & set("\u202e\u2066\u2067\u200b\ufeff\u2028\U000e0041\x1b\x9b")
        for token in ("<|im_start|>", "[INST]", "<<SYS>>", "<system>", "<function_calls>", "<assistant>"):
            assert token not in shown


def test_17_the_corpus_is_large_enough() -> None:
    assert len(set(CORPUS)) >= 30


def test_17_the_source_of_a_fence_cannot_break_it() -> None:
    assert fence("x", 'a"> <b\n').splitlines()[0].count('"') == 2


def test_17_ordinary_text_is_left_alone() -> None:
    text = "größe: 3\u00a0GB – naïve café 日本語 ✓ a<b && c>d [info] <none>"
    assert clean(text) == text


# -- 19, 20, 21: ambient authority -----------------------------------------------------------------------------------


def test_19_every_write_needs_a_permit_at_the_http_layer() -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(Refused):
            kube_rest.check(method, "https://c/api/v1/namespaces/a/configmaps/b", {})
    kube_rest.check("GET", "https://c/api/v1/pods")
    kube_rest.check("PATCH", "https://c/api/v1/namespaces/a/configmaps/b?dryRun=All", {})
    with pytest.raises(Refused):
        kube_rest.check("POST", "https://c/api/v1/namespaces/a/serviceaccounts/b/token?dryRun=All", {})
    leave = permit.issue(tool="t", effect=Effect.CREATE, call_id="1")
    with kube_rest.under(leave):
        kube_rest.check("POST", "https://c/api/v1/namespaces/a/configmaps", {})
        with pytest.raises(Refused):
            kube_rest.check("DELETE", "https://c/api/v1/namespaces/a/configmaps/b")
    leave.end()
    with kube_rest.under(leave), pytest.raises(Refused):
        kube_rest.check("POST", "https://c/api/v1/namespaces/a/configmaps", {})


def test_20_a_child_gets_an_allowlist_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "LONGSHORE_MCP_TOKEN",
        "LD_PRELOAD",
        "PYTHONPATH",
        "BASH_ENV",
    ):
        monkeypatch.setenv(name, "canary-value-1234")
    done = asyncio.run(process.run([sys.executable, "-c", "import os; print(dict(os.environ))"], timeout=30))
    assert "canary-value-1234" not in done.stdout and "PATH" in done.stdout


def test_21_no_path_leads_out_of_the_workspace(tmp_path: Path) -> None:
    root = tmp_path / "work"
    (root / "app").mkdir(parents=True)
    (tmp_path / "work-secret").mkdir()
    (root / "link").symlink_to(tmp_path / "work-secret")
    (root / "app" / "up").symlink_to("..")
    for bad in ("..", "../work-secret", "link", "link/x", "/etc/passwd", "app/../../work-secret", str(tmp_path)):
        with pytest.raises(Refused):
            inside(root, bad)
    assert inside(root, "app") == root / "app"
    assert inside(root, "app/up/app") == root / "app"
    assert inside(root, str(root)) == root


# -- 22 to 26 --------------------------------------------------------------------------------------------------------


def test_22_the_sdk_is_new_enough_and_locked() -> None:
    assert tuple(int(part) for part in version("mcp").split(".")[:2]) >= (1, 23)
    lock = (Path(__file__).resolve().parents[2] / "requirements.lock").read_text(encoding="utf-8")
    assert f"mcp=={version('mcp')}" in lock and "--hash=sha256:" in lock


def test_24_there_is_no_tool_that_runs_or_mounts() -> None:
    words = ("run", "exec", "mount", "shell", "privileged", "volume", "port_forward", "attach", "cp")
    named = [t.name for t in TOOLS if any(f"_{word}_" in f"_{t.name}_" for word in words)]
    assert named == ["playbook_run"]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"volumes": [{"name": "h", "hostPath": {"path": "/"}}], "containers": [{"name": "c"}]}, "host-path"),
        ({"containers": [{"name": "c", "securityContext": {"privileged": True}}]}, "privileged"),
        ({"hostNetwork": True, "containers": [{"name": "c"}]}, "host-namespace"),
        ({"containers": [{"name": "c", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]}, "capabilities"),
    ],
)
def test_24_power_over_the_node_is_flagged(spec: dict[str, Any], code: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    assert code in {finding.code for finding in policy.dangers([pod])}


def test_25_the_list_of_tools_does_not_move_within_a_session() -> None:
    def digest() -> str:
        shown = [[t.name, t.description, t.input_schema, t.output_schema, t.effect.value] for t in TOOLS]
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()

    assert digest() == digest()


class _Flaky(http.server.BaseHTTPRequestHandler):
    seen: list[str]

    def _answer(self) -> None:
        self.seen.append(self.command)
        self.connection.close()  # cut without an answer: did it happen or not?

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def log_message(self, *args: object) -> None:
        return None


def test_26_a_mutation_is_never_sent_twice(tmp_path: Path) -> None:
    seen: list[str] = []
    handler = type("Handler", (_Flaky,), {"seen": seen})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    kube = KubeHttp("c", str(file))
    leave = permit.issue(tool="t", effect=Effect.DESTROY, call_id="1")
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        with pytest.raises(LongshoreError):
            kube.send(method, "/api/v1/namespaces/a/configmaps/b", body={}, permit=leave)
    assert seen == ["POST", "PATCH", "PUT", "DELETE"]
    with pytest.raises(LongshoreError):
        kube.send("GET", "/api/v1/pods")
    assert seen[4:] == ["GET", "GET"]
    server.shutdown()


def test_26_helm_reads_no_plugin_repository_or_redirection_of_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mcp_tools.engines import helm

    monkeypatch.setenv("HELM_KUBEAPISERVER", "https://evil.example")
    monkeypatch.setenv("HELM_PLUGINS", "/tmp/evil")
    made = process.environment(helm._environment(tmp_path))
    assert "HELM_KUBEAPISERVER" not in made and made["HELM_PLUGINS"] == str(tmp_path / "plugins")
    assert not [name for name in os.environ if name.startswith("HELM_KUBE") and name in made and made[name]] or (
        made.get("HELM_KUBEINSECURE_SKIP_TLS_VERIFY") == "false"
    )
