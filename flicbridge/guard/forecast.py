"""How long a button's battery will last, from what it measured on past days. Pure.

A CR2032 empties evenly, but its voltage does not fall so, and it dips: in the cold, and for a while after
much use. So volts become a charge by the vendor's curve; of each day the best reading counts; and the trend
is the median of the slopes between all pairs of days (Theil and Sen), which a quarter of bad days cannot
bend. A jump up is a new cell: what was before says nothing any more. With too few days, or a charge that does
not fall, nothing is said.

Sources: firmware-notes.md, "Battery" and "The CR2032 itself".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, pairwise
from statistics import median
from typing import Final, Self

from flicbridge.press.flic2.events import battery_percent

LOW_PERCENT: Final = 18
"""As low as a button is called low (`status.BATTERY_LOW_MV`)."""

KEPT: Final = timedelta(days=90)
FEWEST_DAYS: Final = 7
SHORTEST: Final = timedelta(days=14)
"""So many days, over so long, before anything is said."""

# A cell that was put in new reads 3000 mV or so; what comes back from the cold gains about 100 mV.
NEW_CELL_MV: Final = 2900
NEW_CELL_JUMP_MV: Final = 120
ANY_CELL_JUMP_MV: Final = 250
RECENT: Final = 5
"""The days that a jump is measured from."""

LONGEST_WEEKS: Final = 104.0
SOON_WEEKS: Final = 3.0
"""With less than this, a new cell should be at hand."""


@dataclass(frozen=True, slots=True)
class Day:
    """The best reading of one day."""

    date: date
    millivolt: int


@dataclass(frozen=True, slots=True)
class History:
    """One reading a day of the cell that is in the button now, oldest first. Bounded by `KEPT`."""

    days: tuple[Day, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what `str` made of one; what is no such thing is an empty history."""
        try:
            pairs = [pair.split(":") for pair in text.split()]
            days = tuple(Day(date.fromisoformat(day), int(millivolt)) for day, millivolt in pairs)
        except ValueError:
            return cls()
        in_order = all(early.date < late.date for early, late in pairwise(days))
        return cls(days if in_order else ())

    def __str__(self) -> str:
        return " ".join(f"{day.date.isoformat()}:{day.millivolt}" for day in self.days)

    def after(self, today: date, millivolt: float) -> "History":
        """With one more reading. Days that are still to come were dated by a wrong clock, and go."""
        before = [day for day in self.days if today - KEPT < day.date < today]
        if _is_new_cell(before, millivolt):
            before = []
        known = max((day.millivolt for day in self.days if day.date == today), default=0)
        return History((*before, Day(today, max(round(millivolt), known))))

    def weeks_left(self) -> float | None:
        """Until the battery is low, from the last reading on; None while that cannot be told."""
        if len(self.days) < FEWEST_DAYS or self.days[-1].date - self.days[0].date < SHORTEST:
            return None
        last = self.days[-1].date
        points = [((day.date - last).days, battery_percent(day.millivolt)) for day in self.days]
        per_day = median(_slopes(points))
        if per_day >= 0:
            return None
        now_percent = median(percent - per_day * days for days, percent in points)
        weeks = (now_percent - LOW_PERCENT) / -per_day / 7
        return min(max(weeks, 0.0), LONGEST_WEEKS)


def _is_new_cell(before: list[Day], millivolt: float) -> bool:
    if not before:
        return False
    jump_mv = millivolt - median(day.millivolt for day in before[-RECENT:])
    return jump_mv >= (NEW_CELL_JUMP_MV if millivolt >= NEW_CELL_MV else ANY_CELL_JUMP_MV)


def _slopes(points: list[tuple[int, int]]) -> Iterator[float]:
    """Percent a day between every two days."""
    for (early, percent), (late, later_percent) in combinations(points, 2):
        yield (later_percent - percent) / (late - early)
