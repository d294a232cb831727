"""The particulars of a request: numbers, revisions, namespaces, times, stages, runs, images, reasons."""

# ruff: noqa: E501
from __future__ import annotations

import re
from typing import Any

from agent.planner.names import Names
from agent.planner.tagging import COMMON, Tag
from agent.planner.words import Words, number

__all__ = ["namespace_of", "options_of", "unknown_of"]

_N = r"(\d{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|zero|twenty|fifty|hundred)"
_REVISION = re.compile(
    rf"\b(?:revision|rev|version|release|v) ?#?{_N}\b|\b(?:back )?to (?:revision |rev |version )?v?{_N}\b|\br{_N}\b"
)
_NTH = ("first", "second", "third", "fourth", "fifth")
_NTH_REVISION = re.compile(
    rf"\b({'|'.join(_NTH)}|original|initial) (?:one|version|revision|release|state|install\w*)\b"
)
_TO = re.compile(rf"\b(?:to|at|=) (?:a total of |exactly |just |only )?{_N}\b")
_COUNT = re.compile(rf"\b{_N} (?:more |extra |additional |fewer |less )?(?:replicas?|pods?|copies|copy|instances?)\b")
_BY = re.compile(
    rf"\bby {_N}\b|\b{_N} (?:more|extra|additional|fewer|less)\b|\b(?:another|an extra|an additional|one more|one less) ?{_N}?\b"
)
_TAIL = re.compile(
    rf"\b(?:last|tail|latest|past|first) {_N}(?: log)?(?: lines?)?\b(?! ?(?:min|hour|h\b|m\b|sec|s\b|day))|\b{_N} (?:log )?lines\b|\b(?:tail|lines) {_N}\b"
)
_SINCE = re.compile(
    r"\b(?:last|past|since|within|in the last|for the last) (\d+|an?|few|couple)? ?(?:of )?(s|sec\w*|m|min\w*|h|hours?|hrs?|d|days?|weeks?)\b"
)
_SINCE_SHORT = re.compile(r"\b(?:since|last|past) (\d+)(m|h|d)\b")
_STAGES = re.compile(
    r"\bstages? (\d(?:\s?(?:-|to|through|until|and) ?\d)*)|\b(\d)(?:st|nd|rd|th) stage|\b(first|second|third|fourth|fifth|sixth|seventh) stage"
)
_RUN = re.compile(r"\b(?:deploy|rollback|uninstall|recover|[a-z]+)-\d{8}-\d{6}-[0-9a-f]{4}\b")
_IMAGE = re.compile(r"\b([a-z0-9][a-z0-9._/-]*:[a-z0-9][a-z0-9._-]*)\b")
_NAMESPACE = re.compile(
    r"\b(?:in|from|of|for|on|within) (?:the )?namespace ([a-z0-9-]+)|\bnamespace ([a-z0-9-]+)|\b(?:in|from|of|for) (?:the )?([a-z0-9-]+) namespace|(?:^| )-n ([a-z0-9-]+)|\bin ([a-z0-9]+-[a-z0-9-]+|default)\b"
)
_REASON = re.compile(r"\b(?:because|since|as|due to|reason is|reason:|reason) (?:of )?(.{4,200})$")
_GREP = re.compile(
    r"\b(?:containing|contain|contains|matching|mentioning|mention|with the word|for the word|grep(?: for)?|about) ([a-z0-9_.|-]{3,60})$"
)
_MINUTES = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440, "w": 10080}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def options_of(words: Words, tags: list[Tag], intent: str) -> dict[str, Any]:
    """What else was said, by name."""
    line = words.line
    found: dict[str, Any] = {}
    if intent in ("rollback", "impact", "history", "diff") and (match := _REVISION.search(line)):
        found["revision"] = _number(match)
    elif intent in ("rollback", "impact") and (match := _NTH_REVISION.search(line)):
        found["revision"] = _NTH.index(match[1]) + 1 if match[1] in _NTH else 1
    if intent in ("scale", "apply", "start"):
        found |= _replicas(line, tags)
    if intent == "logs":
        found |= _logs(words, line)
    if match := _SINCE_SHORT.search(line) or _SINCE.search(line):
        amount = {"a": 1, "an": 1, "few": 5, "couple": 2, "": 1}.get(match[1] or "")
        amount = int(match[1]) if amount is None else amount
        found["since"] = max(1, round(amount * _MINUTES[match[2][0]]))
    if match := _STAGES.search(line):
        found["stages"] = _stages(match)
    if match := _RUN.search(line):
        found["run_id"] = match[0]
    if (match := _IMAGE.search(line)) and intent in ("load", "image_inspect", "images", "build", "delete", "deploy"):
        found["image"] = match[1]
    if intent in ("rollback",) and (match := _REASON.search(words.text)):
        found["reason"] = match[1].strip()
    return found


