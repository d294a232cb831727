"""Cron schedules: five fields or a descriptor, in a time zone. Pure.

Source: ``github.com/robfig/cron/v3``, which the CronJob controller parses with. A day is taken when the day of the
month or that of the week fits, unless one of them is a star: then both must.
"""

from __future__ import annotations

import datetime
import zoneinfo
from dataclasses import dataclass

NAMES_OF_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMES_OF_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = {name: n for n, name in enumerate(NAMES_OF_MONTHS, start=1)}
DAYS = {name: n for n, name in enumerate(NAMES_OF_DAYS)}
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("dom", 1, 31), ("month", 1, 12), ("dow", 0, 6))
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
YEARS = 5
"""How far ahead the next time is looked for."""


@dataclass(frozen=True)
class Schedule:
    """When something is to happen. ``every`` is the interval of ``@every``, instead of the fields."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool
    zone: datetime.tzinfo
    every: float = 0.0

    def after(self, moment: float) -> float | None:
        """The first time after ``moment``; None when there is none for years."""
        if self.every:
            return float(int(moment) + self.every)
        at = datetime.datetime.fromtimestamp(int(moment), self.zone).replace(second=0) + datetime.timedelta(minutes=1)
        last = at.year + YEARS
        while at.year <= last:
            if at.month not in self.months:
                month, year = (1, at.year + 1) if at.month == 12 else (at.month + 1, at.year)
                at = at.replace(year=year, month=month, day=1, hour=0, minute=0)
            elif not self._day(at):
                at = (at + datetime.timedelta(days=1)).replace(hour=0, minute=0)
            elif at.hour not in self.hours:
                at = (at + datetime.timedelta(hours=1)).replace(minute=0)
            elif at.minute not in self.minutes:
                at += datetime.timedelta(minutes=1)
            elif (found := at.timestamp()) > moment and _exists(at):
                return found
            else:
                at += datetime.timedelta(minutes=1)
        return None

    def _day(self, at: datetime.datetime) -> bool:
        day, weekday = at.day in self.days, (at.weekday() + 1) % 7 in self.weekdays
        return day and weekday if self.any_day or self.any_weekday else day or weekday


def _exists(at: datetime.datetime) -> bool:
    """Whether that wall-clock time is there: an hour is left out in spring."""
    there = datetime.datetime.fromtimestamp(at.timestamp(), at.tzinfo)
    return (there.hour, there.minute) == (at.hour, at.minute)


def parse(text: str, zone: str | None = None) -> Schedule:
    """Read a schedule.

    Raises:
        ValueError: it is none; the text is that of robfig/cron.
    """
    if not text:
        raise ValueError("empty spec string")
    place: datetime.tzinfo = datetime.UTC
    if text.startswith(("TZ=", "CRON_TZ=")):
        given, _, text = text.partition(" ")
        place = _zone(given.partition("=")[2])
    if zone is not None:
        place = _zone(zone)
    text = text.strip()
    if text.startswith("@"):
        if text.startswith("@every "):
            return _every(text, place)
        if text not in DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    sets = [_field(written, low, high, name) for written, (name, low, high) in zip(fields, FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = (found for found, _ in sets)
    return Schedule(minutes, hours, days, months, weekdays, sets[2][1], sets[4][1], place)


def _zone(name: str) -> datetime.tzinfo:
    try:
        return datetime.UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"provided bad location {name}: unknown time zone {name}") from error


def _every(text: str, zone: datetime.tzinfo) -> Schedule:
    written = text.removeprefix("@every ").strip()
    seconds, rest = 0.0, written
    while rest:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(digits) :]
        unit = next((name for name in ("ns", "us", "µs", "ms", "s", "m", "h") if rest.startswith(name)), None)
        if not digits or unit is None or digits.count(".") > 1 or digits == ".":
            raise ValueError(f'failed to parse duration {text}: time: invalid duration "{written}"')
        seconds += float(digits) * UNITS[unit]
        rest = rest[len(unit) :]
    none: frozenset[int] = frozenset()
    return Schedule(none, none, none, none, none, False, False, zone, every=float(max(int(seconds), 1)))


def _field(written: str, low: int, high: int, name: str) -> tuple[frozenset[int], bool]:
    found: set[int] = set()
    star = False
    for part in written.split(","):
        numbers, any_ = _range(part, low, high, name)
        found |= numbers
        star = star or any_
    return frozenset(found), star


def _range(part: str, low: int, high: int, name: str) -> tuple[set[int], bool]:
    """One of ``*``, ``n``, ``n-m``, each with ``/step``."""
    bounds, slash, step_text = part.partition("/")
    first_text, dash, last_text = bounds.partition("-")
    star = first_text in ("*", "?")
    if star:
        first, last = low, high
    else:
        first = _number(first_text, name)
        last = _number(last_text, name) if dash else first
        if "-" in last_text:
            raise ValueError(f"too many hyphens: {part}")
    step = 1
    if slash:
        if "/" in step_text:
            raise ValueError(f"too many slashes: {part}")
        step = _number(step_text, "")
        if not star and not dash:
            last = high
        star = star and step <= 1
    if first < low:
        raise ValueError(f"beginning of range ({first}) below minimum ({low}): {part}")
    if last > high:
        raise ValueError(f"end of range ({last}) above maximum ({high}): {part}")
    if first > last:
        raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {part}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {part}")
    return set(range(first, last + 1, step)), star


def _number(written: str, name: str) -> int:
    names = MONTHS if name == "month" else DAYS if name == "dow" else {}
    if written.lower() in names:
        return names[written.lower()]
    if not written.lstrip("-").isdigit():
        raise ValueError(f'failed to parse int from {written}: strconv.Atoi: parsing "{written}": invalid syntax')
    if written.startswith("-"):
        raise ValueError(f"negative number ({written}) not allowed: {written}")
    return int(written)
