"""When something recurs by the clock on the practice's wall: every day, every week or every month. Pure.

04:00             every day
sun 18:00         every Sunday
1st tue 14:00     the first Tuesday of every month
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Final, Self
from zoneinfo import ZoneInfo

from flicbridge.fields import shown

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ORDINALS: Final = ("1st", "2nd", "3rd", "4th", "last")
FORM: Final = re.compile(
    rf"(?:(?:({'|'.join(ORDINALS)}) +)?({'|'.join(WEEKDAYS)}) +)?([01]\d|2[0-3]):([0-5]\d)"
)

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Cadence:
    """A time of the day, on all days or on some.

    Attributes:
        at: on the practice's clock. Where that skips an hour in spring, what falls into it comes an hour
            later; of an hour that comes twice in autumn, the first counts.
        weekday: only on this one, Monday is 0; None: every day.
        ordinal: only the so-maniest of the month, from 1; -1: the last; None: every week.
    """

    at: time
    weekday: int | None = None
    ordinal: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it as people write it.

        Raises:
            ValueError: it is not one; the message shows how to write it.
        """
        found = FORM.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError(
                f"{shown(text)} says no time that recurs;"
                ' write it like "04:00", "sun 18:00" or "1st tue 14:00"'
            )
        ordinal, weekday, hour, minute = found.groups()
        return cls(
            at=time(int(hour), int(minute)),
            weekday=None if weekday is None else WEEKDAYS.index(weekday),
            ordinal=None if ordinal is None else {"last": -1}.get(ordinal, ORDINALS.index(ordinal) + 1),
        )

    @property
    def longest(self) -> timedelta:
        """The longest from one time to the next, to the day."""
        if self.weekday is None:
            return DAY
        return WEEK if self.ordinal is None else 5 * WEEK

    def after(self, moment_at: datetime, zone: ZoneInfo) -> datetime:
        """The first time after a moment, UTC."""
        # A day earlier than that moment's: a clock that was put back at midnight has it twice.
        start = moment_at.astimezone(zone).date() - DAY
        return next(at for at in self._from(start, zone) if at > moment_at)

    def _from(self, first: date, zone: ZoneInfo) -> Iterator[datetime]:
        for days in count():
            day = first + timedelta(days=days)
            if self._is_on(day):
                yield datetime.combine(day, self.at, zone).astimezone(UTC)

    def _is_on(self, day: date) -> bool:
        if self.weekday is None:
            return True
        if day.weekday() != self.weekday:
            return False
        if self.ordinal is None:
            return True
        if self.ordinal < 0:
            return (day + WEEK).month != day.month
        return (day.day - 1) // 7 + 1 == self.ordinal
