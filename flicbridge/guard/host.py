"""How the machine under the bridge is: its disk, memory, temperature, supply and clock.

Everything comes from `/proc`, `/sys` and `/run` below a root, so that a test can make up a machine. A fact
that this machine does not tell (another system than Linux, a sandbox, no such sensor) is None, and never an
error. Reading may block on a sick disk: call `read_host` in a thread, with a timeout.

What is called low, hot or short is said here once, for `flicbridge status` and `flicbridge selfcheck` alike.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024

# The store keeps a reserve of 4 MiB and takes it back at three times that: below this, history is next to go.
DISK_FULL_BYTES: Final = 16 * MIB
# Logs and packages of the system grow by such amounts within days.
DISK_LOW_BYTES: Final = 256 * MIB
# A bridge needs less than this; with less to spare the kernel begins to look for somebody to kill.
MEMORY_SHORT_BYTES: Final = 64 * MIB
# From here on a Raspberry Pi slows itself down. Source: Raspberry Pi documentation, "Frequency management".
HOT_C: Final = 80.0
# systemd calls a clock synchronised below this. Source: systemd, ntp_synced() in src/basic/time-util.c.
LARGEST_CLOCK_ERROR_US: Final = 16_000_000

IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
OVERLAYS: Final = frozenset({"overlay", "overlayfs", "aufs"})

# Bits of `get_throttled`. Source: Raspberry Pi documentation, vcgencmd.
UNDER_VOLTAGE_NOW: Final = 1 << 0
THROTTLED_NOW: Final = 1 << 2
UNDER_VOLTAGE_SINCE_BOOT: Final = 1 << 16
THROTTLED_SINCE_BOOT: Final = 1 << 18

# A sensor that is not connected says 0, -273 or some large number.
PLAUSIBLE_C: Final = (-40.0, 150.0)

# Offsets into `struct timex` in units of a long, on every Linux: modes, offset, freq, maxerror.
_TIMEX_LONGS: Final = 64  # the structure is 26 longs where it is largest
_MAXERROR: Final = 3


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The file system that holds the state.

    Attributes:
        free_bytes: what this user may still write.
        total_bytes: its size.
        file_system: its kind, such as `ext4`; empty if unknown.
        device: what it lies on, such as `/dev/mmcblk0p2`; empty if unknown.
        is_read_only: nothing can be written, for whatever reason it was mounted so.
    """

    free_bytes: int
    total_bytes: int
    file_system: str
    device: str
    is_read_only: bool

    @property
    def is_full(self) -> bool:
        """Whether what must be written soon cannot be."""
        return self.free_bytes < DISK_FULL_BYTES

    @property
    def is_low(self) -> bool:
        """Whether somebody should make room."""
        return self.free_bytes < DISK_LOW_BYTES

    @property
    def is_lost_with_power(self) -> bool:
        """Whether it is memory, or an overlay that may be: a commit there survives nothing."""
        return self.file_system in IN_MEMORY | OVERLAYS

    @property
    def is_card(self) -> bool:
        """Whether it is a memory card, which wears out by writing."""
        return Path(self.device).name.startswith("mmcblk")


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """The machine's memory; `available_bytes` is what a program can still get without swapping."""

    available_bytes: int
    total_bytes: int

    @property
    def is_short(self) -> bool:
        """Whether the kernel may soon have to kill somebody."""
        return self.available_bytes < MEMORY_SHORT_BYTES


@dataclass(frozen=True, slots=True)
class SupplyFacts:
    """What a Raspberry Pi knows of its power supply; low voltage corrupts cards and crashes the board.

    Attributes:
        under_voltage: it is too low now.
        under_voltage_since_boot: it was too low at some time since the machine started.
        throttled: the processor is slowed down now, for heat or voltage.
        throttled_since_boot: it was, at some time.
    """

    under_voltage: bool
    under_voltage_since_boot: bool
    throttled: bool = False
    throttled_since_boot: bool = False


@dataclass(frozen=True, slots=True)
class HostFacts:
    """See the module; None is what this machine does not tell.

    Attributes:
        model: what the board calls itself; empty if it has no name.
        temperature_c: of the hottest part that has a sensor.
        clock_synchronised: whether something keeps the wall clock right.
    """

    model: str
    disk: DiskFacts | None
    memory: MemoryFacts | None
    temperature_c: float | None
    supply: SupplyFacts | None
    clock_synchronised: bool | None

    @property
    def is_hot(self) -> bool:
        """Whether the processor slows down, or is about to."""
        return self.temperature_c is not None and self.temperature_c >= HOT_C


def kernel_clock_is_synchronised() -> bool | None:
    """What the kernel thinks of its wall clock; None where it cannot be asked.

    `adjtimex` only looks when no mode is set, and needs no right for that. Many sandboxes kill whoever calls
    it, so `read_host` does not ask from within one.
    """
    import ctypes

    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, TypeError, AttributeError):  # no Linux
        return None
    timex = (ctypes.c_long * _TIMEX_LONGS)()
    if adjtimex(ctypes.byref(timex)) < 0:
        return None
    return timex[_MAXERROR] < LARGEST_CLOCK_ERROR_US


