"""From a message to plain words: contractions, chat spelling, split verbs ("roll X back"), quotes kept as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Words", "clauses", "normal"]

_SPELLING = {
    r"\bwhat'?s\b": "what is",
    r"\bwhats\b": "what is",
    r"\bhow'?s\b": "how is",
    r"\bwhere'?s\b": "where is",
    r"\bwho'?s\b": "who is",
    r"\bthat'?s\b": "that is",
    r"\bthere'?s\b": "there is",
    r"\bhere'?s\b": "here is",
    r"\bit'?s (?=not|down|broken|failing|crash|still|dead|up|ok|fine|slow|on|about)": "it is ",
    r"\blet'?s\b": "let us",
    r"\b(can|could|should|would|do|does|did|is|are|was|were|has|have|had|must|need)n['o]?t\b": r"\1 not",
    r"\bcannot\b": "can not",
    r"\bwon'?t\b": "will not",
    r"\bain'?t\b": "is not",
    r"\b(i|you|we|they|it|he|she|that|there|who)'ll\b": r"\1 will",
    r"\b(i|you|we|they|it|he|she)'d\b": r"\1 would",
    r"\b(i|you|we|they)'ve\b": r"\1 have",
    r"\b(you|we|they)'re\b": r"\1 are",
    r"\bi'm\b": "i am",
    r"\b(pls|plz|plse|pleas|plase|plesae)\b": "please",
    r"\bu\b": "you",
    r"\br\b(?= (you|they|we))": "are",
    r"\bgimme\b": "give me",
    r"\blemme\b": "let me",
    r"\bwanna\b": "want to",
    r"\bgotta\b": "have to",
    r"\bgonna\b": "going to",
    r"\bwassup\b": "what is up",
    r"\bwdyt\b": "what do you think",
    r"\bk8s\b": "kubernetes",
    r"\bdon t\b": "do not",
    r"\bnvm\b": "never mind",
    r"\bidk\b": "i do not know",
    r"\b(ns)\b": "namespace",
    r"\benv vars?\b": "environment variables",
    r"\benvvars?\b": "environment variables",
    r"\bback end\b": "backend",
    r"\bfront end\b": "frontend",
    r"\bback-end\b": "backend",
    r"\bfront-end\b": "frontend",
    r"\bdata base\b": "database",
}
_SPELLED = [(re.compile(pattern), with_) for pattern, with_ in _SPELLING.items()]
_GAP = r"((?:(?!please\b)[\w./:-]+ ){1,5}?)"
# Verbs that take their object in the middle come before it: "roll the backend back" is "rollback the backend".
_SPLIT = [
    (re.compile(rf"\b(?:roll|rolling|rolled) {_GAP}back\b"), r"rollback \1"),
    (re.compile(rf"\brevert {_GAP}back\b"), r"rollback \1"),
    (re.compile(rf"\b(?:take|tear|bring) {_GAP}down\b"), r"takedown \1"),
    (re.compile(rf"\b(?:shut|turn) {_GAP}(?:down|off)\b"), r"shutdown \1"),
    (re.compile(rf"\b(?:bring|spin|get|turn) {_GAP}(?:up|on|back up|live)\b"), r"bringup \1"),
    (re.compile(rf"\b(?:put|push|get|ship) {_GAP}(?:live|out|deployed)\b"), r"deploy \1"),
    (
        re.compile(rf"\b(?:set|put|make) {_GAP}(?=(?:to |at |have |run )?(?:\d+|one|two|three|four|five|zero)\b)"),
        r"scale \1",
    ),
    (re.compile(rf"\bturn {_GAP}off and on again\b"), r"restart \1"),
    (re.compile(rf"\bscale {_GAP}(up|down|out|in)\b"), r"scale \2 \1"),
]
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
    text = message.replace("’", "'").replace("‘", "'").replace("`", " ")
    quoted = tuple(first or second for first, second in _QUOTED.findall(text))
    text = re.sub(r"[“”\"]", " ", text).lower()
    text = re.sub(r"(?<=\w)\s*…|\.{2,}", " ", text)
    text = " ".join(re.sub(r"[^\S\n]+", " ", line).strip() for line in text.split("\n")).strip()
    for pattern, replacement in _SPELLED:
        text = pattern.sub(replacement, text)
    return " ".join(text.split()), quoted


def words_of(text: str, quoted: tuple[str, ...] = ()) -> Words:
    """One clause, cut into tokens."""
    bare = text.rstrip(" .!")
    question = "?" in bare
    plain = f"{' '.join(_TOKEN.findall(bare.replace('?', ' ')))} "
    for pattern, replacement in _SPLIT:
        plain = pattern.sub(replacement + " ", plain)
    tokens = [token.strip("./:@-") or token for token in plain.split()]
    return Words(tuple(tokens), quoted, question, bare)


def clauses(message: str) -> list[Words]:
    """The message cut at "and", "then", commas and full stops. Whether two parts belong together is seen later."""
    text, quoted = normal(message)
    parts: list[str] = []
    for sentence in re.split(r"(?<=\?)\s+", text):
        parts += [part for part in _CUT.split(sentence) if part and part.strip(" ?.!,")]
    return [words_of(part, quoted) for part in parts]


def number(token: str) -> int | None:
    """The number that a token is: digits or a word."""
    token = _NUMBERS.get(token, token)
    return int(token) if token.isdigit() and len(token) < 7 else None
