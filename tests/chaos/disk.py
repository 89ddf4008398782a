"""What a disk can do to a message: a row for every fault, through `flicbridge run` on a real, sick disk.

Before the fault a press is made that must be told. While it lasts more are made, which must be told all the
same, and one that cannot be told yet, for the receiver is away too. Once it has ended the bridge must get
well, owe nothing, and have written down what it missed.
"""

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos import image, syscalls
from tests.chaos.bench import Bench
from tests.chaos.image import Image
from tests.chaos.patient import Patient, open_patient
from tests.chaos.row import Row
from tests.chaos.syscalls import FailingCalls

PRESSES: Final = 3
PAGE_BYTES: Final = 4096
FILLER_BYTES: Final = 2**20
NEWER: Final = 99

type Sickness = Callable[[Patient], AbstractAsyncContextManager[None]]
"""Makes a running, healthy bridge's disk sick, and well again when it is left."""


def nothing_needed() -> str:
    """Can be tried anywhere."""
    return ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a disk fails.

    Attributes:
        name: its row.
        problem: what `status` must say.
        sickness: how it comes and goes.
        why_not: why it cannot be tried here.
        keeps: whether the bridge goes on with the file that it had.
        ends: whether it ends without a person.
    """

    name: str
    problem: str
    sickness: Sickness
    why_not: Callable[[], str] = nothing_needed
    keeps: bool = True
    ends: bool = True


async def disk_faults(bench: Bench) -> list[Row]:
    """A row for every fault, side by side, for mostly they wait for the bridge to look again."""
    faults = FAULTS[:SHORT] if bench.is_short else FAULTS
    async with asyncio.TaskGroup() as group:
        trials = [group.create_task(_row(fault), name=fault.name) for fault in faults]
    rows = [trial.result() for trial in trials]
    for row in rows:
        bench.say(f"{row.fault}: worst {row.worst_s:.1f} s")
    return rows


async def _row(fault: Fault) -> Row:
    row = Row(fault.name)
    if reason := await asyncio.to_thread(fault.why_not):
        row.skipped = reason
        return row
    async with open_patient() as patient:
        await patient.start()
        await patient.press()
        await patient.told()
        healthy = len(patient.taken)
        async with fault.sickness(patient):
            await _live_with_it(patient, fault.problem)
        if fault.ends:
            await patient.well()
        await patient.press()
        await patient.told()
        await patient.examine(0 if fault.keeps else healthy)
        patient.add_to(row)
    return row


async def _live_with_it(patient: Patient, problem: str) -> None:
    """Everybody is told while the disk is sick, and whoever was away as soon as they are back."""
    await patient.press(PRESSES)
    await patient.told()
    patient.be_away()
    await patient.press()
    await patient.noticed(problem)
    patient.be_back()
    await patient.told()


# -- full ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _on_image(patient: Patient) -> AsyncGenerator[Image]:
    """Carry the bridge over to a disk of its own."""
    await patient.kill()
    disk = Image(patient.folder / "disk.image", patient.state)
    content = patient.folder / "content"
    patient.state.rename(content)
    patient.state.mkdir(mode=0o700)
    for socket in content.glob("*.sock"):
        socket.unlink()
    patient.at_the_end(disk.unmount)
    await asyncio.to_thread(disk.mount_with, content)
    await patient.start()
    yield disk


@asynccontextmanager
async def _full(patient: Patient) -> AsyncGenerator[None]:
    """Twice: the first time the bridge gives up its reserve; the second time there is none."""
    async with _on_image(patient):
        fillers = patient.state / "filler", patient.state / "another filler"
        await asyncio.to_thread(_fill, fillers[0])
        await patient.press(PRESSES)
        await asyncio.to_thread(_fill, fillers[1])
        yield
        for filler in fillers:
            filler.unlink()


def _fill(filler: Path) -> None:
    """Take all the room there is."""
    size = FILLER_BYTES
    with filler.open("ab", buffering=0) as file:
        while size:
            try:
                file.write(bytes(size))
                os.fsync(file.fileno())
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


# -- read-only -------------------------------------------------------------------------------------------


@asynccontextmanager
async def _read_only(patient: Patient) -> AsyncGenerator[None]:
    """The kernel meets damage and lets nobody write, until the machine is started again."""
    async with _on_image(patient) as disk:
        await asyncio.to_thread(disk.damage)
        yield
        patient.forget_unsafe()
        await patient.kill()
        await asyncio.to_thread(disk.repair)
        await patient.start()


# -- I/O errors ------------------------------------------------------------------------------------------


def _calls_fail(calls: str) -> Sickness:
    @asynccontextmanager
    async def sickness(patient: Patient) -> AsyncGenerator[None]:
        files = patient.database, Path(f"{patient.database}-wal")
        failing = FailingCalls(calls, files, patient.folder / "trace")
        await asyncio.to_thread(failing.begin, patient.pid)
        try:
            yield
        finally:
            await asyncio.to_thread(failing.end)
        if not failing.has_failed:
            patient.wrong.append(f"no call of {calls} was made to fail")

    return sickness


# -- corrupt, missing, newer -----------------------------------------------------------------------------


@asynccontextmanager
async def _corrupt(patient: Patient) -> AsyncGenerator[None]:
    """All but the first page is overwritten while nobody looks, as by a card that mixes up its blocks."""
    await patient.kill()
    with closing(sqlite3.connect(patient.database)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with patient.database.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(PAGE_BYTES)
        file.write(b"\xa5" * (size - PAGE_BYTES))
    await patient.start()
    yield
    if not list(patient.state.glob("flicbridge.db.corrupt-*")):
        patient.wrong.append("the damaged file is not there any more")


@asynccontextmanager
async def _missing(patient: Patient) -> AsyncGenerator[None]:
    """The folder is carried away under a running bridge, and a file is where it was."""
    elsewhere = patient.folder / "elsewhere"
    patient.state.rename(elsewhere)
    (elsewhere / "api.json").unlink()  # it says where the socket was
    patient.ask_at(elsewhere)
    patient.state.write_text("a file where the folder should be")
    yield
    patient.state.unlink()


@asynccontextmanager
async def _newer(patient: Patient) -> AsyncGenerator[None]:
    """A newer program has written the database."""
    await patient.kill()
    with closing(sqlite3.connect(patient.database)) as db:
        db.execute(f"PRAGMA user_version = {NEWER}")
    newer = patient.database
    before = newer.read_bytes()
    await patient.start()
    await patient.press()
    (patient.database,) = patient.state.glob("flicbridge.db.schema-*[0-9]")
    yield
    if newer.read_bytes() != before:
        patient.wrong.append("a database of a newer version was changed")


FAULTS: Final[Sequence[Fault]] = (
    Fault("disk: directory missing", "store_sick", _missing, keeps=False),
    Fault("disk: I/O error from write", "store_sick", _calls_fail("pwrite64"), syscalls.why_not),
    Fault("disk: I/O error from fsync", "store_sick", _calls_fail("fsync,fdatasync"), syscalls.why_not),
    Fault("disk: full, and the reserve spent", "disk_full", _full, image.why_not),
    Fault("disk: turns read-only", "store_sick", _read_only, image.why_not),
    Fault("disk: corrupt", "store_set_aside", _corrupt, keeps=False, ends=False),
    Fault("disk: newer version", "store_too_new", _newer, keeps=False, ends=False),
)
SHORT: Final = 2
