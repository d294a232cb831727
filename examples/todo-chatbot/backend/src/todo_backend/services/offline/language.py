"""From the words of a user to an intent. Pure rules: the same words always give the same intent."""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["add", "list", "complete", "reopen", "rename", "describe", "delete", "bulk", "help", "unclear"]
Status = Literal["all", "open", "done"]


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user wants: `target` names a todo in the user's words, `text` is the new title or description."""

    kind: Kind
    target: str = ""
    text: str = ""
    status: Status = "all"


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


POLITE_START = _rule(
    r"^(?:(?:hey|hi|hello|ok(?:ay)?|please|(?:can|could|would|will) you|i(?:'d| would) like(?: you)? to|"
    r"i want(?: you)? to|let'?s|just|now|and|also|then)\b[\s,!.]*)+"
)
POLITE_END = _rule(r"[\s,]*\b(?:please|thanks|thank you|for me|now)\s*$")
LIST_SUFFIX = _rule(
    r"\s+(?:to|on|onto|in|into|from|off|of)\s+(?:my|the|our)\s+(?:(?:to-?do|task)\s+)?(?:list|to-?dos|tasks)$"
)
NOUN = r"(?:to-?do|task|item|entry|reminder)"
ADD_PREFIX = _rule(
    rf"^(?:(?:me|an?|the|another|one more|new|my)\s+)*{NOUN}s?\b\s*(?:item\b\s*)?"
    r"(?:(?:called|named|titled|saying|that says|for|to)\b|[:\-])?\s*"
)
TARGET_PREFIX = _rule(
    rf"^(?:(?:the|my|that|this|title of|name of|off)\s+)*(?:{NOUN}\s+)?(?:(?:number|no\.?|id|called|named)\s+)?"
)
TARGET_SUFFIX = _rule(rf"\s+{NOUN}$")
DESCRIPTION = _rule(
    r"^(?P<title>.+?)\s*(?:,?\s+with (?:the )?(?:description|note|details)\s*:?|,?\s+(?:description|note)\s*:)"
    r"\s*(?P<text>.+)$"
)
EVERYTHING = _rule(r"^(?:all|every|everything|the (?:whole )?list|my (?:whole )?list|them all)\b")

REOPEN = (
    _rule(r"^(?:re-?open|uncomplete|uncheck|untick|undo)\s+(?P<target>.+)$"),
    _rule(
        r"^(?:mark|set)\s+(?P<target>.+?)\s+(?:as\s+|to\s+)?"
        r"(?:not (?:done|completed?|finished)|undone|open|incomplete|unfinished)$"
    ),
    _rule(r"^(?P<target>.+?)\s+(?:is|are) not (?:done|completed?|finished)(?: yet)?$"),
)
COMPLETE = (
    _rule(r"^(?:mark|set|check|tick)\s+(?P<target>.+?)\s+(?:as\s+|to\s+)?(?:done|completed?|finished|off)$"),
    _rule(r"^(?:complete|finish|check off|tick off|close|done with|done:?)\s+(?P<target>.+)$"),
    _rule(r"^i(?:'ve| have)?(?: just| already)? (?:completed|finished|done|did)\s+(?P<target>.+)$"),
    _rule(r"^(?P<target>.+?)\s+(?:is|are|was)(?: now| already)? (?:done|completed?|finished)$"),
)
DESCRIBE = (
    _rule(
        r"^(?:set|change|update|edit|add)\s+(?:the |a )?(?:description|details|note)s? (?:of|for|to|on) "
        r"(?P<target>.+?)\s*(?:\bto\b|\bas\b|:|=)\s*(?P<text>.+)$"
    ),
    _rule(r"^describe\s+(?P<target>.+?)\s*(?:\bas\b|:)\s*(?P<text>.+)$"),
)
RENAME = (
    _rule(r"^(?:rename|change|update|edit|modify)\s+(?P<target>.+?)\s*(?:\b(?:to|into|as)\b|->|=>)\s*(?P<text>.+)$"),
)
DELETE = (_rule(r"^(?:delete|remove|drop|erase|clear|forget about|forget|get rid of|scratch)\s+(?P<target>.+)$"),)
ADD = (
    _rule(r"^(?:add|create|make|put|insert|write down|note down|save|new|todo:)\s*:?\s+(?P<text>.+)$"),
    _rule(r"^(?:remind me|remember|don'?t (?:let me )?forget) to\s+(?P<text>.+)$"),
    _rule(r"^i (?:need to|have to|must|should|ought to)\s+(?P<text>.+)$"),
)
QUESTION = _rule(r"^(?:what|which|how many|do i|have i|is there|are there|anything)\b")
SHOW = _rule(r"^(?:list|show|display|view|see|read|get|print|give me|tell me)\b|^(?:all |my )*(?:list|to-?dos|tasks)$")
TOPIC = _rule(
    r"\b(?:to-?dos?|tasks?|list|items?|do|everything|all|open|done|pending|left|remaining|outstanding|(?:in)?complete|completed|(?:un)?finished|agenda|plate)\b"
)
OPEN_WORDS = _rule(r"\b(?:open|pending|left|remaining|outstanding|unfinished|incomplete|undone|not done|still|to do)\b")
DONE_WORDS = _rule(r"\b(?:done|completed?|finished|closed)\b")
HELP = _rule(
    r"^(?:help|what can (?:you|i) do.*|how does (?:this|it) work.*|who are you|"
    r"hi|hello|hey|good (?:morning|evening|day))?$"
)


