"""What was committed is there, once, private, and safe from newer and older versions of us."""

import os
import sqlite3
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flicbridge.alert.alert import AlertState, DeliveryState
from flicbridge.alert.desk import Change, Mark
from flicbridge.errors import StoreError, StoreTooNewError
from flicbridge.observation import Observation
from flicbridge.outbox.database import migrations
from flicbridge.outbox.job import Attempt
from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

type MakeChange = Callable[..., Change]


async def reopened(store: Store, path: Path) -> Store:
    await store.close()
    return Store.open(path)


async def test_a_committed_press_is_there_after_reopening(make_change: MakeChange, tmp_path: Path) -> None:
    path, change = tmp_path / "s.db", make_change(5, NOON, ("samu/0", "hub/0"))
    store = Store.open(path)
    assert await store.commit(change, NOON) is None
    store = await reopened(store, path)
    jobs = await store.unfinished(NOON)
    assert {job.delivery for job in jobs} == set(change.deliveries)
    assert [job.alert for job in jobs] == [change.standings[0].alert] * 2
    assert await store.standings() == list(change.standings)
    assert (await store.buttons())["BF12-A34567"].resume == Counter(7, 5)
    await store.close()


async def test_the_same_press_again_writes_nothing_but_the_mark(
    store: Store, make_change: MakeChange
) -> None:
    change = make_change(5, NOON)
    await store.commit(change, NOON)
    again = replace(make_change(5, NOON + timedelta(hours=1)), mark=Mark("BF12-A34567", Counter(7, 8)))
    assert await store.commit(again, NOON) == change.press
    assert len(await store.unfinished(NOON)) == 1
    assert await store.standings() == list(change.standings)
    assert (await store.buttons())["BF12-A34567"].resume == Counter(7, 8)


async def test_a_delivery_that_is_due_is_born_under_way(store: Store, make_change: MakeChange) -> None:
    await store.commit(make_change(5, NOON, ("samu/0",)), NOON)
    await store.commit(make_change(9, NOON, ("hub/0",), after_s=60), NOON)
    attempts = {job.delivery.channel: job.attempts for job in await store.unfinished(NOON)}
    assert attempts == {"samu/0": 1, "hub/0": 0}
    assert {key: (await store.counts())[key] for key in ("queued", "sending")} == {"queued": 1, "sending": 1}


async def test_a_change_is_written_whole_or_not_at_all(store: Store, make_change: MakeChange) -> None:
    change = make_change(5, NOON)
    orphan = replace(change.deliveries[0], alert=change.deliveries[0].id)  # belongs to no alert
    with pytest.raises(StoreError, match="FOREIGNKEY"):
        await store.commit(replace(change, deliveries=(orphan,)), NOON)
    assert await store.standings() == []
    assert await store.buttons() == {}
    assert await store.commit(change, NOON) is None  # and the next commit is not hindered