def read_host(
    state_dir: Path,
    root: Path = Path("/"),
    *,
    ask_kernel: Callable[[], bool | None] = kernel_clock_is_synchronised,
) -> HostFacts:
    """Look at the machine. Blocks; raises nothing.

    Args:
        state_dir: the folder whose disk is meant; it need not exist yet.
        root: where `proc`, `sys` and `run` are.
        ask_kernel: tells whether the kernel's clock is synchronised; called outside of sandboxes only.
    """
    return HostFacts(
        model=text_of(root / "proc/device-tree/model").rstrip("\0"),
        disk=_disk(state_dir, root),
        memory=_memory(root),
        temperature_c=max(_temperatures_c(root), default=None),
        supply=_supply(root),
        clock_synchronised=_clock(root, ask_kernel),
    )


def text_of(file: Path) -> str:
    """A small file of the kernel's; nothing if there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(file: Path, base: int = 10) -> int | None:
    try:
        return int(text_of(file), base)
    except ValueError:
        return None


def _disk(state_dir: Path, root: Path) -> DiskFacts | None:
    try:
        folder = state_dir.resolve()
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        size = shutil.disk_usage(folder)
        is_read_only = hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
        return None
    kind, device = _mount(folder, root)
    return DiskFacts(size.free, size.total, kind, device, is_read_only)


def _mount(folder: Path, root: Path) -> tuple[str, str]:
    """Kind and device of the file system that a folder lies on; empty if the kernel does not tell."""
    best, found = -1, ("", "")
    for point, kind, device in _mounts(text_of(root / "proc/self/mountinfo")):
        if folder.is_relative_to(point) and len(point.parts) >= best:  # a later mount hides an earlier one
            best, found = len(point.parts), (kind, device)
    return found


def _mounts(mountinfo: str) -> Iterator[tuple[Path, str, str]]:
    """Mount point, kind and device of each line. Source: proc_pid_mountinfo(5)."""
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        left, right = before.split(), after.split()
        if dash and len(left) >= 5 and len(right) >= 2:
            yield Path(_unescaped(left[4])), right[0], _unescaped(right[1])


def _unescaped(text: str) -> str:
    """The kernel writes blanks and backslashes as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _memory(root: Path) -> MemoryFacts | None:
    kib = {
        name: int(number)
        for name, number in re.findall(r"^(\w+):\s+(\d+) kB$", text_of(root / "proc/meminfo"), re.MULTILINE)
    }
    try:
        return MemoryFacts(kib["MemAvailable"] * 1024, kib["MemTotal"] * 1024)
    except KeyError:
        return None


def _temperatures_c(root: Path) -> Iterator[float]:
    for sensor in (root / "sys/class/thermal").glob("thermal_zone*/temp"):
        if (milli_c := _number(sensor)) is not None and milli_c != 0:
            coldest_c, hottest_c = PLAUSIBLE_C
            if coldest_c <= (celsius := milli_c / 1000) <= hottest_c:
                yield celsius


def _supply(root: Path) -> SupplyFacts | None:
    """From the firmware of a Raspberry Pi; from the mainline kernel's sensor where that is all there is."""
    bits = _number(root / "sys/devices/platform/soc/soc:firmware/get_throttled", 16)
    if bits is not None:
        return SupplyFacts(
            under_voltage=bool(bits & UNDER_VOLTAGE_NOW),
            under_voltage_since_boot=bool(bits & (UNDER_VOLTAGE_NOW | UNDER_VOLTAGE_SINCE_BOOT)),
            throttled=bool(bits & THROTTLED_NOW),
            throttled_since_boot=bool(bits & (THROTTLED_NOW | THROTTLED_SINCE_BOOT)),
        )
    for name in (root / "sys/class/hwmon").glob("hwmon*/name"):
        alarm = _number(name.with_name("in0_lcrit_alarm")) if text_of(name) == "rpi_volt" else None
        if alarm is not None:
            return SupplyFacts(under_voltage=bool(alarm), under_voltage_since_boot=bool(alarm))
    return None


def _clock(root: Path, ask_kernel: Callable[[], bool | None]) -> bool | None:
    if not _is_sandboxed(root) and (answer := ask_kernel()) is not None:
        return answer
    # systemd-timesyncd touches this file whenever it has synchronised. Source: systemd-timesyncd.service(8).
    timesyncd = root / "run/systemd/timesync"
    try:
        return (timesyncd / "synchronized").exists() if timesyncd.exists() else None
    except OSError:
        return None


def _is_sandboxed(root: Path) -> bool:
    """Whether system calls of this process are filtered. Source: proc_pid_status(5), Seccomp."""
    return re.search(r"^Seccomp:\s+[1-9]", text_of(root / "proc/self/status"), re.MULTILINE) is not None
