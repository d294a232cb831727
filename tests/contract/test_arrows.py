"""The import arrows of the house: read from the sources, so that a forbidden import fails here and not in a review."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("agent", "mcp_tools", "playbooks", "evals", "charts", "tests")
ALLOWED: dict[str, set[str]] = {
    "agent": {"agent"},  # it reaches the tools over MCP alone
    "mcp_tools": {"mcp_tools", "playbooks"},
    "playbooks": {"playbooks"},
    "evals": {"evals", "agent"},
    "charts": set(),
}
HEAVY = {"kubernetes", "docker", "agents", "openai", "jinja2", "mcp", "rich", "prompt_toolkit"}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(file: Path) -> list[tuple[int, str, bool]]:
    """Line, module, and whether it is imported when the module is (not in a function, not for types only)."""
    found: list[tuple[int, str, bool]] = []

    def visit(node: ast.AST, top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            inner = top and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                inner = False
            if isinstance(child, ast.Import):
                found.extend((child.lineno, alias.name, top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                found.append((child.lineno, child.module, top))
                found.extend((child.lineno, f"{child.module}.{alias.name}", top) for alias in child.names)
            visit(child, inner)

    visit(ast.parse(file.read_text(encoding="utf-8")), True)
    return found


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_arrows_point_one_way(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {module}"
        for file in sources(package)
        for line, module, _ in imports(file)
        if module.split(".")[0] in OURS and module.split(".")[0] not in ALLOWED[package]
    ]
    assert wrong == []


def test_engines_know_no_tool_and_no_server() -> None:
    """Engines may use the words below them and the permit; nothing else of the house."""
    allowed = ("mcp_tools.engines", "mcp_tools.errors", "mcp_tools.effects", "mcp_tools.names", "mcp_tools.untrusted")
    allowed += ("mcp_tools.guard.permit", "mcp_tools.application", "mcp_tools.__version__", "mcp_tools.config")
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {module}"
        for file in sources("mcp_tools/engines")
        for line, module, _ in imports(file)
        if module.startswith("mcp_tools.") and not module.startswith(allowed)
        # `from mcp_tools.guard.permit import Permit` shows up as the module and the name in it
    ]
    assert wrong == []


def test_one_module_starts_processes() -> None:
    starters = {"subprocess", "pty", "multiprocessing", "asyncio.subprocess"}
    # The second starts the sandbox's server, which outlives whoever starts it: nothing of it is waited for.
    allowed = ("mcp_tools/engines/process.py", "mcp_tools/targets/sandbox/daemon.py")
    wrong = []
    for package in ("mcp_tools", "playbooks"):
        for file in sources(package):
            if file.relative_to(ROOT).as_posix() in allowed:
                continue
            text = file.read_text(encoding="utf-8")
            wrong += [f"{file.name}:{line} imports {m}" for line, m, _ in imports(file) if m in starters]
            for call in ("os.system(", "os.popen(", "os.spawn", "create_subprocess", "shell=True"):
                if call in text:
                    wrong.append(f"{file.name} has {call}")
    assert wrong == []


def test_only_the_guard_issues_permits() -> None:
    wrong = []
    for file in sources("mcp_tools"):
        if file.parent.name == "guard":
            continue
        for line, module, _ in imports(file):
            if module in ("mcp_tools.guard.permit.issue", "mcp_tools.guard.permit._ISSUER"):
                wrong.append(f"{file.relative_to(ROOT)}:{line}")
        text = file.read_text(encoding="utf-8")
        if "permit.issue(" in text or "Permit(" in text.replace("Permit()", ""):
            wrong.append(str(file.relative_to(ROOT)))
    assert wrong == []


def test_heavy_packages_are_imported_where_they_are_used() -> None:
    """`longshore --help` and the engines' modules must not load what they may not need."""
    light = [
        *sources("mcp_tools/engines"),
        *sources("mcp_tools/tools"),
        *sources("mcp_tools/guard"),
        *sources("playbooks"),
    ]
    light += [ROOT / "agent" / "cli.py", ROOT / "mcp_tools" / "__main__.py", ROOT / "mcp_tools" / "world.py"]
    exempt = {"mcp_tools/engines/kube_rest.py"}  # imported by the first request
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {module}"
        for file in light
        if file.relative_to(ROOT).as_posix() not in exempt
        for line, module, top in imports(file)
        if top and module.split(".")[0] in HEAVY
    ]
    assert wrong == []


def test_the_words_of_the_house_are_small_modules() -> None:
    """A module fits in a head: under 400 lines."""
    long = [
        f"{file.relative_to(ROOT)}: {count} lines"
        for package in ("agent", "mcp_tools", "playbooks", "evals")
        for file in sources(package)
        if (count := len(file.read_text(encoding="utf-8").splitlines())) > 400
    ]
    assert long == []
