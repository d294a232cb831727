"""A command line that somebody types or pastes instead of a request: said in the words of one.

Nothing is ever run: ``helm rollback web 2`` is read as "roll back web to revision 2", and goes its way like that.
"""

from __future__ import annotations

import re
import shlex

__all__ = ["in_words"]

_START = re.compile(
    r"^\s*(?:please\s+|run\s+|try\s+|do\s+|can you run\s+|\$\s*|`+)*(kubectl|k|helm|minikube)\s+(.+?)[`\s?.]*$"
)
_VALUED = {
    "-n": "namespace",
    "--namespace": "namespace",
    "--tail": "tail",
    "--replicas": "replicas",
    "--since": "since",
}
_SKIPPED = {
    "-o",
    "--output",
    "-c",
    "--container",
    "-l",
    "--selector",
    "--context",
    "--kube-context",
    "-f",
    "--filename",
}
_KUBECTL = {
    "get": "show {kind} {name}",
    "describe": "describe {kind} {name}",
    "logs": "show the logs of {name}",
    "scale": "scale {name}",
    "rollout restart": "restart {name}",
    "rollout undo": "roll back {name}",
    "rollout status": "how is {name}",
    "rollout history": "show the history of {name}",
    "delete": "delete {kind} {name}",
    "top": "show the usage of {kind} {name}",
    "events": "show the events",
}
_HELM = {
    "list": "list the releases",
    "ls": "list the releases",
    "status": "how is {name}",
    "history": "show the history of {name}",
    "rollback": "roll back {name}",
    "uninstall": "uninstall {name}",
    "delete": "uninstall {name}",
    "test": "run the tests of {name}",
}
_MINIKUBE = {
    "status": "show cluster status",
    "start": "start minikube",
    "delete": "delete the minikube cluster",
    "image load": "load image {name}",
    "image ls": "which images are in minikube",
    "image list": "which images are in minikube",
}


def in_words(message: str) -> str:
    """The message; a command line of kubectl, helm or minikube as a request in words."""
    found = _START.match(message)
    if found is None or "\n" in message.strip():
        return message
    try:
        words = shlex.split(found[2])
    except ValueError:
        return message
    program = {"k": "kubectl"}.get(found[1], found[1])
    options, rest = _parted(words)
    known = {"kubectl": _KUBECTL, "helm": _HELM, "minikube": _MINIKUBE}[program]
    verb = " ".join(rest[:2]) if " ".join(rest[:2]) in known else (rest[0] if rest else "")
    if verb not in known:
        return message
    return _said(program, verb, known[verb], rest[len(verb.split()) :], options)


def _parted(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """The options that mean something, and the words."""
    options: dict[str, str] = {}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        flag, equals, value = word.partition("=")
        if flag in _VALUED:
            options[_VALUED[flag]] = value if equals else next(left, "")
        elif flag in _SKIPPED:
            if not equals:
                next(left, "")
        elif word in ("-p", "--previous"):
            options["previous"] = "yes"
        elif word in ("-A", "--all-namespaces"):
            options["everywhere"] = "yes"
        elif not word.startswith("-"):
            rest.append(word)
    return options, rest


def _said(program: str, verb: str, form: str, rest: list[str], options: dict[str, str]) -> str:
    kind, name, more = "", "", rest
    if program == "kubectl":
        if rest and "/" in rest[0]:
            kind, _, name = rest[0].partition("/")
        elif verb == "logs":
            name = rest[0] if rest else ""
        else:
            kind, name = (rest[0] if rest else ""), (rest[1] if len(rest) > 1 else "")
        more = []
    elif rest:
        name, more = rest[0], rest[1:]
    said = [form.format(kind=kind, name=name).strip()]
    if verb == "rollback" and more and more[0].isdigit():
        said.append(f"to revision {more[0]}")
    if options.get("replicas"):
        said.append(f"to {options['replicas']}")
    if options.get("previous"):
        said.append("of the previous container")
    if options.get("tail", "").isdigit():
        said.append(f"last {options['tail']} lines")
    if options.get("since"):
        said.append(f"since {options['since']}")
    if options.get("namespace"):
        said.append(f"in namespace {options['namespace']}")
    if options.get("everywhere"):
        said.append("in all namespaces")
    return " ".join(" ".join(said).split())
