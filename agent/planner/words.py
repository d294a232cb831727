"""From a message to plain words: contractions, chat spelling, split verbs ("roll X back"), quotes kept as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agent.planner.spelling import LEADING, MOVED, SPELLED

__all__ = ["Words", "clauses", "normal"]

_QUOTED = re.compile(r"[\"“”]([^\"“”]{1,200})[\"“”]|(?<![\w])'([^']{1,200})'(?![\w])")
_TOKEN = re.compile(r"[a-z0-9_][a-z0-9_./:@-]*|\?")
_NUMBERS = {
    **{"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"},
    **{"eight": "8", "nine": "9", "ten": "10", "twenty": "20", "fifty": "50", "hundred": "100"},
}
_CUT = re.compile(
    r"\s*(?:;|\.(?=\s|$)|!|\n|,?\s+and then\s+|,?\s+then\s+|,?\s+after (?:that|which)\s*,?\s+"
    r"|,\s+(?:and|but|just|so)\s+|\s+but\s+|\s+instead,?\s+|,\s+|\s+and\s+(?:also\s+)?|\s+plus\s+|\s+-+\s+|:\s+)\s*"
)


PASTED_LINES = 4
LONG = 1200
"""Characters; of a longer message the beginning and the end are read."""


@dataclass(frozen=True)
class Words:
    """A clause: its tokens in order, lower case, and what stood in quotes."""

    tokens: tuple[str, ...]
    quoted: tuple[str, ...] = ()
    question: bool = False
    text: str = field(default="", compare=False)

    @property
    def line(self) -> str:
        """The tokens as one text."""
        return " ".join(self.tokens)


def normal(message: str) -> tuple[str, tuple[str, ...]]:
    """The message in plain lower-case words, and what stood in quotes (in its own case)."""
    text = _said(message).replace("’", "'").replace("‘", "'").replace("`", " ")
    quoted = tuple(first or second for first, second in _QUOTED.findall(text))
    text = re.sub(r"[“”\"]", " ", text).lower()
    text = re.sub(r"(?<=\w)\s*…|\.{2,}", " ", text)
    text = " ".join(re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n")).strip()
    for pattern, replacement in SPELLED:
        text = pattern.sub(replacement, text)
    return " ".join(text.split()), quoted


def _said(message: str) -> str:
    """What somebody wrote by hand: without code blocks and the middle of pasted text, which asks for nothing."""
    text = re.sub(r"```.*?(?:```|$)", " ", message, flags=re.DOTALL)
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > PASTED_LINES:
        text = f"{lines[0]}\n{lines[-1]}"
    return text if len(text) <= LONG else f"{text[: LONG * 2 // 3]}\n{text[-LONG // 3 :]}"


def words_of(text: str, quoted: tuple[str, ...] = ()) -> Words:
    """One clause, cut into tokens."""
    bare = text.rstrip(" .!")
    question = "?" in bare
    plain = f"{' '.join(_TOKEN.findall(bare.replace('?', ' ')))} "
    for pattern, replacement in MOVED:
        plain = pattern.sub(replacement + " ", plain)
    tokens = [token.strip("./:@-") or token for token in plain.split()]
    return Words(tuple(tokens), quoted, question, bare)


def clauses(message: str) -> list[Words]:
    """The message cut at "and", "then", commas and full stops. Whether two parts belong together is seen later."""
    text, quoted = normal(message)
    text = LEADING.sub("", text)
    parts: list[str] = []
    for sentence in re.split(r"(?<=\?)\s+", text):
        parts += [part for part in _CUT.split(sentence) if part and part.strip(" ?.!,")]
    return [words_of(part, quoted) for part in parts]


def number(token: str) -> int | None:
    """The number that a token is: digits or a word."""
    token = _NUMBERS.get(token, token)
    return int(token) if token.isdigit() and len(token) < 7 else None
