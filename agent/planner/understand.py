"""From a message to requests: which intents, with which slots. Nothing is decided here about what to do."""

from __future__ import annotations

import re
from dataclasses import replace

from agent.planner.intents import ACT_RULES, CHANGES, READ_RULES, intent_of
from agent.planner.lexicon import ACTS
from agent.planner.mood import lead_of, mood_of
from agent.planner.names import Names, Thing
from agent.planner.request import Request
from agent.planner.shell import in_words
from agent.planner.slots import namespace_of, options_of, unknown_of
from agent.planner.tagging import Tag, concepts_of, kind_of, tag
from agent.planner.words import Words, clauses, number, words_of

__all__ = ["understand"]

_PRONOUNS = frozenset(("it", "its", "that", "this", "them", "they", "their", "those", "these", "one", "there", "same"))
_OPENERS = frozenset(
    (
        "SHOW",
        "DIAGNOSE",
        "DESCRIBE",
        "EXPLAIN",
        "TOP",
        "PLAN",
        "LINT",
        "TEST",
        "ANALYZE",
        "TEMPLATE",
        "LOG",
        "WHY",
        "EVENT",
    )
)
_ASKING = frozenset(
    (
        "what",
        "why",
        "when",
        "who",
        "which",
        "where",
        "how",
        "is",
        "are",
        "did",
        "does",
        "do",
        "never",
        "tell",
        "can",
        "should",
    )
)
_SPACERS = frozenset(("please", "just", "also", "then", "and", "now", "only", "can", "you", "could", "me", "to", "let"))


def understand(message: str, names: Names) -> list[Request]:
    """The requests of a message, in order. A part that is no request of its own belongs to the one before it."""
    parts: list[Words] = []
    for part in clauses(in_words(message)):
        if parts and (_belongs(part, parts[-1]) or not _opens(part, names) or not _asks_anything(parts[-1], names)):
            parts[-1] = _joined(parts[-1], part)
        else:
            parts.append(part)
    requests: list[Request] = []
    conditional = False
    last = Words(())
    for part in parts:
        request = _request(part, names)
        if requests and not request.intent and not request.things and not request.unknown:
            last = _joined(last, part)  # "verify it" goes on with what was said
            requests[-1] = _request(last, names)
            continue
        last = part
        before = requests[-1] if requests else None
        if before is not None and before.intent == request.intent and not (request.things or request.choices):
            continue
        if before is not None and "since" in before.options and request.intent in ("events", "logs"):
            request = request.option("since", request.options.get("since", before.options["since"]))
        if request.mood == "unclear" and not request.concepts & ACTS.keys():
            if part is not parts[-1]:
                continue  # "we deployed it yesterday": told before what is asked
            request = replace(request, mood="look")
        if conditional and request.mood == "do" and request.intent in CHANGES:
            request = replace(request, mood="unclear")
        conditional = conditional or part.tokens[:1] in _CONDITIONS
        requests.append(request)
    return requests


_CONDITIONS = (("if",), ("when",), ("unless",), ("once",), ("whenever",))
"""What begins a condition: an act that hangs on one is not done, but asked about."""


def _belongs(part: Words, before: Words) -> bool:
    """Whether a single word goes on with a question: "the difference between restart and redeploy"."""
    return not part.tokens or (len(part.tokens) == 1 and before.tokens[:1] != () and before.tokens[0] in _ASKING)


def _opens(words: Words, names: Names) -> bool:
    """Whether a clause begins like a request: with a verb or a question word."""
    tags = [one for one in tag(words, names) if one.concept or one.text not in _SPACERS]
    if not tags:
        return False
    first = tags[0]
    return first.concept in ACTS or first.concept in _OPENERS or first.words[0] in _ASKING


def _asks_anything(words: Words, names: Names) -> bool:
    return any(one.concept and one.concept not in ("NUMBER",) for one in tag(words, names)) or len(words.tokens) > 4


def _joined(first: Words, second: Words) -> Words:
    joined = words_of(f"{first.text} , {second.text}", first.quoted)
    return replace(joined, question=first.question or second.question, tokens=(*first.tokens, *second.tokens))


