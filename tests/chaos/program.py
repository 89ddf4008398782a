"""The program's own entry point, `python -m flicbridge run`, started as ever, and killed at random."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from flicbridge.api.client import ApiClient
from flicbridge.clock import SystemClock
from flicbridge.errors import ApiError
from tests.chaos import judge
from tests.chaos.bench import Bench
from tests.chaos.receiver import BEHAVIOURS, HttpReceiver, fault_of
from tests.chaos.row import Row
from tests.chaos.scratch import scratch_folder
from tests.chaos.story import LOOK_S, PATIENCE_S, write_settings

BUTTON: Final = 'name = "bureau"\nfamily = "virtual"'
START_WITHIN_S: Final = 30.0
LONGEST_LIFE_S: Final = 4.0
"""Half of it is Python's own start on a slow machine."""

type Program = asyncio.subprocess.Process


@dataclass(frozen=True, slots=True)
class Death:
    """When the program is killed.

    Attributes:
        after_s: so long after its start.
        amid_presses: or after its answer to the first press.
    """

    after_s: float
    amid_presses: bool = False


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
    waiting = iter([(bench.random.choice(BEHAVIOURS), _death(bench.random, n)) for n in range(bench.starts)])

    async def work() -> None:
        for behaviour, death in waiting:
            await _trial(row, behaviour, death)

    async with asyncio.TaskGroup() as group:
        for hand in range(min(4, bench.hands)):
            group.create_task(work(), name=f"start:{hand}")
    bench.say(f"{row.fault}: {row.trials} kills")
    return [row]


def _death(random: Random, number: int) -> Death:
    """Half of them die at any time, so also while they start; half of them amid presses."""
    if number % 2:
        return Death(random.uniform(0.3, 1.0) * LONGEST_LIFE_S)
    return Death(random.uniform(0.0, 1.0), amid_presses=True)


async def _trial(row: Row, behaviour: str, death: Death) -> None:
    with scratch_folder() as name:
        async with HttpReceiver(honours_key=True) as receiver:
            config = write_settings(Path(name), BUTTON, receiver.channel())
            receiver.fault = fault_of(behaviour, "http")
            answers = await _killed(config, death)
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


async def start_program(config: Path) -> Program:
    """Start `flicbridge run`; what it says goes beside its settings."""
    with config.with_suffix(".log").open("a") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "flicbridge", "run", "--config", str(config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, "NO_COLOR": "1"},
        )


async def _killed(config: Path, death: Death) -> Answers:
    """Press all the time, until the program is killed."""
    answers, client = Answers(), ApiClient(config.parent / "state")
    program = await start_program(config)
    if death.amid_presses:
        async with asyncio.timeout(START_WITHIN_S):
            await _press(client, answers, until=lambda: bool(answers.asked))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(death.after_s):
            await _press(client, answers, until=lambda: False)
    program.kill()
    await program.wait()
    return answers


async def _press(client: ApiClient, answers: Answers, until: Callable[[], bool]) -> None:
    clock = SystemClock()
    while not until():
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
    program, clock = await start_program(config), SystemClock()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not judge.is_finished(database, len(answers.safe)):
                await clock.sleep(LOOK_S)
    program.kill()
    await program.wait()
    return [*wrong, *judge.missing(database, answers.safe), *judge.ended_well(database, receiver.notes)]
