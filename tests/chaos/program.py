"""The program's own entry point, `python -m flicbridge run`, started as ever, and killed at random."""

import asyncio
import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flicbridge.api.client import ApiClient
from flicbridge.clock import SystemClock
from flicbridge.errors import ApiError
from tests.chaos import judge
from tests.chaos.bench import Bench
from tests.chaos.receiver import BEHAVIOURS, HttpReceiver, fault_of
from tests.chaos.row import Row
from tests.chaos.story import LOOK_S, PATIENCE_S, write_settings

BUTTON: Final = 'name = "bureau"\nfamily = "virtual"'
LONGEST_LIFE_S: Final = 4.0
"""Half of it is Python's own start on a slow machine."""


@dataclass(slots=True)
class Answers:
    """What the local API said of the presses that it was asked for.

    Attributes:
        asked: how many.
        safe: the alerts of those that it called safe: on disk, and on their way.
    """

    asked: int = 0
    safe: set[str] = field(default_factory=set)


async def plain_starts(bench: Bench) -> list[Row]:
    """A virtual button is pressed as fast as it goes; every press that was answered must outlive the kill."""
    row = Row("killed at random, `flicbridge run` itself")
    waiting = iter(
        [
            (bench.random.choice(BEHAVIOURS), bench.random.uniform(0.3, 1.0) * LONGEST_LIFE_S)
            for _ in range(bench.starts)
        ]
    )

    async def work() -> None:
        for behaviour, death_s in waiting:
            await _trial(row, behaviour, death_s)

    async with asyncio.TaskGroup() as group:
        for hand in range(min(4, bench.hands)):
            group.create_task(work(), name=f"start:{hand}")
    bench.say(f"{row.fault}: {row.trials} kills")
    return [row]


async def _trial(row: Row, behaviour: str, death_s: float) -> None:
    with tempfile.TemporaryDirectory(prefix="flicbridge-chaos-") as name:
        async with HttpReceiver(honours_key=True) as receiver:
            config = write_settings(Path(name), BUTTON, receiver.channel())
            receiver.fault = fault_of(behaviour, "http")
            answers = await _killed(config, death_s)
            receiver.fault = None
            began_s = SystemClock().now_s()
            wrong = await _brought_to_an_end(config, answers, receiver)
    told = dict(reversed(receiver.notes.told))
    row.trials += 1
    row.presses += answers.asked
    row.told += len(told)
    row.repeats += len(receiver.notes.asked) - len(receiver.notes.keys)
    row.twice_with_key += receiver.notes.told_twice
    row.worst_s = max([row.worst_s, *(at_s - began_s for at_s in told.values())])
    row.wrong += wrong


async def _start(config: Path) -> asyncio.subprocess.Process:
    with config.with_suffix(".log").open("a") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "flicbridge", "run", "--config", str(config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, "NO_COLOR": "1"},
        )


async def _killed(config: Path, death_s: float) -> Answers:
    """Press all the time, until the program is killed."""
    answers, program = Answers(), await _start(config)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(death_s):
            await _press_for_ever(ApiClient(config.parent / "state"), answers)
    program.kill()
    await program.wait()
    return answers


async def _press_for_ever(client: ApiClient, answers: Answers) -> None:
    clock = SystemClock()
    while True:
        with contextlib.suppress(ApiError):  # it is still starting
            answer = await client.press("bureau")
            answers.asked += 1
            if answer["safe"]:
                answers.safe.add(str(answer["alert_id"]))
        await clock.sleep(LOOK_S)


async def _brought_to_an_end(config: Path, answers: Answers, receiver: HttpReceiver) -> list[str]:
    """Start it again, and see that everything that was promised is kept."""
    database = config.parent / "state" / "flicbridge.db"
    if not database.exists():
        return [f"{alert} was promised, and there is no database" for alert in answers.safe]
    wrong = list(judge.missing(database, answers.safe))
    program, clock = await _start(config), SystemClock()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not judge.is_finished(database, len(answers.safe)):
                await clock.sleep(LOOK_S)
    program.kill()
    await program.wait()
    return [*wrong, *judge.missing(database, answers.safe), *judge.ended_well(database, receiver.notes)]
