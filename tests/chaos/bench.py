"""What every section works with, and how stories are played side by side."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from tests.chaos.nursery import Nursery
from tests.chaos.row import Row
from tests.chaos.story import Ending, Script, play


@dataclass(frozen=True, slots=True)
class Bench:
    """How much there is to do.

    Attributes:
        nursery: where bridges come from.
        random: makes the same run of the same seed, as far as a race of processes can be the same.
        kills: how many random kills at least.
        starts: how many of them by the program's own entry point.
        cuts: how many power cuts.
        is_short: True for a quick look.
        hands: how many stories are played at a time.
        say: told of progress.
    """

    nursery: Nursery
    random: Random
    kills: int
    starts: int
    cuts: int
    is_short: bool
    hands: int
    say: Callable[[str], None]

    async def play(self, scripts: Iterable[Script]) -> list[tuple[Script, Ending]]:
        """Play stories side by side, in any order."""
        waiting, endings = iter(scripts), list[tuple[Script, Ending]]()
        async with asyncio.TaskGroup() as group:
            for hand in range(self.hands):
                group.create_task(self._work(waiting, endings), name=f"hand:{hand}")
        return endings

    async def _work(self, waiting: Iterator[Script], endings: list[tuple[Script, Ending]]) -> None:
        for script in waiting:
            endings.append((script, await play(script, self.nursery)))

    async def play_until_outlived(self, script_of: Callable[[int], Script]) -> list[tuple[Script, Ending]]:
        """Play a story for every step from the first, until bridges live to the end of their stories."""
        endings: list[tuple[Script, Ending]] = []
        for batch in itertools.batched(itertools.count(1), 2 * self.hands):
            found = await self.play(map(script_of, batch))
            endings += [each for each in found if not each[1].outlived]
            if all(ending.outlived for _, ending in found):
                return endings
        raise AssertionError("there are always more numbers")


def row_of(fault: str, endings: Iterable[tuple[Script, Ending]]) -> Row:
    """One row for many stories."""
    row = Row(fault)
    for script, ending in endings:
        row.trials += ending.kills
        row.presses += ending.presses
        row.told += ending.told
        row.repeats += ending.repeats
        if script.honours_key:
            row.twice_with_key += ending.told_twice
        else:
            row.twice_without_key += ending.told_twice
        row.worst_s = max(row.worst_s, ending.worst_s)
        row.wrong += [f"{wrong}  [{script}, died at {ending.places}]" for wrong in ending.wrong]
    return row
