"""What the kernel says that one process costs. Linux only."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used up since it began.

    Attributes:
        cpu_s: time on a processor, of all its threads.
        wakeups: how often one of its threads went to sleep by itself, and so was woken again.
        written_bytes: what it caused to be sent to disks.
    """

    cpu_s: float
    wakeups: int
    written_bytes: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Read it. Threads that ended meanwhile are missing: measure while none ends."""
        threads = list((PROC / str(pid) / "task").iterdir())
        # In nanoseconds; the more usual figures of `stat` are counted in hundredths of a second.
        on_cpu_ns = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)
        wakeups = sum(_field(thread / "status", "voluntary_ctxt_switches") for thread in threads)
        return cls(on_cpu_ns / 1e9, wakeups, _field(PROC / str(pid) / "io", "write_bytes"))

    @classmethod
    def of_this_process(cls) -> Self:
        """Read our own."""
        return cls.of(os.getpid())

    def since(self, before: Self) -> Self:
        """What was added since an earlier reading."""
        return type(self)(
            self.cpu_s - before.cpu_s,
            self.wakeups - before.wakeups,
            self.written_bytes - before.written_bytes,
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """What of a process lies in memory now.

    Attributes:
        pss_mb: its own share; what other processes use too (libraries) is shared out among them.
        rss_mb: all of it.
        private_mb: what would be free if it ended.
    """

    pss_mb: float
    rss_mb: float
    private_mb: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """Read it."""
        file = PROC / str(pid) / "smaps_rollup"
        private = _field(file, "Private_Clean") + _field(file, "Private_Dirty")
        return cls(_field(file, "Pss") / 1024, _field(file, "Rss") / 1024, private / 1024)


def threads_of(pid: int) -> int:
    """How many threads it has."""
    return _field(PROC / str(pid) / "status", "Threads")


def _field(file: Path, name: str) -> int:
    lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
