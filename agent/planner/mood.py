"""Whether a clause asks for an act, or only speaks of it: questions, "how do I", "what if", "should I", "don't", the past.

Only a clause that plainly asks for an act may lead to one; everything else is answered with words and looks.
"""

# ruff: noqa: E501
from __future__ import annotations

import re
from typing import Literal

from agent.planner.lexicon import ACTS
from agent.planner.tagging import Tag
from agent.planner.words import Words

__all__ = ["Mood", "lead_of", "mood_of"]

Mood = Literal["do", "look", "howto", "what_if", "advice", "negated", "unclear"]

_HOWTO = re.compile(
    r"\b(how (do|can|could|would|should|to|does|did|must|might) (?!(?:it|things|we|they|everything)\b (?:look|stand))|"
    r"(what|which) (is|are|would be) the (command|best way|way|syntax|right way|steps?|procedure)|what command|which command|"
    r"(tell|show|teach) me how|explain (to me )?how|is there (a|any) (way|command)|are you able to|do you know how|"
    r"do you support|is it possible|can you even|how (is|are) .* (done|made))\b"
)
_WHAT_IF = re.compile(
    r"\b(what (would|will|could|might|does|happens|happen)\b.*|what if|what happens|what would|would it|would that|would (a|the) |"
    r"will it|dry run|dry-run|simulate|pretend|hypothetically|suppose|imagine|is it safe|safe to|how (risky|dangerous|safe)|"
    r"impact of|effect of|consequences?|before (i|we) |without (actually )?doing|preview)\b"
)
_ADVICE = re.compile(
    r"\b((should|shall|may|must) (i|we|it|they|one|the|this|that)|(can|could) (i|we) (?!have|get|see)|"
    r"(do|does) (i|we|it|they) (really )?(need|have) to|is it (a good idea|worth|necessary|needed|ok|okay|fine|time|wise|smart|better)|"
    r"(would|do) you (recommend|suggest|advise|think)|is (a|the) (\w+ )?(needed|necessary|required)|(better|wise|smart) to|worth it|"
    r"what do you think|(maybe|perhaps) (we|i|you)|(we|i) (should|could|might)|i (was )?wonder(ing)?|thinking (about|of)|i am not sure|not sure (if|whether)|do you want to)\b"
)
_NEGATION = re.compile(
    r"\b(do not|does not|did not|must not|should not|would not|will not|can not|never|no need|not to|please not|avoid|without|"
    r"instead of|rather than|not yet|stop|not|no longer|nobody|refrain|hold off|prevent|forbid|rather not|against)\b"
)
_ASKS = re.compile(
    r"^(and |but |so |then |ok |okay |also |well |hey |hi |um )*(why|what|when|who|which|where|whose|how|is|are|was|were|did|does|has|have|had|am|"
    r"do (?!it\b|a\b|an\b|the\b|that\b|this\b|not\b|so\b|please\b|another\b))\b"
)
_MODAL = re.compile(r"^(can|could|would|will) (you|u)\b")
_MIND = re.compile(
    r"\b(would you mind|do you mind|start|begin|try|go ahead with|proceed with|get going with|get on with|keep) $"
)
_WANTS = re.compile(r"\b(want|need|like|get|have|see|wish|please|keep)\b")
# What may stand before the verb of a request.
_LEADING = frozenset(
    """please kindly just now then ok okay so and also but hey hi hello yes yeah yep sure well right alright actually first next
    quickly simply again instead finally maybe can could would will you i we us me my let want to like need have get go ahead it
    the a an do perform make run execute trigger issue give must try help with is time someone somebody should your longshore
    quick full new clean another graceful immediate wonderful great thanks thank friend um uh oh lets think we'd i'd be able
    love possible if asap today fresh force proper fully completely be so kind as kubectl helm""".split()  # noqa: SIM905
)


def lead_of(tags: list[Tag], words: Words) -> Tag | None:
    """The act that the clause asks for: its verb stands where a request has it, or nothing else is said ("backend restart")."""
    before: list[str] = []
    named = {word for one in tags if one.concept in ("THING", "POD", "APP") for word in one.words}
    for place, one in enumerate(tags):
        act = one.concept.split("+")[0]
        if act in ACTS and not _is_noun(before):
            line = " ".join(before) + " "
            light = named if _LIGHT & set(before) else set()
            if one.concept in ACTS and all(word in _LEADING or word in light for word in before):
                return one
            if (
                one.concept.endswith("+ING")
                and _MIND.search(line)
                and all(w in _LEADING or w == "mind" for w in before)
            ):
                return Tag(one.words, act, (), one.at)
            if one.concept.endswith("+ED") and _WANTS.search(line) and all(w in _LEADING or w in named for w in before):
                return Tag(one.words, act, (), one.at)
            if one.concept in ACTS and not words.question and _names_only(tags, place):
                return one
        before += one.words
    return None


def _is_noun(before: list[str]) -> bool:
    """Whether the act is spoken of ("the restart took long") and not asked for ("do a restart")."""
    return bool(before) and before[-1] in _ARTICLES and not _LIGHT & set(before)


_ARTICLES = frozenset(
    ("the", "a", "an", "this", "that", "my", "our", "your", "its", "last", "each", "every", "any", "no")
)
_LIGHT = frozenset(
    (
        "do",
        "perform",
        "make",
        "run",
        "execute",
        "trigger",
        "issue",
        "initiate",
        "give",
        "want",
        "need",
        "try",
        "like",
        "get",
        "have",
    )
)


def _names_only(tags: list[Tag], place: int) -> bool:
    """Whether around the act stand only names, numbers and words without weight: ``backend restart please``."""
    light = {"THING", "POD", "NUMBER", "APP", "KIND", "REPLICA"}
    rest = [one for index, one in enumerate(tags) if index != place]
    return len(tags) <= 5 and all(one.concept in light or (not one.concept and one.text in _LEADING) for one in rest)


def mood_of(words: Words, tags: list[Tag], lead: Tag | None) -> Mood:
    """How the clause speaks of its act."""
    line = words.line
    if lead is not None and lead.concept == "STOP" and any(one.concept.endswith("+ING") for one in tags):
        return "negated"
    act = lead or next((one for one in tags if one.concept.split("+")[0] in ACTS), None)
    if _HOWTO.search(line):
        return "howto"
    if act is not None:
        before = " ".join(words.tokens[: act.at])
        if _NEGATION.search(before) and not re.search(
            r"\b(why|if) (you |we |i )?(do|can) not\b|would not mind", before
        ):
            return "look" if _ASKS.match(line) and not re.match(r"do\b", line) else "negated"
        if _WHAT_IF.search(line):
            return "what_if"
        if _ADVICE.search(line):
            return "advice"
    if _ASKS.match(line):
        return "look"
    if lead is None:
        return "unclear" if act is not None and not words.question else "look"
    if words.question and not _MODAL.match(_stripped(line)):
        return "unclear"
    return "do"


def _stripped(line: str) -> str:
    return re.sub(r"^((?:hey|hi|hello|ok|okay|and|so|please|now|then|longshore|well|also|but) )+", "", line)
