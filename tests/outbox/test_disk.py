"""Real faults of the disk: what was promised is kept, what cannot be promised is said, nothing is deleted."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from flicbridge.alert.alert import AlertEvent, AlertState, DeliveryState, Happening
from flicbridge.alert.desk import Change
from flicbridge.clock import SystemClock
from flicbridge.errors import StoreError
from flicbridge.outbox import database
from flicbridge.outbox.database import migrations
from flicbridge.outbox.fault import Fault
from flicbridge.outbox.health import Health
from flicbridge.outbox.job import Attempt
from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SERIAL = "BF12-A34567"
WELL = Health(None, None, reserve=True, aside=None, beside=None, owed=0)
ROOM_BYTES = 24 * 1024 * 1024

type MakeChange = Callable[..., Change]


@pytest.fixture
async def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
async def lasting(state_dir: Path) -> AsyncIterator[Store]:
    opened = Store.open_lasting(state_dir / "s.db")
    yield opened
    await opened.close()


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@pytest.fixture
def small_disk(state_dir: Path) -> Iterator[Path]:
    """A file system of its own, that can be filled and made read-only."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system, on Linux")
    state_dir.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "none", str(state_dir))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    yield state_dir
    subprocess.run(["umount", "--lazy", str(state_dir)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    filler = folder / "filler"
    chunk = 1024 * 1024
    with filler.open("ab", buffering=0) as file:
        while chunk:
            try:
                file.write(bytes(chunk))
            except OSError:
                chunk //= 2
    return filler


async def attempted(store: Store, state: DeliveryState = DeliveryState.SENT) -> Attempt:
    (job,) = await store.unfinished(NOON)
    return Attempt(job, state, NOON, NOON, 0.1, "")


async def alerts(store: Store) -> set[str]:
    return {str(standing.alert.id) for standing in await store.list_alerts(1000)}


async def many_presses(store: Store, make_change: MakeChange) -> None:
    for count in range(1000):
        await store.commit(make_change(count, NOON), NOON)


# -- sparing it ------------------------------------------------------------------------------------------


def journal_of(state_dir: Path) -> bytes:
    return (state_dir / "s.db-wal").read_bytes()


async def test_a_disk_that_is_well_can_be_looked_at_without_writing(lasting: Store, state_dir: Path) -> None:
    await lasting.mend()
    before = journal_of(state_dir)
    assert await lasting.mend(spare=True) == WELL
    assert journal_of(state_dir) == before
    assert await lasting.mend() == WELL
    assert journal_of(state_dir) != before


async def test_sparing_a_disk_overlooks_neither_that_it_is_full_nor_that_there_is_room_again(
    small_disk: Path, lasting: Store, make_change: MakeChange
) -> None:
    filler = fill(small_disk)
    with pytest.raises(StoreError):
        await many_presses(lasting, make_change)
    assert (await lasting.mend(spare=True)).fault is Fault.FULL
    filler.unlink()
    assert await lasting.mend(spare=True) == WELL


async def test_a_disk_that_is_nearly_full_is_tried_and_not_only_looked_at(
    small_disk: Path, lasting: Store
) -> None:
    await lasting.mend()
    before = journal_of(small_disk)
    fill(small_disk)
    await lasting.mend(spare=True)
    assert journal_of(small_disk) != before


async def test_sparing_a_disk_does_not_overlook_that_the_database_is_gone(
    lasting: Store, state_dir: Path
) -> None:
    await lasting.mend()
    for file in state_dir.glob("s.db*"):
        file.unlink()
    assert (await lasting.mend(spare=True)).error is None
    assert (state_dir / "s.db").exists()
    assert lasting.openings == 2


async def test_after_a_write_that_failed_looking_is_not_enough(
    lasting: Store, make_change: MakeChange
) -> None:
    await lasting.commit(make_change(5, NOON), NOON)
    with files_no_longer_than(4096):
        with pytest.raises(StoreError):
            await lasting.commit(make_change(9, NOON), NOON)
        assert (await lasting.mend(spare=True)).fault is Fault.IO_ERROR
    assert (await lasting.mend(spare=True)).error is None


# -- full ------------------------------------------------------------------------------------------------


async def test_a_full_disk_takes_presses_from_the_room_that_was_kept(
    small_disk: Path, lasting: Store, make_change: MakeChange
) -> None:
    assert await lasting.mend() == WELL
    filler = fill(small_disk)
    for count in range(100):  # more presses than a bad week has
        assert await lasting.commit(make_change(count, NOON), NOON) is None
    assert len(await alerts(lasting)) == 100
    assert await lasting.mend() == replace(WELL, reserve=False)
    filler.unlink()
    assert await lasting.mend() == WELL


async def test_on_a_full_disk_old_history_can_be_forgotten(
    small_disk: Path, lasting: Store, make_change: MakeChange
) -> None:
    for count in range(300):
        change = make_change(count, NOON)
        closed = replace(change.standings[0], state=AlertState.CLOSED)
        await lasting.commit(replace(change, standings=(closed,), deliveries=()), NOON)
    await lasting.mend()
    fill(small_disk)
    assert await lasting.prune(datetime(2027, 1, 1, tzinfo=UTC)) == 300  # in several slices
    assert await lasting.list_alerts(10) == []


async def test_a_disk_without_any_room_refuses_and_takes_again_once_there_is_some(
    small_disk: Path, lasting: Store, make_change: MakeChange
) -> None:
    filler = fill(small_disk)
    with pytest.raises(StoreError) as refused:
        await many_presses(lasting, make_change)
    assert refused.value.fault == Fault.FULL
    assert (await lasting.mend()).fault is Fault.FULL
    filler.unlink()
    assert await lasting.mend() == WELL
    assert await lasting.commit(make_change(2000, NOON), NOON) is None


# -- read-only -------------------------------------------------------------------------------------------


async def test_from_a_read_only_disk_everything_owed_is_known_and_nothing_is_promised(
    small_disk: Path, lasting: Store, make_change: MakeChange
) -> None:
    store = Store.open(small_disk / "s.db")
    await store.put_pairing(SERIAL, "{}", Counter(7, 2))
    await store.commit(make_change(5, NOON), NOON)
    kept = {file.name: file.read_bytes() for file in small_disk.iterdir()}  # as a power cut leaves it
    await store.close()
    for name, content in kept.items():
        (small_disk / name).write_bytes(content)
    _mount("-o", "remount,ro", str(small_disk))
    assert [job.alert.button for job in await lasting.unfinished(NOON)] == ["poche"]
    assert len(await lasting.standings()) == 1
    assert (await lasting.buttons())[SERIAL].resume == Counter(7, 5)
    with pytest.raises(StoreError) as refused:
        await lasting.commit(make_change(9, NOON), NOON)
    assert refused.value.fault == Fault.READ_ONLY
    assert (await lasting.mend()).fault is Fault.READ_ONLY
    _mount("-o", "remount,rw", str(small_disk))
    assert await lasting.commit(make_change(9, NOON), NOON) is None
    assert await lasting.mend() == WELL
    assert len(await alerts(lasting)) == 2


# -- I/O errors ------------------------------------------------------------------------------------------


@contextmanager
def files_no_longer_than(size_bytes: int) -> Iterator[None]:
    """Let the kernel fail every write beyond a size, as a dying disk does: SQLite reports an I/O error."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))  # Python ignores SIGXFSZ
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_write_that_fails_promises_nothing_and_the_next_one_is_a_new_try(
    lasting: Store, make_change: MakeChange
) -> None:
    await lasting.commit(make_change(5, NOON), NOON)
    with files_no_longer_than(4096):
        with pytest.raises(StoreError) as refused:
            await lasting.commit(make_change(9, NOON), NOON)
        assert refused.value.fault == Fault.IO_ERROR
        assert (await lasting.mend()).fault is Fault.IO_ERROR
    assert await lasting.commit(make_change(9, NOON), NOON) is None
    assert (await lasting.mend()).error is None
    assert len(await alerts(lasting)) == 2


async def test_outcomes_that_a_sick_disk_refused_are_written_down_later(
    lasting: Store, make_change: MakeChange
) -> None:
    change = make_change(5, NOON)
    await lasting.commit(change, NOON)
    attempt = await attempted(lasting)
    with files_no_longer_than(4096):
        with pytest.raises(StoreError):
            await lasting.settle(attempt)
        assert (await lasting.mend()).error is not None
        assert lasting.owed == 1
    await lasting.pay()
    assert lasting.owed == 0
    shown = await lasting.show_alert(change.standings[0].alert.id)
    assert shown is not None
    assert [row["state"] for row in shown["deliveries"]] == ["sent"]
    assert [row["outcome"] for row in shown["attempts"]] == ["sent"]


@pytest.mark.real_time
async def test_a_disk_that_hangs_is_waited_for_once(
    lasting: Store, make_change: MakeChange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lasting.commit(make_change(5, NOON), NOON)
    monkeypatch.setattr(database, "COMMIT_TIMEOUT_S", 0.2)
    begun, ended = threading.Event(), threading.Event()

    def hang(_db: sqlite3.Connection) -> bool:
        begun.set()
        return ended.wait(60)

    while not begun.is_set():  # on a busy machine a thread may not even begin in time
        with pytest.raises(StoreError, match="did not answer"):
            await lasting._writer.run(hang)
    with pytest.raises(StoreError, match="still does not answer") as refused:
        await lasting.commit(make_change(9, NOON), NOON)
    assert refused.value.fault == Fault.STALLED
    monkeypatch.setattr(database, "COMMIT_TIMEOUT_S", 60.0)
    ended.set()
    async with asyncio.timeout(60):
        while (await lasting.mend()).fault is Fault.STALLED:
            await SystemClock().sleep(0.01)
    assert await lasting.commit(make_change(9, NOON), NOON) is None


# -- corrupt ---------------------------------------------------------------------------------------------


async def test_a_file_that_is_no_database_is_set_aside_and_never_deleted(
    state_dir: Path, lasting: Store, make_change: MakeChange
) -> None:
    state_dir.mkdir()
    garbage = b"not a database at all, but long enough to look like a file" * 40
    (state_dir / "s.db").write_bytes(garbage)
    assert await lasting.commit(make_change(5, NOON), NOON) is None
    health = await lasting.mend()
    assert health.error is None
    assert health.aside is not None
    assert (state_dir / health.aside).read_bytes() == garbage
    (state_dir / health.aside).unlink()  # somebody has looked
    assert await lasting.mend() == WELL


async def test_damage_met_while_running_costs_no_press_and_no_button(
    state_dir: Path, lasting: Store, make_change: MakeChange
) -> None:
    await lasting.put_pairing(SERIAL, '{"secret": "x"}', Counter(7, 4))
    await lasting.commit(make_change(5, NOON), NOON)
    await lasting._writer.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    size = (state_dir / "s.db").stat().st_size
    with (state_dir / "s.db").open("r+b") as file:  # all but the first page: schema and version are readable
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    await lasting._writer.run(lambda db: db.execute("PRAGMA shrink_memory").fetchall())
    assert await lasting.commit(make_change(9, NOON), NOON) is None
    health = await lasting.mend()
    assert health.error is None
    assert health.aside is not None
    assert (await lasting.buttons())[SERIAL].pairing_json == '{"secret": "x"}'
    assert len(await lasting.unfinished(NOON)) == 1
    again = Store.open(state_dir / "s.db")
    assert len(await again.unfinished(NOON)) == 1
    await again.close()


async def test_what_can_still_be_read_of_a_damaged_database_is_saved(
    state_dir: Path, lasting: Store, make_change: MakeChange
) -> None:
    state_dir.mkdir()
    store = Store.open(state_dir / "s.db")
    for count in range(5, 45):
        await store.commit(make_change(count, NOON), NOON)
    await store.close()
    with sqlite3.connect(state_dir / "s.db") as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'delivery_waiting'").fetchone()
    db.close()
    with (state_dir / "s.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
    assert len(await lasting.unfinished(NOON)) == 40
    assert len(await lasting.standings()) == 40
    assert (await lasting.mend()).aside is not None


async def test_an_outcome_for_a_message_that_was_lost_brings_it_back(
    lasting: Store, make_change: MakeChange, state_dir: Path
) -> None:
    change = make_change(5, NOON)
    await lasting.commit(change, NOON)
    attempt = await attempted(lasting, DeliveryState.QUEUED)
    shutil.rmtree(state_dir)
    await lasting.settle(attempt)
    assert [job.id for job in await lasting.unfinished(NOON)] == [attempt.job.id]
    assert await lasting.commit(change, NOON) is None  # the press itself is not in there
    assert len(await lasting.unfinished(NOON)) == 1


async def test_what_was_sent_from_memory_is_written_down_with_the_code_it_told(
    lasting: Store, make_change: MakeChange
) -> None:
    change = make_change(5, NOON)
    await lasting.commit(change, NOON)
    (job,) = await lasting.unfinished(NOON)
    elsewhere = make_change(9, NOON)
    sent = replace(job, delivery=elsewhere.deliveries[0], alert=elsewhere.standings[0].alert, code="4E3C")
    await lasting.settle(Attempt(sent, DeliveryState.SENT, NOON, NOON, 0.1, ""))
    codes = {standing.alert.id: standing.code for standing in await lasting.standings()}
    assert codes[sent.alert.id] == "4E3C"


async def test_a_code_is_written_down_with_the_press_if_it_was_not_before(
    lasting: Store, make_change: MakeChange
) -> None:
    change = make_change(5, NOON)
    await lasting.commit(change, NOON)
    told = replace(change.standings[0], code="4E3C")
    await lasting.commit(replace(change, press=None, standings=(told,), history=()), NOON)
    assert [standing.code for standing in await lasting.standings()] == ["4E3C"]


async def test_what_a_hanging_disk_wrote_after_all_is_not_written_twice(
    lasting: Store, make_change: MakeChange
) -> None:
    change = make_change(5, NOON)
    await lasting.commit(change, NOON)
    attempt = await attempted(lasting)
    event = AlertEvent(change.standings[0].alert.id, Happening.NOTIFIED, NOON, "recipient:samu")
    for _ in range(2):
        await lasting.settle(attempt, event)
    shown = await lasting.show_alert(event.alert)
    assert shown is not None
    assert [row["what"] for row in shown["history"]] == ["raised", "notified"]
    assert [row["outcome"] for row in shown["attempts"]] == ["sent"]


async def test_what_cannot_be_written_at_all_keeps_nothing_else_from_the_disk(
    lasting: Store, make_change: MakeChange
) -> None:
    change = make_change(5, NOON)
    await lasting.commit(change, NOON)
    attempt = await attempted(lasting)
    of_nothing = AlertEvent(uuid4(), Happening.NOTIFIED, NOON, "recipient:samu")
    await lasting.settle(attempt, of_nothing)
    assert lasting.owed == 0
    shown = await lasting.show_alert(change.standings[0].alert.id)
    assert shown is not None
    assert [row["state"] for row in shown["deliveries"]] == ["sent"]


# -- missing ---------------------------------------------------------------------------------------------


async def test_a_folder_that_cannot_be_made_refuses_until_it_can(
    state_dir: Path, lasting: Store, make_change: MakeChange
) -> None:
    state_dir.write_text("a file where the folder should be")
    with pytest.raises(StoreError) as refused:
        await lasting.commit(make_change(5, NOON), NOON)
    assert refused.value.fault == Fault.MISSING
    with pytest.raises(StoreError):
        await lasting.buttons()
    assert (await lasting.mend()).fault is Fault.MISSING
    state_dir.unlink()
    assert await lasting.commit(make_change(5, NOON), NOON) is None
    assert await lasting.mend() == WELL


async def test_a_database_that_was_removed_is_noticed_before_anything_is_promised(
    state_dir: Path, lasting: Store, make_change: MakeChange
) -> None:
    await lasting.put_pairing(SERIAL, '{"secret": "x"}', Counter(7, 4))
    await lasting.commit(make_change(5, NOON), NOON)
    shutil.rmtree(state_dir)
    assert await lasting.commit(make_change(9, NOON), NOON) is None
    assert lasting.openings == 2
    again = Store.open(state_dir / "s.db")  # on disk, and not in a file without a name
    assert len(await again.standings()) == 1
    assert (await again.buttons())[SERIAL].pairing_json == '{"secret": "x"}'
    await again.close()


# -- a newer version -------------------------------------------------------------------------------------


async def test_a_newer_database_is_left_alone_and_a_file_of_our_own_used_beside_it(
    state_dir: Path, lasting: Store, make_change: MakeChange
) -> None:
    state_dir.mkdir()
    store = Store.open(state_dir / "s.db")
    await store.put_pairing(SERIAL, '{"secret": "x"}', Counter(7, 4))
    await store.close()
    with sqlite3.connect(state_dir / "s.db") as db:
        db.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    db.close()
    before = (state_dir / "s.db").read_bytes()
    assert (await lasting.buttons())[SERIAL].pairing_json == '{"secret": "x"}'
    assert await lasting.commit(make_change(5, NOON), NOON) is None
    beside = f"s.db.schema-{len(migrations())}"
    assert await lasting.mend() == replace(WELL, beside=beside)
    assert (state_dir / "s.db").read_bytes() == before
    again = Store.open(state_dir / beside)
    assert len(await again.standings()) == 1
    await again.close()
