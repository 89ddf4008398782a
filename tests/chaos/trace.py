"""By strace: a commit has reached the disk before the button is told to forget the press."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from flicbridge.clock import SystemClock
from tests.chaos import wire
from tests.chaos.bench import Bench
from tests.chaos.bridge import Orders
from tests.chaos.row import Row, test_row
from tests.chaos.sabotage import Sabotage
from tests.chaos.story import LOOK_S, Script, Stage, open_stage
from tests.chaos.syscalls import why_not

PRESSES: Final = 3
PRESS_TIMEOUT_S: Final = 30.0
"""Under strace a bridge starts slowly."""
HOLD_S: Final = 0.05
CALLS: Final = "pwrite64,pwritev,write,writev,fsync,fdatasync,sendto,sendmsg"

JOURNAL_WRITE: Final = re.compile(r"^(?:pwrite64|pwritev|write|writev)\(\d+<[^>]*\.db-wal>")
JOURNAL_SYNC: Final = re.compile(r"^(?:fsync|fdatasync)\(\d+<[^>]*\.db-wal>")
SYNC_DONE: Final = re.compile(r"^<\.\.\. (?:fsync|fdatasync) resumed>")
FRAME: Final = re.compile(r'^(?:sendto|sendmsg)\(\d+<[^>]*>, "F')
LINE: Final = re.compile(r"^(\d+)\s+(.*)$")


async def commits_are_synced(bench: Bench) -> list[Row]:
    """A bridge as it is, and one whose disk is lazy, of which this must not be true."""
    row = Row("power: fsync of the journal before each acknowledgement")
    if reason := why_not():
        row.skipped = reason
        return [row]
    row.trials, row.wrong = await _traced(bench, Sabotage.NOTHING)
    row.presses = PRESSES
    broken = test_row(f"{Sabotage.LAZY_DISK}, traced", *await _traced(bench, Sabotage.LAZY_DISK))
    bench.say(f"{row.fault}: {row.trials} acknowledgements")
    return [broken, row]


async def _traced(bench: Bench, sabotage: Sabotage) -> tuple[int, list[str]]:
    """Press a few times under strace; return how many acknowledgements there were, and what was wrong."""
    async with open_stage(Script("http", sabotage=sabotage), bench.nursery) as stage:
        trace = stage.folder / "trace"
        bridge = _start(stage, trace, sabotage)
        try:
            for _ in range(PRESSES):
                await _press(stage)
        finally:
            bridge.kill()
            bridge.wait()
        await stage.button.hung_up()
        acknowledgements = stage.button.acknowledgements
        wrong = list(early(trace.read_text(errors="replace").splitlines(), acknowledgements))
        if len(acknowledgements) < PRESSES:
            wrong.append(f"{len(acknowledgements)} acknowledgements for {PRESSES} presses")
        return len(acknowledgements), wrong


def _start(stage: Stage, trace: Path, sabotage: Sabotage) -> subprocess.Popen[bytes]:
    ours, theirs = wire.pair()
    orders = Orders(str(stage.folder / "flicbridge.toml"), 0, sabotage)
    with theirs:
        bridge = subprocess.Popen(
            [
                # Detached (-D), so that our child is the bridge, and killing it kills what is traced.
                *("strace", "-D", "-f", "-y", "-o", str(trace), "-e", f"trace={CALLS}"),
                *(sys.executable, "-m", "tests.chaos.bridge", orders.to_json(), str(theirs.fileno())),
            ],
            pass_fds=[theirs.fileno()],
        )
    stage.button.attach(ours)
    return bridge


async def _press(stage: Stage) -> None:
    clock = SystemClock()
    async with asyncio.timeout(PRESS_TIMEOUT_S):
        while not stage.button.is_heard:
            await clock.sleep(LOOK_S)
        stage.button.press()
        await clock.sleep(HOLD_S)
        stage.button.release()
        while not stage.button.is_settled:
            await clock.sleep(LOOK_S)


def early(trace: Iterable[str], acknowledgements: Iterable[int]) -> Iterator[str]:
    """Find the acknowledgements that left before everything in the journal was on the disk.

    Args:
        trace: what `strace -f -y` wrote.
        acknowledgements: which of the frames to the button they are, counted from 1.
    """
    waiting, frames, is_dirty, writes = set(acknowledgements), 0, False, 0
    for line in trace:
        call = found[2] if (found := LINE.match(line)) else ""
        if JOURNAL_WRITE.match(call):
            is_dirty, writes = True, writes + 1
        elif SYNC_DONE.match(call) or (JOURNAL_SYNC.match(call) and "unfinished" not in call):
            is_dirty = False
        elif FRAME.match(call):
            frames += 1
            if frames in waiting:
                waiting.discard(frames)
                if is_dirty:
                    yield f"frame {frames} acknowledged a press whose commit was not on the disk yet"
                if not writes:
                    yield f"frame {frames} acknowledged a press, and nothing was written since the last one"
                writes = 0
    for frame in waiting:
        yield f"the trace does not show frame {frame}"
