"""What the bridge costs the machine it runs on, with four connected Flic 2 and nobody pressing them.

    python benchmarks/footprint.py           # half a minute, for `make benchmarks`
    python benchmarks/footprint.py --full    # ten minutes of idling, and a whole day of writing

Memory, processor, wake-ups and start are those of `flicbridge run` itself, in a process of its own, with
bleak and a real D-Bus below it. bluetoothd and the buttons are simulated in this process, and cost the bridge
nothing.

It runs as a package installs it: compiled, and with what `systemd/flicbridge.service` tells the interpreter
and its allocator. What that was is said above the figures.

What it writes in a day cannot be seen in minutes: most of it happens every few minutes, some once a day. So
the same bridge goes through its day on a loop that leaps over idle time, and every byte is really written.
"""

import argparse
import asyncio
import compileall
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import flicbridge
from benchmarks.day import Written
from benchmarks.house import NAMES, PASSWORD, SECRETS, furnish, paired_buttons
from benchmarks.process import Cost, Memory, threads_of
from flicbridge.clock import SystemClock
from flicbridge.simulator.bluetoothd import Bluetoothd, bluetoothd
from flicbridge.simulator.gateways import FakePhone
from flicbridge.simulator.systembus import system_bus

PACKAGE = Path(flicbridge.__file__).parent
UNIT = PACKAGE.parent / "systemd" / "flicbridge.service"
START_TIMEOUT_S = 30.0
TEST_TIMEOUT_S = 60.0
SETTLE_S = 6.0  # the first looks at everything, which a start brings with it
PATIENCE_S = 0.05


@dataclass(frozen=True, slots=True)
class Idle:
    """What idling costs.

    Attributes:
        cpu: share of one core.
        wakeups: a second.
    """

    memory: Memory
    cpu: float
    wakeups: float
    threads: int
    written_bytes: int


# -- the bridge's surroundings -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    """One bridge at work.

    Attributes:
        to_scanning_s: from the start of its process to its first scan.
    """

    pid: int
    config: Path
    daemon: Bluetoothd
    to_scanning_s: float


def as_a_service() -> Mapping[str, str]:
    """What the unit tells Python and the C library."""
    lines = (
        line for line in UNIT.read_text(encoding="utf-8").splitlines() if line.startswith("Environment=")
    )
    told = (each.partition("=") for line in lines for each in shlex.split(line.partition("=")[2]))
    return {name: value for name, _, value in told if name.startswith(("PYTHON", "MALLOC_"))}


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[Running]:
    """Start a bridge, and wait until it holds its four links; it ends with the context."""
    buttons = paired_buttons(asyncio.get_running_loop().time())
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))))
        phone = FakePhone(username="sms", password=PASSWORD, clock=SystemClock())
        await stack.enter_async_context(phone)
        config = await furnish(folder, phone.port, buttons)
        address = await stack.enter_async_context(system_bus(folder))
        daemon = await stack.enter_async_context(bluetoothd(address, buttons))
        log = stack.enter_context((folder / "log").open("w"))
        began_s = asyncio.get_running_loop().time()
        process = subprocess.Popen(  # noqa: ASYNC220 - it takes a millisecond, before anything is measured
            [sys.executable, *options, "-m", "flicbridge", "run", "--config", str(config)],
            env={**os.environ, **as_a_service(), **SECRETS, "DBUS_SYSTEM_BUS_ADDRESS": address},
            stderr=log,
        )
        stack.callback(_end, process)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await daemon.scan_began.wait()
                while daemon.connected < len(buttons):
                    await SystemClock().sleep(PATIENCE_S)
        except TimeoutError:
            sys.exit(f"the bridge holds {daemon.connected} links:\n{(folder / 'log').read_text()}")
        assert daemon.scan_began_s is not None
        yield Running(process.pid, config, daemon, daemon.scan_began_s - began_s)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# -- what is measured --------------------------------------------------------------------------------------


async def idle(bridge: Running, for_s: float) -> Idle:
    """What it costs while nothing happens."""
    await SystemClock().sleep(SETTLE_S)
    before, began_s = Cost.of(bridge.pid), time.monotonic()
    await SystemClock().sleep(for_s)
    cost, took_s = Cost.of(bridge.pid).since(before), time.monotonic() - began_s
    assert bridge.daemon.connected == len(NAMES), "a link was lost while nothing happened"
    return Idle(
        Memory.of(bridge.pid),
        cost.cpu_s / took_s,
        cost.wakeups / took_s,
        threads_of(bridge.pid),
        cost.written_bytes,
    )


async def memory_after_self_test(bridge: Running) -> Memory:
    """What it holds once it has tried itself out, as it does every day."""
    command = (sys.executable, "-m", "flicbridge", "test", "self", "--config", str(bridge.config))
    test = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(TEST_TIMEOUT_S):
        assert await test.wait() == 0, "the self-test failed"
    return Memory.of(bridge.pid)


async def starts(times: int) -> list[float]:
    """How long some more starts took."""
    took = []
    for _ in range(times):
        async with running() as bridge:
            took.append(bridge.to_scanning_s)
    return took


async def measure(*, idle_s: float, times: int) -> tuple[Idle, Memory, list[float]]:
    """Everything that takes a bridge in a process of its own."""
    async with running() as bridge:
        found, first_s = await idle(bridge, idle_s), bridge.to_scanning_s
        later = await memory_after_self_test(bridge)
    return found, later, [first_s, *await starts(times - 1)]


# -- the report --------------------------------------------------------------------------------------------


def show_setting() -> None:
    """What was measured, and as what it ran."""
    told = " ".join(f"{name}={value}" for name, value in as_a_service().items()) or "nothing"
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} processors")
    print(f"told by {UNIT.name}: {told}")


def show_memory(idle: Memory, later: Memory) -> None:
    """All of it, in the kernel's three ways of counting; the third is what nobody but the bridge needs."""
    for when, memory in (("after the start", idle), ("after a self-test", later)):
        _line(f"memory {when}, RSS", f"{memory.rss_mb:.1f} MB", "60 MB", met=memory.rss_mb < 60)
        _line("  PSS (libraries shared out)", f"{memory.pss_mb:.1f} MB", "60 MB", met=memory.pss_mb < 60)
        _line("  its own alone", f"{memory.private_mb:.1f} MB")


