"""What a wall clock can do to a message: a row for every fault, through the whole bridge, in leaping time."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flicbridge.simulator.clockwork import STEP_AFTER_S, Clockwork
from flicbridge.simulator.gateways import Webhook
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.overhear import overheard
from tests.chaos.bench import Bench
from tests.chaos.row import Row

HOUR_S: Final = 3600.0
RIGHT_AT: Final = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)
SPRING_AT: Final = datetime(2027, 3, 28, 0, 59, 40, tzinfo=UTC)  # 20 s before Paris goes from 2:00 to 3:00
AUTUMN_AT: Final = datetime(2026, 10, 25, 0, 59, 40, tzinfo=UTC)  # and from 3:00 to 2:00
STEPS_S: Final = (RIGHT_AT.timestamp(), 400 * 24 * HOUR_S, 8 * HOUR_S, 600.0, -600.0, -8 * HOUR_S)
STEPS_SHORT_S: Final = (RIGHT_AT.timestamp(), -8 * HOUR_S)

OUTAGE_S: Final = 30.0
WORST_S: Final = 30.0
"""A wait of the retry schedule after half a minute, and what a slow machine adds."""
AGE_ERROR_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """One fault.

    Attributes:
        fault: its row.
        play: presses once; returns when the fault ended, by the practice's monotonic clock.
        error_s: how far the bridge's clock is ahead at the start.
        right_at: what time it really is.
        keeps_age: whether the age of the press must be known, and right.
        may_be_early: a step of the plan may come before its time, as dates are all that is left.
    """

    fault: str
    play: Callable[[Clockwork], Awaitable[float]]
    error_s: float = 0.0
    right_at: datetime = RIGHT_AT
    keeps_age: bool = True
    may_be_early: bool = False

    @property
    def early_reminders(self) -> int:
        """The next reminder is a step of the plan as well, and comes after the step that it repeats."""
        return int(self.may_be_early)


async def clock_faults(bench: Bench) -> Sequence[Row]:
    """A row for every way in which the wall clock can be wrong, or be put right."""
    rows: dict[str, Row] = {}
    with overheard(lambda _: None, show=False):
        for case in _cases(STEPS_SHORT_S if bench.is_short else STEPS_S):
            row = rows.setdefault(case.fault, Row(case.fault))
            await asyncio.to_thread(_play, case, row)
    for row in rows.values():
        bench.say(f"{row.fault}: worst {row.worst_s:.1f} s")
    return list(rows.values())


def _cases(steps_s: Sequence[float]) -> Iterator[Case]:
    for step_s in steps_s:
        clock = f"clock: {_kind(step_s)}"
        yield Case(f"{clock}, never set right", _press_and_wait, error_s=-step_s)
        yield Case(f"{clock}, set while messages wait", _while_waiting(step_s), error_s=-step_s)
        yield Case(f"{clock}, set within the gesture", _within_gesture(step_s), error_s=-step_s)
        yield Case(f"{clock}, set while the bridge restarts", _over_restart(step_s), error_s=-step_s)
        yield Case(
            f"clock: {_reboot_kind(step_s)} after a restart of the machine",
            _over_reboot(step_s),
            keeps_age=False,
            may_be_early=True,
        )
    yield Case("clock: summer time begins or ends", _while_waiting(0.0), right_at=SPRING_AT)
    yield Case("clock: summer time begins or ends", _while_waiting(0.0), right_at=AUTUMN_AT)
    yield Case("clock: the machine sleeps for 2 h", _asleep(2 * HOUR_S), may_be_early=True)


def _kind(step_s: float) -> str:
    if step_s == RIGHT_AT.timestamp():
        return "1970 at boot"
    return "behind" if step_s > 0 else "ahead"


def _reboot_kind(step_s: float) -> str:
    if step_s == RIGHT_AT.timestamp():
        return "decades on"
    return "later" if step_s > 0 else "earlier"


def _play(case: Case, row: Row) -> None:
    """On a loop of its own, for time leaps there."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=LeapingEventLoop) as runner:
        runner.run(_judged(case, row, Path(folder)))