def understand(message: str) -> Intent:
    """The intent of one message; "unclear" when no rule applies."""
    text = _tidy(message)
    if HELP.match(text):
        return Intent("help")
    if _asks_for_list(text):
        return Intent("list", status=_status(text))
    for kind, rules in (("reopen", REOPEN), ("complete", COMPLETE), ("delete", DELETE)):
        if (found := _first(rules, text)) is not None:
            return _about(kind, found["target"])  # type: ignore[arg-type]
    if (found := _first(DESCRIBE, text)) is not None:
        return _about("describe", found["target"], _unquote(found["text"]))
    if (found := _first(RENAME, text)) is not None:
        return _about("rename", found["target"], _unquote(found["text"]))
    if (found := _first(ADD, text)) is not None:
        return _new(found["text"])
    return Intent("unclear")


def _tidy(message: str) -> str:
    text = re.sub(r"\s+", " ", message.replace("’", "'")).strip()
    text = text.rstrip(" .!?")
    text = POLITE_END.sub("", POLITE_START.sub("", text))
    return text.strip(" ,")


def _first(rules: tuple[re.Pattern[str], ...], text: str) -> re.Match[str] | None:
    return next((match for rule in rules if (match := rule.match(text))), None)


def _asks_for_list(text: str) -> bool:
    if SHOW.match(text):
        return text.lower() in {"list", "show"} or bool(TOPIC.search(text.split(" ", 1)[-1]))
    return bool(QUESTION.match(text) and TOPIC.search(text))


def _status(text: str) -> Status:
    if OPEN_WORDS.search(text):
        return "open"
    return "done" if DONE_WORDS.search(text) else "all"


def _about(kind: Kind, target: str, text: str = "") -> Intent:
    if EVERYTHING.match(target):
        return Intent("bulk")
    name = LIST_SUFFIX.sub("", target)
    name = _unquote(TARGET_SUFFIX.sub("", TARGET_PREFIX.sub("", name)))
    return Intent(kind, target=name or target, text=text)


def _new(text: str) -> Intent:
    title, description = _unquote(ADD_PREFIX.sub("", LIST_SUFFIX.sub("", text))), ""
    if found := DESCRIPTION.match(title):
        title, description = _unquote(found["title"]), _unquote(found["text"])
    return Intent("add", target=title, text=description) if title else Intent("unclear")


def _unquote(text: str) -> str:
    return text.strip().strip("\"'“”„`").strip()
