"""What a bridge writes in a day, by going through one: everything is real but the time in which nobody does
anything.

Where this may be done (as root) its state lies on an ext4 of its own, which says how much of its device was
written: journal, metadata and all. Elsewhere the kernel says what the process caused to be written.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from benchmarks.house import CREDENTIALS, furnish, paired_buttons
from benchmarks.process import Cost
from flicbridge import logs
from flicbridge.alert.drill import DrillResult
from flicbridge.bridge import open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.servicemanager import ServiceManager
from flicbridge.simulator.gateways import FakePhone
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.world import VirtualWorld
from flicbridge.supervise import alongside
from tests.chaos.image import KERNEL, Image, why_not

HOUR_S = 3600.0
SETTLE_S = 60.0
TIMEOUT_S = 900.0


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        once_mb: in the first hour, with all that happens once a day: the self-test.
        later_mb: in the hours after it, with all that happens again and again.
        witness: who says so.
        took_s: how long that took here.
    """

    once_mb: float
    hours: float
    later_mb: float
    witness: str
    took_s: float

    @property
    def per_day_mb(self) -> float:
        """What that comes to in a day."""
        return self.once_mb + self.later_mb * 23 / self.hours

    @classmethod
    def in_own_process(cls, hours: float) -> Self:
        """Go through the first hour and so many more, in a process of its own."""
        command = [sys.executable, "-m", "benchmarks.day", str(hours)]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True)
        return cls(**json.loads(done.stdout))


@contextmanager
def disk() -> Iterator[tuple[Path, str, Callable[[], int]]]:
    """A folder, who says what is written there, and how many bytes that are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if why_not():
            yield folder, "the process", lambda: Cost.of_this_process().written_bytes
            return
        content, mounted = folder / "content", folder / "mounted"
        content.mkdir()
        mounted.mkdir()
        image = Image(folder / "disk.image", mounted)
        image.mount_with(content)
        try:
            yield mounted, "the file system", lambda: _written_by_ext4(mounted)
        finally:
            image.unmount()


def _written_by_ext4(mounted: Path) -> int:
    subprocess.run(["sync", "--file-system", str(mounted)], check=True)
    command = ["findmnt", "--noheadings", "--output", "SOURCE", str(mounted)]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return 1024 * int((KERNEL / Path(device).name / "session_write_kbytes").read_text())


async def live(folder: Path, hours: float, written: Callable[[], int]) -> tuple[int, int]:
    """Idle with four connected buttons; returns what was written in the first hour, and in so many more."""
    clock = LoopClock(asyncio.get_running_loop())
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(FakePhone(username="sms", password="footprint", clock=clock))
        buttons = paired_buttons(asyncio.get_running_loop().time())
        settings = load(await furnish(folder, phone.port, buttons), secrets=False)
        world = await stack.enter_async_context(VirtualWorld())
        there = {
            each.memory.name: await world.add_button(
                each.memory.name, state=each.to_json(asyncio.get_running_loop().time())
            )
            for each in buttons
        }
        radio = simulated_radio(world, there, clock=clock, observe=lambda _: None)
        room = await stack.enter_async_context(radio)
        opening = open_bridge(settings, CREDENTIALS, clock=clock, room=room, manager=ServiceManager.of({}))
        bridge = await stack.enter_async_context(opening)
        async with alongside(bridge=bridge.run):
            await bridge.ready.wait()
            await clock.sleep(SETTLE_S)
            began = written()
            await clock.sleep(HOUR_S)
            held = [drill.found.result for drill in await bridge.list_drills(10)]
            assert held == [DrillResult.OK], f"self-tests in the first hour: {held}"
            after_first = written()
            await clock.sleep(hours * HOUR_S)
            assert all(button.is_connected for button in there.values()), "a link was lost meanwhile"
            return after_first - began, written() - after_first


def main() -> None:
    """Print what was written, for `Written`."""
    hours, began_s = float(sys.argv[1]), time.monotonic()
    logs.set_up("json", "critical")
    with disk() as (folder, witness, written), asyncio.Runner(loop_factory=LeapingEventLoop) as runner:
        once, later = runner.run(live(folder, hours, written))
    took_s = time.monotonic() - began_s
    print(json.dumps(asdict(Written(once / 1e6, hours, later / 1e6, witness, took_s))))


if __name__ == "__main__":
    main()
