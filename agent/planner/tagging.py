"""A clause with its words named: concepts of the lexicon, names of things, numbers, and what is left."""

# ruff: noqa: E501
from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from agent.planner.lexicon import ACTS, KINDS, LONGEST, PHRASES, VOCABULARY
from agent.planner.names import Names, Thing
from agent.planner.words import Words, number

__all__ = ["Tag", "concepts_of", "tag"]

# Words without a meaning of their own here; they are never corrected, and never taken for a name.
COMMON = frozenset(
    """a an and am are as at be been being because by can could did do does done else even every few for from further had
    has have having hello her here hey hi him his how however i if in into is it its itself just kindly last latest least
    less let like lot made make makes many may maybe me might mine mind more most much must my near need needs neither new
    next no nor not now of off often oh on once only onto or other others our out over own past perhaps please quick
    quickly rather really recent right same shall she should show since so some somehow someone something soon still such sure
    take taken tell than that the their them themselves then there these they thing this those though through thanks thank
    to together too try under until unless up us use used using very via want wants was way we were what when where
    whether which while who whole whom whose will wish with within without wonder would yes yet you your yours again
    against all already also although always any anybody anymore anyone anything anyway around away back before both
    ahead going go gone got get gets give gives given good great help happen happens happening hour hours hurry
    instead keep kind know let line lines look looks looking man mean means minute minutes moment my ago today tomorrow
    tonight yesterday night morning week day days month second seconds third first fourth guys folks team buddy mate
    everybody people human person user users time times point part parts number side sort stuff question answer
    version versions actually currently right-now real quickly exactly completely totally basically simply maybe about
    above after below between during each either enough except never none nothing nowhere often per whatever whenever
    without command commands method example reach step steps process money weather joke story poem code python java
    email music movie news football capital president recipe""".split()  # noqa: SIM905
)
TYPO = 0.8


@dataclass(frozen=True)
class Tag:
    """Some tokens with their meaning. ``concept`` is empty for a word that has none."""

    words: tuple[str, ...]
    concept: str = ""
    things: tuple[Thing, ...] = ()
    at: int = 0

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(self.words)


def tag(words: Words, names: Names) -> list[Tag]:
    """The clause's tags in order."""
    return list(_tags(words.tokens, names))


def _tags(tokens: tuple[str, ...], names: Names) -> Iterator[Tag]:
    at = 0
    while at < len(tokens):
        found = _name(tokens, at, names) or _phrase(tokens, at) or _loose(tokens, at, names)
        found = found or _corrected(tokens, at, names) or Tag((tokens[at],), at=at)
        yield found
        at += len(found.words)


def _name(tokens: tuple[str, ...], at: int, names: Names) -> Tag | None:
    """A name as it is, also written with blanks: ``todo backend``."""
    for size in (3, 2, 1):
        part = tokens[at : at + size]
        if len(part) == size and (thing := names.exact("-".join(part), whole=size > 1)):
            return Tag(part, "POD" if thing.is_pod else "THING", (thing,), at)
    return None


def _phrase(tokens: tuple[str, ...], at: int) -> Tag | None:
    for size in range(min(LONGEST, len(tokens) - at), 0, -1):
        part = tokens[at : at + size]
        for form in _forms(part):
            if form in PHRASES:
                return Tag(part, PHRASES[form], (), at)
    if (amount := number(tokens[at])) is not None and tokens[at] != "one":
        return Tag((tokens[at],), "NUMBER", (), at) if amount >= 0 else None
    return None


def _forms(part: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """As it is, and with the plural of the last word taken off. Plain forms of acts have no plural: it is a symptom."""
    yield part
    last = part[-1]
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if last.endswith(ending) and len(last) > len(ending) + 2:
            form = (*part[:-1], last[: -len(ending)] + instead)
            if PHRASES.get(form, "") not in ACTS:
                yield form


def _loose(tokens: tuple[str, ...], at: int, names: Names) -> Tag | None:
    for size in (2, 1):
        part = tokens[at : at + size]
        if len(part) < size or (size == 1 and part[0] in COMMON) or set(part) & {"of", "the", "is", "to"}:
            continue
        if found := names.like(part):
            return Tag(part, "THING", tuple(found), at)
    return None


def _corrected(tokens: tuple[str, ...], at: int, names: Names) -> Tag | None:
    """A typing error, of a name or of a word; whichever is nearer."""
    word = tokens[at]
    if word in COMMON or len(word) < 4 or not word.replace("-", "").isalpha():
        return None
    things = names.near(word)
    spoken = _nearest(word)
    if things and (not spoken or _closeness(word, things[0].name) >= _closeness(word, spoken)):
        return Tag((word,), "THING", tuple(things), at)
    if spoken:
        found = _phrase((*tokens[:at], spoken, *tokens[at + 1 :]), at)
        if found is not None:
            return Tag(tokens[at : at + len(found.words)], found.concept, (), at)
    return Tag((word,), "THING", tuple(things), at) if things else None


def typo_of(word: str, meant: str) -> bool:
    """Whether ``word`` can be a slip for ``meant``: about as long, and its first letter is among the first two."""
    return abs(len(word) - len(meant)) <= 2 and word[0] in meant[:2]


@lru_cache(maxsize=2048)
def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word, VOCABULARY, n=3, cutoff=TYPO)
    return next((one for one in near if typo_of(word, one)), "")


def _closeness(word: str, name: str) -> float:
    return max(difflib.SequenceMatcher(None, word, part).ratio() for part in {name, *name.split("-")})


_SPECIAL = {"Pod": "PODS", "Secret": "SECRET", "Deployment": "DEPLOYMENT"}


def concepts_of(tags: list[Tag]) -> set[str]:
    """The concepts of a clause, as the rules name them."""
    found: set[str] = set()
    for one in tags:
        if not one.concept:
            continue
        found.add(one.concept)
        if "+" in one.concept or one.concept in ACTS:
            found.add(one.concept.split("+")[0] + "*")
        if one.concept == "KIND":
            kind = kind_of(one)
            found |= {_SPECIAL[kind]} if kind in _SPECIAL else set()
    return found


def kind_of(one: Tag) -> str:
    """The Kubernetes kind that a KIND tag names."""
    for form in _forms(one.words):
        if (kind := KINDS.get(" ".join(form))) is not None:
            return kind
    return next((KINDS[k] for k in (_nearest(one.text), _nearest(one.text)[:-1]) if k in KINDS), "")