async def _judged(case: Case, row: Row, folder: Path) -> None:
    row.trials += 1
    row.presses += 1
    async with Clockwork(folder, right_at=case.right_at, error_s=case.error_s) as practice:
        pressed_s, pressed_up = practice.clock.now_s(), practice.right.reading().up
        ended_s = await case.play(practice)
        await practice.pass_time(2 * STEP_AFTER_S)
        hubs, texts = practice.hub.received, practice.phone.received
        colleagues = [each for each in practice.colleague.received if _purpose(each) == "alert"]
        reminders = len(practice.colleague.received) - len(colleagues)
        told = [len(hubs), len(texts), len(colleagues)]
        row.told += sum(told)
        wrong = f"{case.fault}, {case.error_s:+.0f} s"
        if told != [1, 1, 1]:
            row.wrong.append(f"{wrong}: {told} alerts instead of one each")
            return
        hub, sms, colleague = hubs[0], texts[0], colleagues[0]
        step_s = pressed_s + STEP_AFTER_S
        late_s = [hub.at_s - ended_s, sms.at_s - ended_s]
        late_s.append(colleague.at_s - max(ended_s, step_s))
        row.worst_s = max(row.worst_s, *late_s)
        if reminders > case.early_reminders:
            row.wrong.append(f"{wrong}: {reminders} reminders before their time")
        if max(late_s) > WORST_S:
            row.wrong.append(f"{wrong}: {max(late_s):.0f} s late")
        if not case.may_be_early and colleague.at_s < step_s - 1:
            row.wrong.append(f"{wrong}: a step of the plan came {step_s - colleague.at_s:.0f} s early")
        waited_s = practice.right.reading().up.since_s(pressed_up) or 0.0
        age_s = waited_s - (practice.clock.now_s() - hub.at_s)
        said_s = hub.event["data"]["age_s"]
        if case.keeps_age and (said_s is None or abs(said_s - age_s) > AGE_ERROR_S):
            row.wrong.append(f"{wrong}: told as {said_s} s old, was {age_s:.0f} s")


def _purpose(webhook: Webhook) -> str:
    return str(webhook.event["data"]["purpose"])


async def _press_and_wait(practice: Clockwork) -> float:
    await practice.press()
    return practice.clock.now_s()


def _while_waiting(step_s: float) -> Callable[[Clockwork], Awaitable[float]]:
    async def play(practice: Clockwork) -> float:
        practice.cut()
        await practice.press()
        await practice.pass_time(OUTAGE_S / 2)
        practice.clock.step(step_s)
        await practice.pass_time(OUTAGE_S / 2)
        practice.mend()
        return practice.clock.now_s()

    return play


def _within_gesture(step_s: float) -> Callable[[Clockwork], Awaitable[float]]:
    async def play(practice: Clockwork) -> float:
        async with asyncio.TaskGroup() as group:
            group.create_task(practice.press(), name="finger")
            await practice.pass_time(0.2)
            practice.clock.step(step_s)
        return practice.clock.now_s()

    return play


def _over_restart(step_s: float, *, of_machine: bool = False) -> Callable[[Clockwork], Awaitable[float]]:
    async def play(practice: Clockwork) -> float:
        practice.cut()
        await practice.press()
        await practice.pass_time(OUTAGE_S / 2)
        await practice.stop()
        practice.clock.step(step_s)
        if of_machine:
            practice.clock.restart()
        practice.mend()
        await practice.start()
        return practice.clock.now_s()

    return play


def _over_reboot(step_s: float) -> Callable[[Clockwork], Awaitable[float]]:
    return _over_restart(step_s, of_machine=True)


def _asleep(seconds: float) -> Callable[[Clockwork], Awaitable[float]]:
    async def play(practice: Clockwork) -> float:
        practice.cut()
        await practice.press()
        await practice.pass_time(OUTAGE_S / 2)
        practice.clock.suspend(seconds)
        practice.right.suspend(seconds)
        practice.mend()
        return practice.clock.now_s()

    return play
