"""What a project is, from its files alone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mcp_tools.engines.project import Project, analyze
from mcp_tools.errors import NotFound, UsageError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "todo-chatbot"
FASTAPI = "from fastapi import FastAPI\n\napp = FastAPI()\n"


def write(root: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return analyze(root)


@pytest.mark.parametrize(
    ("files", "framework", "manager", "entrypoint", "port"),
    [
        ({"requirements.txt": "fastapi==1\nuvicorn\n", "main.py": FASTAPI}, "fastapi", "pip",
         ("uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"), 8000),
        ({"requirements.txt": "FastAPI[standard]>=0.1\nuvicorn\n", "app/__init__.py": "", "app/main.py": FASTAPI},
         "fastapi", "pip", ("uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000"), 8000),
        ({"pyproject.toml": "[project]\nname='x'\ndependencies=['fastapi','uvicorn']\n", "uv.lock": "",
          "src/shop/__init__.py": "", "src/shop/__main__.py": "import uvicorn\nuvicorn.run('x', port=9100)\n"},
         "fastapi", "uv", ("python", "-m", "shop"), 9100),
        ({"requirements.txt": "flask\n", "app.py": "from flask import Flask\nsite = Flask(__name__)\n"}, "flask", "pip",
         ("gunicorn", "app:site", "--bind", "0.0.0.0:5000"), 5000),
        ({"requirements.txt": "Django>=5\n", "shop/wsgi.py": "application = 1\n",
          "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"}, "django", "pip",
         ("gunicorn", "shop.wsgi:application", "--bind", "0.0.0.0:8000"), 8000),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython='^3.12'\nmcp='^2'\n", "poetry.lock": "",
          "server.py": "from mcp.server import FastMCP\nmcp = FastMCP('x')\n"
          "if __name__ == '__main__':\n    mcp.run()\n"},
         "mcp", "poetry", ("python", "-m", "server"), 8000),
        ({"requirements.txt": "starlette\nuvicorn\n", "web.py": "app = Starlette(routes=[])\n"}, "starlette", "pip",
         ("uvicorn", "web:app", "--host", "0.0.0.0", "--port", "8000"), 8000),
        ({"main.py": "print('hello')\n"}, "plain", "pip", ("python", "main.py"), None),
        ({"Pipfile": "[packages]\nflask = '*'\n", "Pipfile.lock": "{}", "app.py": "app = Flask(__name__)\n"}, "flask",
         "pipenv", ("gunicorn", "app:app", "--bind", "0.0.0.0:5000"), 5000),
    ],
)  # fmt: skip
def test_python(
    tmp_path: Path, files: dict[str, str], framework: str, manager: str, entrypoint: tuple[str, ...], port: int | None
) -> None:
    found = write(tmp_path, files)
    assert (found.language, found.framework, found.package_manager) == ("python", framework, manager)
    assert found.entrypoint == entrypoint and found.port == port


@pytest.mark.parametrize(
    ("files", "framework", "manager", "entrypoint", "port"),
    [
        ({"package.json": '{"dependencies": {"next": "16", "react": "19"}}', "package-lock.json": "{}",
          "next.config.js": "module.exports = {output: 'standalone'}"}, "nextjs", "npm", ("node", "server.js"), 3000),
        ({"package.json": '{"dependencies": {"next": "16"}}', "yarn.lock": ""}, "nextjs", "yarn",
         ("node_modules/.bin/next", "start"), 3000),
        ({"package.json": '{"dependencies": {"express": "5"}, "scripts": {"start": "node src/server.js"}}',
          "src/server.js": "app.listen(4000)", "pnpm-lock.yaml": ""}, "express", "pnpm",
         ("node", "src/server.js"), 4000),
        ({"package.json": '{"dependencies": {"express": "5"}, "devDependencies": {"typescript": "6"}, '
          '"scripts": {"build": "tsc"}}', "tsconfig.json": "{}", "src/index.ts": "x"}, "express", "npm",
         ("node", "dist/index.js"), 3000),
        ({"package.json": '{"devDependencies": {"vite": "7"}, "scripts": {"build": "vite build"}}'}, "vite", "npm",
         ("nginx", "-g", "daemon off;"), 8080),
        ({"package.json": '{"main": "index.js"}', "index.js": "x"}, "plain", "npm", ("node", "index.js"), 3000),
        ({"package.json": '{"dependencies": {"@modelcontextprotocol/sdk": "1"}, "packageManager": "bun@1.3.1"}',
          "index.js": "x"}, "mcp", "bun", ("node", "index.js"), 3000),
    ],
)  # fmt: skip
def test_node(
    tmp_path: Path, files: dict[str, str], framework: str, manager: str, entrypoint: tuple[str, ...], port: int
) -> None:
    found = write(tmp_path, files)
    assert (found.language, found.framework, found.package_manager) == ("node", framework, manager)
    assert found.entrypoint == entrypoint and found.port == port


def test_go_java_and_static(tmp_path: Path) -> None:
    go = write(
        tmp_path / "go",
        {
            "go.mod": "module x\n\ngo 1.25\n\nrequire github.com/gin-gonic/gin v1\n",
            "cmd/api/main.go": 'package main\nfunc main() { http.ListenAndServe(":9000", nil) }\n',
        },
    )
    assert (go.language, go.framework, go.version, go.port) == ("go", "gin", "1.25", 9000)
    assert go.facts["command"] == "./cmd/api"
    java = write(tmp_path / "java", {"pom.xml": "<x>spring-boot-starter-actuator <java.version>17</java.version></x>"})
    assert (java.language, java.framework, java.package_manager, java.version) == ("java", "spring-boot", "maven", "17")
    assert java.health_paths == ("/actuator/health",)
    static = write(tmp_path / "site", {"public/index.html": "<p>"})
    assert (static.language, static.facts["folder"]) == ("static", "public")
    empty = write(tmp_path / "empty", {"notes.txt": "x"})
    assert not empty.known


@pytest.mark.parametrize(
    ("pyproject", "version"),
    [
        (">=3.11", "3.13"), (">=3.14", "3.14"), (">=3.10,<3.13", "3.12"), ("==3.11.*", "3.11"), ("", "3.13"),
        ("~=3.12", "3.13"), ("<=3.12", "3.12"),
    ],
)  # fmt: skip
def test_python_version(tmp_path: Path, pyproject: str, version: str) -> None:
    text = f"[project]\nname='x'\nrequires-python='{pyproject}'\n" if pyproject else "[project]\nname='x'\n"
    assert write(tmp_path, {"pyproject.toml": text, "main.py": ""}).version == version
    assert write(tmp_path, {".python-version": "3.12.4\n"}).version == "3.12"


@pytest.mark.parametrize(
    ("engines", "version"),
    [(">=22", "22"), (">=24.1", "24"), (">=18", "22"), ("^20.0.0 || ^22.0.0", "22"), ("20.x", "20"), (">=18 <21", "20"),
     ("^20", "20")],
)  # fmt: skip
def test_node_version(tmp_path: Path, engines: str, version: str) -> None:
    found = write(tmp_path, {"package.json": f'{{"main": "a.js", "engines": {{"node": "{engines}"}}}}', "a.js": ""})
    assert found.version == version
    assert write(tmp_path, {".nvmrc": "v20\n"}).version == "20"


def test_variables_and_health_paths(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "requirements.txt": "fastapi\nuvicorn\n",
            "main.py": FASTAPI
            + "import os\nURL = os.environ['DATABASE_URL']\nKEY = os.getenv('API_KEY')\n@app.get('/healthz')\n"
            "def a(): ...\n@app.get('/health/ready')\ndef b(): ...\n",
            "other.py": "TEXT = 'NOT_READ_HERE'\n",
            "tests/test_main.py": "import os\nos.environ['ONLY_IN_TESTS']\n",
            "node_modules/x/index.js": "process.env.OF_A_PACKAGE\n",
        },
    )
    assert found.env_names == ("API_KEY", "DATABASE_URL")
    assert found.health_paths == ("/health/ready", "/healthz")


def test_nothing_is_executed_and_links_are_not_followed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "main.py").write_text(FASTAPI + "import os\nos.environ['OUTSIDE_NAME']\n")
    marker = tmp_path_factory.mktemp("marker") / "ran"
    text = f"open({str(marker)!r}, 'w').write('x')\n"
    (tmp_path / "linked.py").symlink_to(outside / "main.py")
    (tmp_path / "folder").symlink_to(outside)
    found = write(tmp_path, {"setup.py": text, "main.py": text, "conftest.py": text, "requirements.txt": "fastapi\n"})
    assert not marker.exists()
    assert found.env_names == () and found.entrypoint == ("python", "main.py")


def test_names_that_cannot_stand_in_a_dockerfile_never_get_there(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "package.json": '{"dependencies": {"express": "5"}, "scripts": {"start": "node x.js;reboot"}, '
            '"main": "-e\\nRUN id"}',
        },
    )
    assert found.entrypoint == ("npm", "start")
    python = write(tmp_path / "p", {"requirements.txt": "fastapi\n", "my-app.py": FASTAPI})
    assert python.entrypoint == ()


@pytest.mark.parametrize(
    ("name", "text"), [("package.json", "{"), ("package.json", "[]"), ("pyproject.toml", "[project")]
)
def test_broken_files_are_said_in_a_line(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UsageError, match=name):
        write(tmp_path, {name: text})


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        analyze(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "framework", "entrypoint", "port", "health", "variable"),
    [
        ("frontend", "nextjs", ("node", "server.js"), 3000, "/api/health", "BETTER_AUTH_SECRET"),
        ("backend", "fastapi", ("python", "-m", "todo_backend"), 8000, "/ready", "MCP_SERVER_URL"),
        ("mcp-server", "mcp", ("python", "-m", "todo_mcp"), 8001, "/health", "JWT_SECRET"),
    ],
)
def test_the_services_of_the_example(
    name: str, framework: str, entrypoint: tuple[str, ...], port: int, health: str, variable: str
) -> None:
    started = time.monotonic()
    found = analyze(EXAMPLES / name)
    assert time.monotonic() - started < 1
    assert (found.framework, found.entrypoint, found.port) == (framework, entrypoint, port)
    assert health in found.health_paths and variable in found.env_names
