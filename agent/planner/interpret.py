"""A message in its conversation: answers to our questions, short words, requests that lean on what was said."""

from __future__ import annotations

from dataclasses import replace

from agent.planner.intents import CHANGES
from agent.planner.memory import Memory
from agent.planner.names import Names, Thing
from agent.planner.request import Open, Request
from agent.planner.talk import ordinal, talk_of
from agent.planner.understand import understand

__all__ = ["interpret"]

_LEANS = ("AND", "ALSO")


def interpret(said: str, memory: Memory, names: Names) -> list[Request]:
    """The requests that a message makes, as far as they can be told from what was said."""
    talk = talk_of(said)
    requests = [] if talk else understand(said, names)
    if memory.open is not None:
        answer = _answer(said, talk, requests, memory.open, names)
        if answer:
            return answer
    if talk:
        return [_talk(talk, memory)]
    return [_leaning(request, memory) for request in requests] or [Request("unknown", words=said)]


# -- answers to a question of ours ---------------------------------------------------------------------------------


def _answer(said: str, talk: str, requests: list[Request], question: Open, names: Names) -> list[Request]:
    if talk == "no":
        return [Request("declined", words=said)]
    request = question.request
    if question.slot == "confirm":
        return list(question.requests) if talk == "yes" else []
    place = ordinal(said)
    if question.slot == "choice":
        return _choice(said, place, requests, question)
    if question.slot == "number":
        numbers = requests[0].numbers if len(requests) == 1 and requests[0].intent in ("", "scale", "unknown") else ()
        if len(numbers) == 1:
            return [request.option("replicas", numbers[0])]
        return []
    return _which(said, place, requests, question, names)


def _choice(said: str, place: int | None, requests: list[Request], question: Open) -> list[Request]:
    if place is not None and -1 <= place < len(question.requests):
        return [question.requests[place]]
    words = said.lower()
    hits = [r for label, r in zip(question.labels, question.requests, strict=False) if label.lower() in words]
    if len(hits) == 1:
        return hits
    intents = {request.intent for request in requests}
    hits = [r for r in question.requests if r.intent in intents]
    return hits if len(hits) == 1 else []


def _which(said: str, place: int | None, requests: list[Request], question: Open, names: Names) -> list[Request]:
    """The thing that was asked for: by name, by its place in our list, all of them, or by the end of its name."""
    request = question.request
    if place is not None and question.choices and place < len(question.choices):
        return [request.about(question.choices[place])]
    if len(requests) != 1:
        return []
    found = requests[0]
    bare = found.intent in ("", "unknown", "status", "get") and len(found.words.split()) <= 5
    if bare and ("APP" in found.concepts or {"all", "both"} & set(found.words.split())) and question.choices:
        return [request.about(*question.choices)]
    if bare and found.things:
        return [request.about(*found.things)]
    if bare and found.choices:
        return [replace(request, choices=found.choices, unknown=())]
    ends = [c for c in question.choices if any(c.name.endswith(word) for word in found.words.split() if len(word) > 2)]
    if bare and len(ends) == 1:
        return [request.about(ends[0])]
    if bare and found.unknown and len(found.words.split()) <= 3:
        return [replace(request, unknown=found.unknown, things=(), choices=())]
    return []


# -- short words ---------------------------------------------------------------------------------------------------


def _talk(talk: str, memory: Memory) -> Request:
    last = memory.request
    if talk == "yes" and memory.unfinished:
        return Request("resume")  # "go on" after a run that was stopped
    if talk == "yes":
        return Request("fix") if any(f.get("fix") for f in memory.findings) else Request("nothing_open")
    if talk == "again":
        return replace(last, options={**last.options, "again": True}) if last else Request("nothing_before")
    if talk == "previous":
        if last is not None and last.intent in ("rollback", "impact", "history", "diff"):
            return replace(last, options={k: v for k, v in last.options.items() if k != "revision"})
        return Request("logs", things=memory.things, concepts=frozenset(("PREVIOUS",)), pronoun=True)
    if talk == "why":
        return Request("explain", mood="look", pronoun=True)
    return Request(talk, mood="look")


# -- requests that lean on the one before --------------------------------------------------------------------------


def _leaning(request: Request, memory: Memory) -> Request:
    last = memory.request
    if request.intent:
        return request
    if request.concepts - _BARE:
        return replace(request, intent="unknown")
    named = request.things or request.choices
    words = request.words.split()
    if not named and not (request.unknown and len(words) <= 4 and last is not None and _elliptic(words)):
        if request.namespace and last is not None:
            return replace(last, namespace=request.namespace, things=())
        if request.numbers and last is not None and last.intent == "scale" and len(words) <= 6:
            return replace(last.option("replicas", request.numbers[0]), mood="do")
        return replace(request, intent="unknown")
    if last is None or last.intent in _ALONE:
        return replace(request, intent="status", mood="look") if named else replace(request, intent="unknown")
    carried = replace(
        last,
        things=request.things,
        choices=request.choices,
        unknown=request.unknown if not named else (),
        pronoun=False,
        namespace=request.namespace,
        concepts=last.concepts - {"APP"},
    )
    if last.intent in CHANGES and last.mood == "do" and words[:1] != ["no"]:
        return replace(carried, mood="unclear")  # "and the frontend?" after a restart is a question, not a request
    return carried


_BARE = frozenset(
    ("THING", "POD", "APP", "NUMBER", "WORDS", "REPLICA", "UP", "DOWN", "ALLNS", "SHOW", "KIND", "PODS", "SAME")
)
"""What an elliptical message may hold: "and the frontend?", "now 3"."""
_ALONE = frozenset(
    ("hello", "help", "thanks", "bye", "unknown", "declined", "nothing_open", "nothing_before", "shell", "secret_value")
)


def _elliptic(words: list[str]) -> bool:
    return words[0] in ("and", "what", "how", "same", "also", "now", "or", "for", "no") or len(words) == 1


def things_of(requests: list[Request]) -> tuple[Thing, ...]:
    """What the requests were about."""
    return next((request.things for request in reversed(requests) if request.things), ())
