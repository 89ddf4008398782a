"""make chaos [CHAOS=short]: kill the bridge in every way there is, and count what was lost: nothing.

python -m tests.chaos [SECTION ...]

A section is a function that takes a `Bench` and returns rows; add yours to SECTIONS. CHAOS_SEED draws the
same deaths again.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import flicbridge
from tests.chaos.bench import Bench
from tests.chaos.clock import clock_faults
from tests.chaos.cut import power_cuts
from tests.chaos.disk import disk_faults
from tests.chaos.kills import random_kills, self_test, statement_kills
from tests.chaos.network import network_faults
from tests.chaos.nursery import Nursery
from tests.chaos.program import plain_starts
from tests.chaos.row import Row, table
from tests.chaos.suites import suites
from tests.chaos.trace import commits_are_synced


class Section(Protocol):
    """One kind of fault."""

    __name__: str

    def __call__(self, bench: Bench) -> Awaitable[Sequence[Row]]: ...


SECTIONS: Final[tuple[tuple[Section, ...], ...]] = (
    (self_test, commits_are_synced, power_cuts, plain_starts, disk_faults),
    (statement_kills,),
    (random_kills,),
    (network_faults,),
    (clock_faults,),
    (suites,),
)
"""In this order, and side by side where one mostly waits."""
SHOWN_FAULTS: Final = 20
HANDS_A_CORE: Final = 12


async def _side_by_side(bench: Bench, sections: Sequence[Section]) -> list[Row]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_rows_of(section, bench), name=section.__name__) for section in sections]
    return [row for task in tasks for row in task.result()]


async def _rows_of(section: Section, bench: Bench) -> Sequence[Row]:
    """What a section found; what it could not go on with is not the end of the others."""
    try:
        return await section(bench)
    except* Exception as group:  # noqa: BLE001 - told in the table, and a loss
        said = [f"{section.__name__}: {error!r}" for error in group.exceptions]
    return [Row(f"({section.__name__} broke off)", wrong=said)]


async def _run(bench: Bench, groups: Iterable[Sequence[Section]]) -> list[Row]:
    return [row for group in groups for row in await _side_by_side(bench, group)]


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _bench(nursery: Nursery, seed: int) -> Bench:
    is_short = os.environ.get("CHAOS", "") == "short"
    return Bench(
        nursery=nursery,
        random=random.Random(seed),
        kills=60 if is_short else 3000,
        starts=2 if is_short else 40,
        cuts=1 if is_short else 8,
        is_short=is_short,
        hands=HANDS_A_CORE * (os.cpu_count() or 1),
        say=_say,
    )


def _sources() -> frozenset[tuple[Path, int]]:
    """What is tested. Bridges are forked off what was imported, and read other files later."""
    package = Path(flicbridge.__file__).parent
    files = (file for file in package.rglob("*") if file.suffix not in (".pyc", "") and file.is_file())
    return frozenset((file, file.stat().st_mtime_ns) for file in files)


def main(names: Sequence[str]) -> int:
    """Run these sections, or all, and print the table; return 1 for any loss, 2 for no such section."""
    known = [each.__name__ for group in SECTIONS for each in group]
    if unknown := sorted(set(names) - set(known)):
        sys.stderr.write(f"no section {', '.join(unknown)}; there are {', '.join(known)}\n")
        return 2
    wanted = [[each for each in group if not names or each.__name__ in names] for group in SECTIONS]
    nursery = Nursery.open()  # before there is a loop or a thread
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    began_s, sources = time.monotonic(), _sources()
    try:
        rows = asyncio.run(_run(_bench(nursery, seed), wanted))
    finally:
        nursery.close()
    total = Row.total(rows)
    written = [table([*rows, total]), "", f"seed {seed}, {time.monotonic() - began_s:.0f} s"]
    written += [f"LOST: {wrong}" for wrong in total.wrong[:SHOWN_FAULTS]]
    if is_edited := _sources() != sources:
        written.append(
            "The program was edited meanwhile: this says nothing about either version. Run it again."
        )
    sys.stdout.write("\n".join([*written, ""]))
    return 1 if total.wrong or is_edited else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