async def test_history_cannot_be_rewritten(make_change: MakeChange, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = Store.open(path)
    await store.commit(make_change(5, NOON), NOON)
    await store.close()
    with sqlite3.connect(path) as db, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute("UPDATE alert_event SET what = 'cancelled'")
    db.close()


async def test_what_was_sent_is_not_taken_up_again_unless_it_can_be_followed(
    store: Store, make_change: MakeChange
) -> None:
    await store.commit(make_change(5, NOON, ("a/0", "b/0")), NOON)
    for job in await store.unfinished(NOON):
        followed = replace(job, provider_id="p1" if job.delivery.channel == "b/0" else None)
        attempt = Attempt(followed, DeliveryState.SENT, NOON, NOON, 0.1, "")
        await store.settle(attempt)
    assert [job.delivery.channel for job in await store.unfinished(NOON)] == ["b/0"]
    assert await store.unfinished(NOON + timedelta(days=2)) == []


async def test_withdrawing_stops_what_waits_and_nothing_else(store: Store, make_change: MakeChange) -> None:
    change = make_change(5, NOON, ("samu/0",))
    later = make_change(5, NOON, ("colleague/0",), after_s=60)
    await store.commit(replace(change, deliveries=change.deliveries + later.deliveries), NOON)
    cancelled = replace(change.standings[0], state=AlertState.CANCELLED)
    await store.commit(Change(standings=(cancelled,)), NOON)
    assert [job.delivery.channel for job in await store.unfinished(NOON)] == ["samu/0"]


async def test_the_history_of_an_alert_can_be_shown_and_found(store: Store, make_change: MakeChange) -> None:
    change = make_change(5, NOON)
    await store.commit(change, NOON)
    alert = change.standings[0].alert.id
    assert await store.find_alert(str(alert)[:6]) == alert
    assert await store.find_alert("%") is None
    shown = await store.show_alert(alert)
    assert shown is not None
    assert [row["what"] for row in shown["history"]] == ["raised"]
    assert [row["state"] for row in shown["deliveries"]] == ["sending"]


async def test_pruning_forgets_only_what_is_old_closed_and_delivered(
    store: Store, make_change: MakeChange
) -> None:
    for count, state in ((5, AlertState.CLOSED), (9, AlertState.NOTIFIED)):
        change = make_change(count, NOON)
        closed = replace(change.standings[0], state=state)
        await store.commit(replace(change, standings=(closed,), deliveries=()), NOON)
    unsent = make_change(13, NOON)
    await store.commit(
        replace(unsent, standings=(replace(unsent.standings[0], state=AlertState.CLOSED),)), NOON
    )
    assert await store.prune(NOON) == 0
    assert await store.prune(NOON + timedelta(seconds=1)) == 1
    assert len(await store.list_alerts(10)) == 2


async def test_what_was_pruned_is_room_for_what_comes(
    store: Store, tmp_path: Path, make_change: MakeChange
) -> None:
    async def raise_alerts(first: int, at: datetime) -> int:
        """Raise and close hundreds of alerts; returns the size of the file."""
        whole = [make_change(count, at) for count in range(first, first + 400)]
        standings = tuple(replace(c.standings[0], state=AlertState.CLOSED) for c in whole)
        await store.commit(Change(standings=standings, history=tuple(c.history[0] for c in whole)), at)
        await store._writer.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        return (tmp_path / "flicbridge.db").stat().st_size

    size = await raise_alerts(0, NOON)
    assert await store.prune(NOON + timedelta(seconds=1)) == 400
    assert await raise_alerts(1000, NOON + timedelta(days=1)) == size


async def test_a_new_pairing_starts_with_fresh_counters(store: Store, make_change: MakeChange) -> None:
    await store.commit(make_change(5, NOON), NOON)
    await store.put_pairing("BF12-A34567", '{"secret": "x"}')
    record = (await store.buttons())["BF12-A34567"]
    assert record.resume is None
    assert record.pairing_json == '{"secret": "x"}'
    await store.put_pairing("BF12-A34567", "{}", Counter(9, 2))
    assert (await store.buttons())["BF12-A34567"].resume == Counter(9, 2)
    assert "secret" not in repr(record)


async def test_a_forgotten_pairing_leaves_its_counters_and_its_alerts(
    store: Store, make_change: MakeChange
) -> None:
    await store.commit(make_change(5, NOON), NOON)
    resume = (await store.buttons())["BF12-A34567"].resume
    await store.put_pairing("BF12-A34567", '{"secret": "x"}', resume)
    assert await store.forget_pairing("BF12-A34567") is True
    assert await store.forget_pairing("BF12-A34567") is False
    record = (await store.buttons())["BF12-A34567"]
    assert (record.pairing_json, record.resume) == (None, resume)
    assert len(await store.list_alerts(10)) == 1


async def test_a_forgotten_secret_is_gone_from_the_disk(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "secret.db")
    secret = "f00d" * 10
    for number in range(20):  # enough that pages are split and moved
        await store.put_pairing(f"BF{number:02}-A34567", f'{{"material": "{secret}{number:02}"}}')
    before = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert f"{secret}07".encode() in before
    await store.forget_pairing("BF07-A34567")
    after = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert f"{secret}07".encode() not in after
    assert f"{secret}08".encode() in after
    await store.close()


async def test_what_was_observed_of_a_part_follows_its_name_or_goes(store: Store) -> None:
    old, other = Observation("button:poche", "battery_mv", 2980), Observation("radio", "state", "off")
    stale = Observation("button:veste", "battery_mv", 2000)
    await store.put_observations([(old, NOON), (other, NOON), (stale, NOON)])
    await store.rename_subject("button:poche", "button:veste")
    expected = {Observation("button:veste", "battery_mv", 2980), other}
    assert {observation for observation, _ in await store.observations()} == expected
    await store.forget_subject("button:veste")
    assert [observation for observation, _ in await store.observations()] == [other]


async def test_the_mark_of_a_duo_is_a_count_for_each_key(store: Store) -> None:
    await store.put_pairing("DF12-A34567", "{}", Counter(9, 2, 6))
    assert (await store.buttons())["DF12-A34567"].resume == Counter(9, 2, 6)
    await store.commit(Change(mark=Mark("DF12-A34567", Counter(9, 2, 2**32 - 1))), NOON)
    assert (await store.buttons())["DF12-A34567"].resume == Counter(9, 2, 2**32 - 1)


async def test_a_database_from_before_there_were_duos_keeps_its_buttons(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as db:
        db.executescript(f"{migrations()[0]}\nPRAGMA user_version = 1;")
        db.execute("INSERT INTO button VALUES ('BF12-A34567', '{}', 9, 41)")
        db.execute("INSERT INTO button VALUES ('BF12-A99999', NULL, NULL, NULL)")
    db.close()
    store = Store.open(path)
    found = await store.buttons()
    await store.close()
    assert found["BF12-A34567"].resume == Counter(9, 41, 0)
    assert found["BF12-A99999"].resume is None


async def test_observations_survive_a_restart(store: Store) -> None:
    found = [
        (Observation("button:poche", "battery_mv", 2950.0), NOON),
        (Observation("radio", "error", None), NOON),
    ]
    await store.put_observations(found)
    await store.put_observations([(Observation("radio", "error", "gone"), NOON)])
    assert {(o.subject, o.value) for o, _ in await store.observations()} == {
        ("button:poche", 2950.0),
        ("radio", "gone"),
    }


async def test_a_database_of_a_newer_version_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNewError, match="newer flicbridge"):
        Store.open(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["s.db"]


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look like a file" * 40, b"x"]
)
async def test_a_file_that_is_no_database_is_refused_and_left_untouched(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot use the database"):
        Store.open(path)
    assert path.read_bytes() == content


async def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open the database"):
        Store.open(tmp_path / "nowhere" / "s.db")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
async def test_the_files_are_readable_by_their_owner_alone(make_change: MakeChange, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store.open(tmp_path / "s.db")
        await store.commit(make_change(5, NOON), NOON)
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    finally:
        os.umask(old)
    await store.close()
    assert modes == {"s.db": 0o600, "s.db-wal": 0o600, "s.db-shm": 0o600}


async def test_every_commit_reaches_the_disk_before_it_returns(store: Store) -> None:
    def pragmas(db: sqlite3.Connection) -> tuple[str, int, int]:
        return tuple(
            db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        )

    assert await store._writer.run(pragmas) == ("wal", 2, 1)


async def test_a_closed_store_says_so(tmp_path: Path, make_change: MakeChange) -> None:
    store = Store.open(tmp_path / "s.db")
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.commit(make_change(5, NOON), NOON)


async def test_warming_up_reads_a_store_of_any_size_and_changes_nothing(
    store: Store, make_change: MakeChange, tmp_path: Path
) -> None:
    await store.warm_up()
    for count in range(20):
        await store.commit(make_change(count, NOON), NOON)
    before = await store.list_alerts(100)
    await store.warm_up()
    assert await store.list_alerts(100) == before
