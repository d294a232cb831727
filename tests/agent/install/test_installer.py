"""``longshore mcp install``: what it writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from agent.cli import cli
from agent.install import clients, edit, files, installer
from agent.install.clients import CLIENTS, Launch, Place
from agent.problems import Problem
from tests.agent.conftest import Stage

FILES = [key for key in CLIENTS if key != "kagent"]
STDIO = Launch("/opt/longshore/longshore", ("mcp", "--workspace", "/home/ann/shop"))
HTTP = Launch(url="http://127.0.0.1:8765/mcp")
SECRET = "sk-live-0123456789abcdefghij"


def _load(key: str, text: str) -> Any:
    return yaml.safe_load(text) if key == "kubectl-ai" else json.loads(text)


def _servers(key: str, text: str) -> dict[str, Any]:
    found = _load(key, text)[CLIENTS[key].servers]
    return {item["name"]: item for item in found} if isinstance(found, list) else found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a project of nobody else's."""
    made = tmp_path / "home"
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    made.mkdir()
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.chdir(tmp_path / "shop")
    return made


def install(*words: str) -> Result:
    return CliRunner().invoke(cli, ["mcp", "install", *words], prog_name="longshore", standalone_mode=False)


def done(*words: str) -> str:
    result = install(*words)
    assert result.exception is None and result.return_value == 0, (result.exception, result.output)
    return result.stdout


def refused(*words: str) -> Problem:
    result = install(*words)
    assert isinstance(result.exception, Problem), result.output
    return result.exception


# -- where ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "system", "file"),
    [
        ("claude-code", "linux", "/h/.claude.json"),
        ("claude-desktop", "linux", "/h/.config/Claude/claude_desktop_config.json"),
        ("claude-desktop", "darwin", "/h/Library/Application Support/Claude/claude_desktop_config.json"),
        ("claude-desktop", "win32", "/h/AppData/Roaming/Claude/claude_desktop_config.json"),
        ("cursor", "darwin", "/h/.cursor/mcp.json"),
        ("vscode", "linux", "/h/.config/Code/User/mcp.json"),
        ("vscode", "darwin", "/h/Library/Application Support/Code/User/mcp.json"),
        ("vscode", "win32", "/h/AppData/Roaming/Code/User/mcp.json"),
        ("kubectl-ai", "linux", "/h/.config/kubectl-ai/mcp.yaml"),
        ("kubectl-ai", "darwin", "/h/.config/kubectl-ai/mcp.yaml"),
        ("kubectl-ai", "win32", "/h/AppData/Roaming/kubectl-ai/mcp.yaml"),
    ],
)
def test_where_each_client_looks(key: str, system: Any, file: str) -> None:
    place = Place(system, Path("/h"), Path("/p"), {})
    assert CLIENTS[key].file("user", place) == Path(file)


def test_variables_and_projects_move_the_file() -> None:
    place = Place("linux", Path("/h"), Path("/p"), {"XDG_CONFIG_HOME": "/x", "CLAUDE_CONFIG_DIR": "/c"})
    assert CLIENTS["vscode"].file("user", place) == Path("/x/Code/User/mcp.json")
    assert CLIENTS["claude-code"].file("user", place) == Path("/c/.claude.json")
    found = [str(CLIENTS[key].file("project", place)) for key in ("claude-code", "cursor", "vscode")]
    assert found == ["/p/.mcp.json", "/p/.cursor/mcp.json", "/p/.vscode/mcp.json"]
    for key in ("claude-desktop", "kubectl-ai"):
        with pytest.raises(Problem, match="no file in a project"):
            CLIENTS[key].file("project", place)


# -- what ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", FILES)
def test_install_twice_then_out_again(key: str, home: Path) -> None:
    assert "written" in done("--client", key, "--yes")
    file = CLIENTS[key].file("user", installer.here())
    entry = _servers(key, file.read_text())["longshore"]
    assert entry["command"].endswith("longshore") and "--workspace" in entry["args"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert "nothing to change" in done("--client", key)  # nobody is asked, either
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    done("--client", key, "--uninstall", "--yes")
    assert _servers(key, file.read_text()) == {}
    assert "not there" in done("--client", key, "--uninstall")


@pytest.mark.parametrize("key", FILES)
def test_the_rest_of_a_file_stays_as_it_was_typed(key: str, home: Path) -> None:
    client = CLIENTS[key]
    if key == "kubectl-ai":
        text = "# mine\nservers:\n  - name: other # x\n    command: npx\nlast: 1\n"
    elif client.format == "jsonc":
        text = '// mine\n{\n  "SERVERS": {\n    "other": {"command": "npx"}, // x\n  },\n  "last": 1.50\n}\n'
    else:
        text = '{\n  "big": 12345678901234567890, "SERVERS": {"other": {"command":  "npx"}},\n\t"last": 1.50}'
    text = text.replace("SERVERS", client.servers)
    file = client.file("user", installer.here())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o640)
    done("--client", key, "--yes")
    made = file.read_text()
    assert made != text and stat.S_IMODE(file.stat().st_mode) == 0o640
    for part in (
        "npx",
        "last",
        "1.50" if key != "kubectl-ai" else "# x",
        "// mine" if client.format == "jsonc" else "last",
    ):
        assert part in made
    (kept,) = (home.parent / "state" / "longshore" / "backups").iterdir()
    assert kept.read_text() == text and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    done("--client", key, "--uninstall", "--yes")
    assert file.read_text() == text