def _request(words: Words, names: Names) -> Request:
    tags = tag(words, names)
    concepts = concepts_of(tags) | _more_concepts(words, tags)
    namespace = namespace_of(words, names)
    if namespace:
        tags = [one for one in tags if not (one.text == namespace and one.concept == "THING")]
        concepts = concepts_of(tags) | _more_concepts(words, tags)
    lead = lead_of(tags, words)
    mood = mood_of(words, tags, lead)
    if lead is not None and lead.concept not in concepts:
        concepts |= {lead.concept, lead.concept + "*"}
    unknown = unknown_of(tags, namespace)
    concepts |= {"WORDS"} if unknown else set()
    intent = _intent(concepts, lead, mood)
    things, choices = _things(tags, words, intent)
    return Request(
        intent=intent,
        mood=mood,
        things=things,
        choices=choices,
        unknown=unknown,
        concepts=frozenset(concepts),
        kind=next((kind_of(one) for one in tags if one.concept == "KIND"), ""),
        numbers=tuple(n for one in tags if one.concept == "NUMBER" and (n := number(one.text)) is not None),
        namespace=namespace,
        everywhere="ALLNS" in concepts,
        quoted=words.quoted,
        options=options_of(words, tags, intent),
        pronoun=bool(_PRONOUNS & set(words.tokens)),
        words=words.line,
    )


def _more_concepts(words: Words, tags: list[Tag]) -> set[str]:
    line = f" {words.line} "
    found = {word.upper() for word in ("which", "who", "when", "verify", "up", "down", "would") if f" {word} " in line}
    found |= (
        {"SAME"}
        if re.search(r" (same|match(es)?|set|present|consistent|differ\w*|correct|up to date|identical) ", line)
        else set()
    )
    found |= {"WRONG"} if _FAILS.search(line) else set()
    return found | ({"VERIFY"} if " integrity " in line or " scan " in line else set())


_FAILS = re.compile(
    r"(?<!^)(?<!please )(?<!you )\b(?:does|is|are|was|were|will|can|did|has|have|do) not "
    r"(?!you\b|be\b|want\b|need\b|know\b|sure\b)\w+"
    r"|\bno longer \w+|\bany ?more\b|\bstopped \w+ing\b"
)
"""Something does not do what it should: "the page does not load", "no longer answers"."""


def _intent(concepts: set[str], lead: Tag | None, mood: str) -> str:
    """An act that is asked for comes first; then what is looked at; then an act that is only spoken of."""
    if lead is not None and mood in ("do", "unclear"):
        others = {c for c in concepts if c.split("+")[0].rstrip("*") not in ACTS} | {lead.concept}
        if found := intent_of(ACT_RULES, others):
            return found
    spoken = {c.split("+")[0] for c in concepts if c.split("+")[0] in ACTS}
    act = intent_of(ACT_RULES, (concepts - {c for c in concepts if "+" in c}) | spoken) if spoken else ""
    if act and mood in ("howto", "what_if", "advice", "negated"):
        return act
    return intent_of(READ_RULES, concepts) or act


def _things(tags: list[Tag], words: Words, intent: str) -> tuple[tuple[Thing, ...], tuple[Thing, ...]]:
    """The things that are named, and what an unclear mention can mean."""
    things: list[Thing] = []
    choices: tuple[Thing, ...] = ()
    for place, one in enumerate(tags):
        found = list(one.things)
        if len(found) > 1:
            after = tags[place + 1] if place + 1 < len(tags) else None
            apps = [thing for thing in found if thing.kind == "app"]
            if apps and (intent in _WHOLE or (after is not None and after.concept in ("APP", "CHATBOT"))):
                found = apps[:1]
            else:
                services = [thing for thing in found if thing.kind != "app"]
                found = services if len(services) == 1 else found
                choices = () if len(found) == 1 else tuple(services or found)
        if len(found) == 1 and found[0] not in things:
            things.append(found[0])
    return tuple(things), choices if not things else ()


_WHOLE = frozenset(
    (
        "deploy",
        "plan",
        "health",
        "status",
        "auth",
        "chat",
        "endpoints",
        "connectivity",
        "security",
        "persistence",
        "triggers",
        "constitution",
        "secrets",
        "build",
        "diagnose",
        "environment",
        "run_status",
    )
)
