"""The sandbox, served from this process, and conversations with an assistant over the real tool server on it.

The tool server is a child process, as it is for a user; it finds this sandbox running. Every request that reaches the
cluster is kept, so that what was really written can be counted.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agent.chat.assistant import Assistant, Budgets, ChatOptions, open_assistant
from agent.chat.events import Event, TextDelta, ToolFinished, TurnEnded
from agent.confirm import Choice, Question
from mcp_tools.targets.sandbox import daemon, kinds, kubeconfig, serving
from mcp_tools.targets.sandbox.clock import Clock
from mcp_tools.targets.sandbox.meta import Request

if TYPE_CHECKING:
    from mcp_tools.targets.sandbox.cluster import Cluster

T = TypeVar("T")
Objects = Mapping[str, list[dict[str, Any]]]
_REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews", "selfsubjectreviews")


@dataclass
class Stage:
    """A cluster that is served, and counted."""

    run: serving.Running
    files: Path

    def call(self, action: Callable[[Cluster], T]) -> T:
        """Do something with the cluster, past every tool."""
        return self.run.call(action)

    def create(self, key: str, obj: dict[str, Any], namespace: str = "") -> None:
        """Create an object as somebody else would."""
        kind = kinds.by_key(key)
        whole = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        space = namespace if kind.namespaced else ""
        self.call(lambda cluster: cluster.api.create(kind, space, whole, Request()))

    def remove(self, key: str, name: str, namespace: str = "") -> None:
        """Delete an object as somebody else would."""
        kind = kinds.by_key(key)
        self.call(lambda cluster: cluster.api.delete(kind, namespace, name, Request(), grace=0))

    def get(self, key: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """An object as it is now."""
        return self.call(lambda cluster: cluster.store.get(key, namespace, name))

    def writes(self) -> list[str]:
        """What was really written through the API since :meth:`forget`: method and path."""
        seen = list(self.run.app.requests)
        return [
            f"{one.method} {one.path}"
            for one in seen
            if one.method in ("POST", "PUT", "PATCH", "DELETE")
            and "dryRun=All" not in one.path
            and one.path.partition("?")[0].rpartition("/")[2] not in _REVIEWS
        ]

    def forget(self) -> None:
        """Count anew."""
        self.run.app.requests.clear()

    def at_home(self, state: Path) -> None:
        """Make it the sandbox that a tool server with that state folder finds running."""
        folder = state / "sandbox"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        state.chmod(0o700)
        folder.chmod(0o700)
        for name in ("tls.pem", "kubeconfig"):
            shutil.copy(self.files / name, folder / name)
        port = int(self.run.address.url.rpartition(":")[2])
        record = {"pid": os.getpid(), "port": port, "token": self.run.address.token}
        kubeconfig.write_json(folder / daemon.SERVER, record)


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """A fresh cluster with one Deployment, ``web`` in ``shop``."""
    from mcp_tools.targets.sandbox.cluster import Cluster

    cluster = Cluster.fresh(clock=Clock(real=True, speed=50))
    with serving.running(cluster, folder) as run:
        stage = Stage(run, folder)
        stage.create("namespaces", {"metadata": {"name": "shop"}})
        stage.create("deployments.apps", deployment("web"), "shop")
        yield stage


def deployment(name: str, replicas: int = 1, **more: Any) -> dict[str, Any]:
    """A Deployment whose pods run."""
    labels = {"app": name}
    box = {"name": name, "image": "nginx:1.27", "ports": [{"containerPort": 80}], **more}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [box]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


@dataclass
class Talk:
    """A conversation: what was said, asked and done."""

    assistant: Assistant
    asked: list[Question]
    events: list[Event] = field(default_factory=list)

    async def say(self, text: str) -> TurnEnded:
        """A message, and how its turn ended."""
        return await self._all(self.assistant.turn(text))

    async def settle(self) -> TurnEnded:
        """What was left open."""
        return await self._all(self.assistant.settle())

    async def _all(self, stream: AsyncIterator[Event]) -> TurnEnded:
        found = [event async for event in stream]
        self.events += found
        assert isinstance(found[-1], TurnEnded)
        assert not [event for event in found[:-1] if isinstance(event, TurnEnded)]
        return found[-1]

    @property
    def text(self) -> str:
        """Everything that the model said, as it was shown."""
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def finished(self) -> list[ToolFinished]:
        """The tool calls that came to an end."""
        return [event for event in self.events if isinstance(event, ToolFinished)]


Says = Callable[[Question], Choice]


@contextlib.asynccontextmanager
async def talking(
    workspace: Path,
    *,
    says: Says = lambda _: "no",
    budgets: Budgets | None = None,
    **options: Any,
) -> AsyncIterator[Talk]:
    """A conversation with an assistant on the sandbox; each question is answered by ``says``."""
    (workspace / ".git").mkdir(parents=True, exist_ok=True)
    asked: list[Question] = []

    async def ask(question: Question) -> Choice:
        asked.append(question)
        return says(question)

    given = ChatOptions(workspace, target="sandbox", budgets=budgets or Budgets(), **options)
    async with open_assistant(given, ask) as assistant:
        yield Talk(assistant, asked)


def on_disk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file below the folder, as text."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_text(encoding="utf-8", errors="replace")


def dumped(events: list[Event]) -> str:
    """The events as ``--json`` shows them."""
    from agent.chat.events import document

    return "\n".join(json.dumps(document(event), ensure_ascii=False, default=str) for event in events)