@pytest.mark.parametrize("key", FILES)
def test_what_somebody_added_to_the_entry_stays(key: str) -> None:
    client = CLIENTS[key]
    text = edit.fresh(client, STDIO)
    extra = "    timeout: 5\n" if key == "kubectl-ai" else ""
    if extra:
        text += extra
    else:
        text = text.replace('"command"', '"timeout": 5,\n      "command"')
    assert not edit.added(client, STDIO, text).changed
    other = Launch(STDIO.command, (*STDIO.args, "--read-only"))
    entry = _servers(key, edit.added(client, other, text).after)["longshore"]
    assert entry["timeout"] == 5 and entry["args"][-1] == "--read-only"


@pytest.mark.parametrize("key", [key for key in FILES if key != "claude-desktop"])
def test_from_a_program_to_a_url_and_back(key: str) -> None:
    client = CLIENTS[key]
    first = edit.fresh(client, STDIO)
    by_url = edit.added(client, HTTP, first).after
    assert "command" not in by_url and HTTP.url in by_url
    back = edit.added(client, STDIO, by_url).after
    assert _servers(key, back) == _servers(key, first)
    assert _servers(key, edit.removed(client, by_url).after) == {}
    assert "longshore-token" not in edit.removed(client, by_url).after


def test_a_token_is_never_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGSHORE_MCP_TOKEN", SECRET)
    for key in [*FILES, "kagent"]:
        if key != "claude-desktop":
            shown = install("--client", key, "--url", HTTP.url, "--print")
            assert shown.return_value == 0 and SECRET not in shown.output
    assert "no password" in refused("--client", "cursor", "--url", "http://a:b@host/mcp").why


def test_a_client_that_knows_no_urls_says_so(home: Path) -> None:
    problem = refused("--client", "claude-desktop", "--url", HTTP.url, "--yes")
    assert "no URLs" in problem.what and problem.exit_code == 2


def test_a_file_of_the_project_names_no_folder_of_this_machine(home: Path) -> None:
    for key in ("claude-code", "cursor", "vscode"):
        done("--client", key, "--scope", "project", "--command", "longshore", "--yes")
        file = CLIENTS[key].file("project", installer.here())
        assert str(home.parent) not in file.read_text() and file.parent.is_relative_to(Path.cwd())
        assert stat.S_IMODE(file.stat().st_mode) & 0o400
    assert '"${workspaceFolder}"' in Path(".cursor/mcp.json").read_text()


def test_the_manifest_of_kagent(home: Path) -> None:
    made = yaml.safe_load(done("--client", "kagent", "--namespace", "agents"))
    assert (made["apiVersion"], made["kind"]) == ("kagent.dev/v1alpha2", "RemoteMCPServer")
    assert made["metadata"] == {"name": "longshore", "namespace": "agents"}
    known = {"description", "protocol", "url", "headersFrom", "timeout", "sseReadTimeout", "terminateOnClose"}
    assert set(made["spec"]) <= known and made["spec"]["protocol"] == "STREAMABLE_HTTP"
    assert made["spec"]["headersFrom"][0]["valueFrom"] == {
        "type": "Secret",
        "name": "longshore-mcp",
        "key": "authorization",
    }
    assert "kubectl" in refused("--client", "kagent", "--uninstall").remedy


def test_json_is_one_document(home: Path) -> None:
    shown = json.loads(done("--client", "cursor", "--yes", "--json"))
    assert shown["changed"] and shown["client"] == "cursor" and shown["backup"] is None
    assert "longshore" in json.loads(done("--client", "cursor", "--print", "--json"))["configuration"]


# -- asking --------------------------------------------------------------------------------------------------------