def _number(match: re.Match[str]) -> int | None:
    return next((number(group) for group in match.groups() if group), None)


def _replicas(line: str, tags: list[Tag]) -> dict[str, Any]:
    down = re.search(r"\b(down|in|decrease|reduce|fewer|less|drop|remove|lower|halve)\b", line) is not None
    up = re.search(r"\b(up|out|increase|more|extra|additional|add|another|bump|double|raise)\b", line) is not None
    relative = _BY.search(line)
    if "double" in line or "twice" in line:
        return {"times": 2}
    if (total := _TO.search(line)) is not None:
        return {"replicas": _number(total)}
    if relative is not None:
        amount = _number(relative)
        return {"by": -(amount or 1) if down else (amount or 1)}
    if (counted := _COUNT.search(line)) is not None:
        return {"by": _number(counted)} if re.search(r"\badd\b", line) else {"replicas": _number(counted)}
    numbers = [number(tag.text) for tag in tags if tag.concept == "NUMBER"]
    if len(numbers) == 1:
        return {"replicas": numbers[0]}
    return {"direction": "down" if down else "up"} if up or down else {}


def _logs(words: Words, line: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if match := _TAIL.search(line):
        found["tail"] = min(max(_number(match) or 100, 1), 2000)
    if words.quoted:
        found["grep"] = words.quoted[0]
    elif match := _GREP.search(line):
        found["grep"] = match[1]
    return found


def _stages(match: re.Match[str]) -> str:
    if match[3]:
        return str(_ORDINALS.index(match[3]) + 1)
    text = (match[1] or match[2]).strip()
    text = re.sub(r"\s*(?:-|to|through|until)\s*", "-", text)
    return re.sub(r"\s*and\s*|\s+", ",", text)


def namespace_of(words: Words, names: Names) -> str:
    """The namespace that is named; empty when none is."""
    match = _NAMESPACE.search(words.line)
    if match is None:
        inside = re.search(r"\b(?:in|within|inside) (?:the )?([a-z0-9-]+)\b", words.line)
        return inside[1] if inside and inside[1] in names.namespaces else ""
    said = next((group for group in match.groups() if group), "")
    if match[5] and said not in names.namespaces:
        return ""
    return "" if said in ("is", "are", "has", "with", "and", "the", "all", "any", "every", "this", "that") else said


def unknown_of(tags: list[Tag], namespace: str) -> tuple[str, ...]:
    """Words in the place of a name (after an act, "of", "the" …) that are not known: no concept, and no common word."""
    found = []
    for place, one in enumerate(tags):
        word = one.text
        if one.concept or word in COMMON or word == namespace or "/" in word or ":" in word or len(word) < 3:
            continue
        before = tags[place - 1] if place else None
        named = before is None or before.concept in _NAMED_AFTER or before.text in _BEFORE_NAMES or len(tags) <= 2
        form = "-" in word or not word.endswith(("ed", "ing", "ly"))
        if named and form and not word[0].isdigit() and word.replace("-", "").isalnum():
            found.append(word)
    return tuple(found)


_BEFORE_NAMES = frozenset(
    ("of", "for", "the", "my", "our", "on", "in", "from", "with", "to", "named", "called", "about", "and", "is")
)
_NAMED_AFTER = frozenset(
    (
        "RESTART",
        "SCALE",
        "ROLLBACK",
        "UNINSTALL",
        "DELETE",
        "STOP",
        "START",
        "FIX",
        "DEPLOY",
        "LOG",
        "DESCRIBE",
        "DIAGNOSE",
        "BUILD",
        "LOAD",
        "SHOW",
        "KIND",
        "RELEASE",
    )
)
