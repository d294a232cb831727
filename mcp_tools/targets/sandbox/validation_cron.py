"""Schedules of CronJobs, as robfig's cron reads them; what is wrong is said in its words."""

from __future__ import annotations

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: index + 1 for index, name in enumerate(_MONTHS)}),
    (0, 6, {name: index for index, name in enumerate(_DAYS)}),
)
_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


class _Wrong(Exception):
    """Not a schedule."""


def mistake(schedule: str) -> str:
    """What is wrong with a schedule; empty when it is one."""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        schedule = schedule.partition(" ")[2].strip()
    try:
        if schedule.startswith("@"):
            _descriptor(schedule)
            return ""
        fields = schedule.split()
        if len(fields) != 5:
            raise _Wrong(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
        for field, (low, high, words) in zip(fields, _FIELDS, strict=True):
            for part in field.split(","):
                if part:
                    _range(part, low, high, words)
    except _Wrong as error:
        return str(error)
    return ""


def _descriptor(schedule: str) -> None:
    if schedule in _DESCRIPTORS:
        return
    if schedule.startswith("@every "):
        duration = schedule.removeprefix("@every ")
        if not duration[:1].isdigit() or duration[-1:] not in "hms":
            raise _Wrong(f'failed to parse duration {schedule}: time: invalid duration "{duration}"')
        return
    raise _Wrong(f"unrecognized descriptor: {schedule}")


def _number(text: str, words: dict[str, int]) -> int:
    if text.lower() in words:
        return words[text.lower()]
    try:
        number = int(text)
    except ValueError:
        raise _Wrong(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax') from None
    if number < 0:
        raise _Wrong(f"negative number ({number}) not allowed: {text}")
    return number


def _range(part: str, low: int, high: int, words: dict[str, int]) -> None:
    span, *steps = part.split("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        start, end = low, high
    else:
        start = end = _number(ends[0], words)
        if len(ends) == 2:
            end = _number(ends[1], words)
        elif len(ends) > 2:
            raise _Wrong(f"too many hyphens: {part}")
    step = 1
    if len(steps) == 1:
        step = _number(steps[0], {})
        if len(ends) == 1:
            end = high
    elif len(steps) > 1:
        raise _Wrong(f"too many slashes: {part}")
    if start < low:
        raise _Wrong(f"beginning of range ({start}) below minimum ({low}): {part}")
    if end > high:
        raise _Wrong(f"end of range ({end}) above maximum ({high}): {part}")
    if start > end:
        raise _Wrong(f"beginning of range ({start}) beyond end of range ({end}): {part}")
    if step == 0:
        raise _Wrong(f"step of range should be a positive number: {part}")