def test_without_a_terminal_nothing_is_written(home: Path) -> None:
    problem = refused("--client", "cursor")
    assert problem.exit_code == 3 and "--yes" in problem.remedy
    assert not (home / ".cursor").exists()


@pytest.mark.parametrize(("answer", "there"), [("y\r", True), ("n\r", False)])
def test_a_human_is_asked(stage: Stage, answer: str, there: bool) -> None:
    ran = stage.terminal("mcp", "install", "--client", "cursor", answers=[("Do it?", answer)])
    file = stage.folder / "home" / ".cursor" / "mcp.json"
    assert file.exists() is there and "mcpServers" in ran.out and str(file)[-12:] in ran.out
    assert ran.code == (0 if there else 1), ran.out


# -- broken, foreign, led astray -----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", FILES)
@pytest.mark.parametrize("text", ['{"mcpServers": {"a": ', "[1, 2]", '{"mcpServers": 1, "servers": 1}', "\x00", "a: ["])
def test_a_broken_file_is_left_alone(key: str, text: str, home: Path) -> None:
    file = CLIENTS[key].file("user", installer.here())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    problem = refused("--client", key, "--yes")
    assert problem.code == "broken-file" and problem.why and "--print" in problem.remedy
    assert file.read_text() == text and [item.name for item in file.parent.glob("*.new")] == []


def test_comments_in_a_strict_file_are_no_json(home: Path) -> None:
    (home / ".claude.json").write_text('{\n  // x\n  "a": 1\n}')
    assert "line 2" in refused("--client", "claude-code", "--yes").why


def test_other_peoples_secrets_are_not_shown(home: Path) -> None:
    text = json.dumps({"mcpServers": {"x": {"env": {"API_KEY": SECRET, "OTHER": SECRET}}}}, indent=2)
    (home / ".claude.json").write_text(text)
    result = install("--client", "claude-code", "--yes")
    assert result.return_value == 0 and SECRET not in result.output and "longshore" in result.output
    assert (home / ".claude.json").read_text().count(SECRET) == 2


def test_a_link_is_followed_and_stays_a_link(home: Path) -> None:
    real = home / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text("{}")
    (home / ".claude.json").symlink_to(real)
    done("--client", "claude-code", "--yes")
    assert (home / ".claude.json").is_symlink() and "longshore" in real.read_text()


def test_no_link_leads_out_of_a_project(home: Path) -> None:
    victim = home / ".bashrc"
    victim.write_text("{}")
    Path(".mcp.json").symlink_to(victim)
    (Path.cwd() / ".vscode").symlink_to(home, target_is_directory=True)
    for key in ("claude-code", "vscode"):
        problem = refused("--client", key, "--scope", "project", "--yes")
        assert problem.code == "unsafe-file" and victim.read_text() == "{}"
    assert not (home / "mcp.json").exists()


def test_what_is_no_file_of_ones_own_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".claude.json").mkdir()
    assert refused("--client", "claude-code", "--yes").code in ("unsafe-file", "file")
    os.mkfifo(home / ".cursor-pipe")
    (home / ".cursor").mkdir()
    (home / ".cursor" / "mcp.json").symlink_to(home / ".cursor-pipe")
    assert refused("--client", "cursor", "--yes").code == "unsafe-file"
    (home / ".cursor" / "mcp.json").unlink()
    (home / ".cursor" / "mcp.json").write_text("{}")
    (home / ".cursor").chmod(0o777)
    assert "everybody" in refused("--client", "cursor", "--yes").why
    (home / ".cursor").chmod(0o700)
    uid = os.getuid()
    monkeypatch.setattr(files.os, "getuid", lambda: uid + 1)
    monkeypatch.setattr(files, "_safe_folder", lambda path: None)
    with pytest.raises(Problem, match="belongs to somebody else"):
        files.find(home / ".cursor" / "mcp.json")


def test_a_change_in_between_is_not_overwritten(home: Path) -> None:
    file = home / ".claude.json"
    file.write_text("{}")
    found = files.find(file)
    file.write_text('{"new": 1}')
    with pytest.raises(Problem, match="changed meanwhile"):
        files.write(found, '{"mine": 1}', private=True, backups=home / "backups")
    assert file.read_text() == '{"new": 1}' and sorted(item.name for item in home.glob(".*new")) == []


def test_an_entry_without_room_is_explained(home: Path) -> None:
    (home / ".cursor").write_text("a file")
    assert refused("--client", "cursor", "--yes").code in ("file", "unsafe-file")


def test_every_client_is_offered() -> None:
    from agent.commands import mcp

    assert tuple(clients.CLIENTS) == mcp._CLIENTS
