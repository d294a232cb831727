"""Docker AI (Gordon), where this docker has it: asked for a Dockerfile; its answer is text from outside.

It is told what Longshore's own analysis found, not shown the project's files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mcp_tools.engines.project import Project
from mcp_tools.untrusted import clean

if TYPE_CHECKING:
    from mcp_tools.engines.docker import DockerEngine

__all__ = ["ask", "extract"]

TIMEOUT = 60.0
_BLOCK = re.compile(r"```(?:dockerfile|docker)?[^\S\n]*\n(.*?)```", re.DOTALL | re.IGNORECASE)


async def ask(docker: DockerEngine, project: Project) -> str:
    """The Dockerfile that Gordon proposes, or nothing when its answer holds none."""
    facts = "; ".join(f"{key}: {value}" for key, value in project.facts.items() if value not in ("", False, None))
    question = (
        f"Write a Dockerfile for a {project.framework} project in {project.language} {project.version} that uses "
        f"{project.package_manager}. It starts with {list(project.entrypoint)} on port {project.port}. Facts: {facts}. "
        "Several stages, pinned base image tags, dependencies installed from the lock file before the sources are "
        "copied, a numeric non-root USER 10001:10001. Answer with one Dockerfile in one code block and nothing else."
    )
    return extract(await docker.ask_gordon(question, timeout=TIMEOUT))


def extract(answer: str) -> str:
    """The one Dockerfile in an answer."""
    blocks = [block.strip() for block in _BLOCK.findall(clean(answer))]
    found = [block for block in blocks if re.search(r"^FROM\s", block, re.MULTILINE)]
    return f"{found[0]}\n" if len(found) == 1 else ""