def show_idle(found: Idle, idle_s: float) -> None:
    """What idling costs."""
    _line("processor, idle, of one core", f"{100 * found.cpu:.3f} %", "0.2 %", met=found.cpu < 0.002)
    _line("wake-ups a second", f"{found.wakeups:.2f}")
    _line("threads", str(found.threads))
    _line(f"written in these {idle_s:.0f} s", f"{found.written_bytes / 1e3:.0f} kB")


def show_start(took: Sequence[float]) -> None:
    """From nothing to the first scan."""
    median_s = statistics.median(took)
    _line(f"start to scanning, median of {len(took)}", f"{median_s:.2f} s", "1.0 s", met=median_s < 1.0)
    _line("  slowest", f"{max(took):.2f} s")


def show_written(written: Written) -> None:
    """What memory cards have to bear."""
    day_mb = written.per_day_mb
    _line("written in a day", f"{day_mb:.2f} MB", "5 MB", met=day_mb < 5)
    _line("  first hour, with a self-test", f"{written.once_mb:.2f} MB")
    _line(f"  {written.hours:g} h after it", f"{written.later_mb:.2f} MB")
    _line("  so says", written.witness)


def _line(what: str, measured: str, aim: str = "", *, met: bool | None = None) -> None:
    verdict = {None: "", True: "  met", False: "  NOT met"}[met]
    print(f"{what:34}{measured:>12}{('< ' + aim) * bool(aim):>12}{verdict}")


def main() -> None:
    """Measure, print."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--full", action="store_true", help="ten minutes of idling, a whole day of writing")
    wish = parser.parse_args()
    compileall.compile_dir(str(PACKAGE), quiet=1)
    idle_s, times, hours = (600.0, 10, 23.0) if wish.full else (10.0, 2, 1.0)
    found, later, took = asyncio.run(measure(idle_s=idle_s, times=times))
    written = Written.in_own_process(hours)
    show_setting()
    print(f"{'':34}{'measured':>12}{'aim':>12}")
    show_memory(found.memory, later)
    show_idle(found, idle_s)
    show_start(took)
    show_written(written)


if __name__ == "__main__":
    main()
