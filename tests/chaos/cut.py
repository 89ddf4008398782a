"""The power goes: only what really was written to the disk is there afterwards.

The bridge keeps its state on an ext4 of its own, in a file. When the power goes it is frozen, the file is
copied, and the next bridge gets the copy: what was in the kernel's memory only is gone, as it would be.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.chaos import judge
from tests.chaos.bench import Bench, row_of
from tests.chaos.image import Image, why_not
from tests.chaos.row import Row, test_row
from tests.chaos.sabotage import Sabotage
from tests.chaos.story import PATIENCE_S, Death, Ending, Script, Stage, last_life, open_stage

PRESS_EVERY_S: Final = 0.75
"""A press and its acknowledgement take 0.6 s."""
PRESSES: Final = 4
CUT_WITHIN_S: Final = 4.0
AT_A_TIME: Final = 4


async def power_cuts(bench: Bench) -> list[Row]:
    """Cuts at random moments; and one for a bridge whose disk is lazy, which must lose."""
    fault = "power cut, on an image of the disk"
    if reason := await asyncio.to_thread(why_not):
        return [Row(fault, skipped=reason)]
    broken = row_of("", [await _cut(bench, Sabotage.LAZY_DISK, CUT_WITHIN_S)])
    shown = test_row(f"{Sabotage.LAZY_DISK}, power cut", broken.trials, broken.wrong)
    waiting = iter([bench.random.uniform(1.0, CUT_WITHIN_S) for _ in range(bench.cuts)])
    endings: list[tuple[Script, Ending]] = []

    async def work() -> None:
        for after_s in waiting:
            endings.append(await _cut(bench, Sabotage.NOTHING, after_s))

    async with asyncio.TaskGroup() as group:
        for hand in range(AT_A_TIME):
            group.create_task(work(), name=f"cut:{hand}")
    bench.say(f"{fault}: {len(endings)} cuts; the lazy disk lost {len(broken.wrong)}")
    return [shown, row_of(fault, endings)]


async def _cut(bench: Bench, sabotage: Sabotage, after_s: float) -> tuple[Script, Ending]:
    script = Script(
        "http", sabotage=sabotage, patience_s=2.5 if sabotage is Sabotage.LAZY_DISK else PATIENCE_S
    )
    async with open_stage(script, bench.nursery) as stage, _own_disk(stage) as cut_power:
        stage.give_birth(Death(after_s=2 * CUT_WITHIN_S))
        for number in range(PRESSES):
            stage.plan_press(0.3 + number * PRESS_EVERY_S)
        await stage.freeze_after(after_s)
        await asyncio.to_thread(cut_power.take_picture)
        stage.kill()
        await stage.bury()
        await asyncio.to_thread(cut_power.go_on_with_picture)
        stage.ending.wrong += judge.after_death(stage.database, stage.promises)
        await last_life(stage, script.patience_s)
        return script, stage.ending


@asynccontextmanager
async def _own_disk(stage: Stage) -> AsyncGenerator[Image]:
    """Move a stage's state to a disk of its own."""
    state = stage.database.parent
    disk = Image(stage.folder / "disk.image", state)
    with tempfile.TemporaryDirectory() as content:
        shutil.copytree(state, content, dirs_exist_ok=True)
        await asyncio.to_thread(disk.mount_with, Path(content))
    try:
        yield disk
    finally:
        await stage.stop()  # whoever has files open there
        await asyncio.to_thread(disk.unmount)
