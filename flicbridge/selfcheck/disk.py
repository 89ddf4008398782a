"""The disk under the state: room, kind, how long a commit takes; and the database on it."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from flicbridge.bridge import DATABASE
from flicbridge.errors import FlicbridgeError, StoreTooNewError
from flicbridge.guard.host import MIB, DiskFacts, read_host
from flicbridge.outbox.database import COMMIT_TIMEOUT_S
from flicbridge.outbox.inventory import take_inventory
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.finding import Fact, Finding, absent, fault, ok, warning
from flicbridge.texts import N_

# A press is one such write; this many take half a second on a slow card, and are nothing for its life.
WRITES: Final = 20
WRITE_BYTES: Final = 4096
# A press waits for its commit. Some tens of milliseconds are an ordinary card; from here on it is felt.
SLOW_S: Final = 0.2
STALLED_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Writes:
    """How long small writes took until they were on the disk."""

    number: int
    median_s: float
    longest_s: float


async def probe(case: Case) -> list[Finding]:
    """The file system, then the speed, then the database."""
    host = await aside(lambda: read_host(case.state_dir, case.root))
    speed = await aside(lambda: _speed(case))
    store = await aside(lambda: _store(case.state_dir / DATABASE))
    return [*(judged(host.disk) if host.disk else [_unknown()]), speed, store]


def _unknown() -> Finding:
    return absent("disk_unknown", N_("This machine tells nothing about the disk with the state."))


def judged(disk: DiskFacts) -> Iterator[Finding]:
    """What these facts about a disk mean."""
    facts: dict[str, Fact] = {
        "free_mib": disk.free_bytes // MIB,
        "total_mib": disk.total_bytes // MIB,
        "file_system": disk.file_system or "?",
    }
    make_room = N_("Make room: old logs and packages are a good beginning (journalctl --vacuum-size=100M).")
    if disk.is_full:
        text = N_("The disk is full: {free_mib} MiB of {total_mib} MiB are free ({file_system}).")
        yield fault("disk_full", text, make_room, **facts)
    elif disk.is_low:
        text = N_("The disk is nearly full: {free_mib} MiB of {total_mib} MiB are free ({file_system}).")
        yield warning("disk_low", text, make_room, **facts)
    else:
        yield ok(
            "disk", N_("{free_mib} MiB of {total_mib} MiB of the disk are free ({file_system})."), **facts
        )
    if disk.is_read_only:
        text = N_("The disk can only be read.")
        remedy = N_("Look for its errors in `journalctl -k`; a card that turned read-only must be replaced.")
        yield fault("disk_read_only", text, remedy)
    yield from _kind(disk)


def _kind(disk: DiskFacts) -> Iterator[Finding]:
    if disk.is_lost_with_power:
        text = N_("The state lies in memory or behind an overlay ({file_system}): a power cut loses it.")
        remedy = N_("Put state_dir on a real disk; switch the overlay off in raspi-config.")
        yield warning("disk_lost_with_power", text, remedy, file_system=disk.file_system)
    if disk.is_card:
        text = N_("The state lies on a memory card, which wears out: keep a spare one, ready to use.")
        yield ok("disk_card", text, device=disk.device)


def _speed(case: Case) -> Finding:
    if not case.state_dir.is_dir():
        return absent("disk_speed_unknown", N_("Its speed was not measured: there is no state folder yet."))
    try:
        return judged_speed(measured(case.state_dir, case.clock.now_s))
    except PermissionError:
        return absent("disk_speed_unknown", N_("Its speed was not measured: this user may not write there."))
    except OSError as error:
        text = N_("The disk cannot be written: {error}.")
        remedy = N_("Look for its errors in `journalctl -k`, and make room if it is full.")
        return fault("disk_refuses", text, remedy, error=error.strerror or type(error).__name__)


def measured(folder: Path, now_s: Callable[[], float]) -> Writes:
    """Write a little and wait until it is on the disk, again and again. Blocks, and leaves nothing behind.

    Raises:
        OSError: the disk refuses.
    """
    draft = folder / f".selfcheck-{os.getpid()}"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        took_s = [_write(file, now_s) for _ in range(WRITES)]
    finally:
        os.close(file)
        with suppress(OSError):
            draft.unlink()
    return Writes(WRITES, median(took_s), max(took_s))


def _write(file: int, now_s: Callable[[], float]) -> float:
    began_s = now_s()
    os.write(file, bytes(WRITE_BYTES))
    os.fsync(file)
    return now_s() - began_s


def judged_speed(writes: Writes) -> Finding:
    """What these times mean for a press."""
    facts: dict[str, Fact] = {
        "number": writes.number,
        "median_ms": writes.median_s * 1000,
        "longest_ms": writes.longest_s * 1000,
    }
    remedy = N_("Use another card or disk; an industrial or “A2” card, or an SSD.")
    if writes.longest_s > COMMIT_TIMEOUT_S:
        text = N_(
            "The disk stalls: {number} small writes took {median_ms} ms (median), {longest_ms} ms at most."
        )
        return fault("disk_stalls", text, remedy, **facts)
    if writes.median_s > SLOW_S or writes.longest_s > STALLED_S:
        text = N_(
            "The disk is slow: {number} small writes took {median_ms} ms (median), {longest_ms} ms at most."
        )
        return warning("disk_slow", text, remedy, **facts)
    text = N_("{number} small writes took {median_ms} ms (median), {longest_ms} ms at most.")
    return ok("disk_speed", text, **facts)


def _store(path: Path) -> Finding:
    if not path.exists():
        return absent("store_none", N_("There is no database yet."))
    try:
        found = take_inventory(path)
    except StoreTooNewError:
        return _too_new()
    except FlicbridgeError as error:
        word = getattr(error, "fault", "") or "?"
        if word == "too_new":
            return _too_new()
        text = N_("The database cannot be read ({fault}).")
        remedy = N_("Restart the bridge: it sets a damaged database aside and saves what it can.")
        return fault("store_unreadable", text, remedy, fault=word)
    text = N_("The database has schema {schema} and remembers {alerts} alerts.")
    return ok("store", text, schema=found.schema, alerts=found.rows.get("alert", 0))


def _too_new() -> Finding:
    text = N_("The database is of a newer flicbridge.")
    return fault("store_too_new", text, N_("Install that version again."))
