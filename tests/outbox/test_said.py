"""What people said about an alert, on disk: of new alerts, and of a database from before anybody could."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from flicbridge.alert.alert import AlertEvent, AlertState, DeliveryState, Happening, Purpose, Way
from flicbridge.alert.desk import Change
from flicbridge.outbox.database import migrations
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.rows import standing_row
from flicbridge.outbox.store import Store

NOW = datetime(2026, 3, 1, 14, 2, tzinfo=UTC)
SAID_AT = NOW + timedelta(seconds=3)


async def test_who_said_it_how_and_when_is_kept(store: Store, make_change: Any) -> None:
    change = make_change(1, NOW)
    alert = change.standings[0].alert.id
    await store.commit(change, NOW)
    event = AlertEvent(alert, Happening.ACKNOWLEDGED, NOW, "recipient:samu", None, Way.SMS, SAID_AT)
    doubted = replace(change.standings[0], code="K7Q3", doubted=2, seen_as=AlertState.CANCELLED)
    follow_up = replace(change.deliveries[0], purpose=Purpose.DOUBTED, by="cli", way=Way.CLI, id=alert)
    await store.commit(Change(standings=(doubted,), history=(event,), deliveries=(follow_up,)), NOW)
    shown = await store.show_alert(alert)
    assert shown is not None
    assert (shown["history"][-1]["way"], shown["history"][-1]["said_at"]) == ("sms", SAID_AT.timestamp())
    assert {(d["purpose"], d["by"], d["way"]) for d in shown["deliveries"]} == {
        ("alert", "", ""),
        ("doubted", "cli", "cli"),
    }
    [standing] = await store.standings()
    assert (standing.doubted, standing.seen_as, standing.face) == (
        2,
        AlertState.CANCELLED,
        AlertState.CANCELLED,
    )
    jobs = await store.unfinished(NOW)
    assert {job.delivery.way for job in jobs} == {Way.NONE, Way.CLI}


async def test_the_providers_own_times_stand_beside_ours(store: Store, make_change: Any) -> None:
    change = make_change(1, NOW)
    await store.commit(change, NOW)
    job = Job(change.deliveries[0], change.standings[0].alert, attempts=1, provider_id="p")
    for state, took_s in ((DeliveryState.SENT, 1.0), (DeliveryState.DELIVERED, 9.0)):
        said_at = NOW + timedelta(seconds=took_s - 0.5)
        attempt = Attempt(job, state, NOW, NOW, took_s, "", provider_at=said_at)
        await store.settle(attempt)
    shown = await store.show_alert(change.standings[0].alert.id)
    assert shown is not None
    [delivery] = shown["deliveries"]
    ours = delivery["sent_at"] - NOW.timestamp(), delivery["delivered_at"] - NOW.timestamp()
    theirs = tuple(delivery[key] - NOW.timestamp() for key in ("provider_sent_at", "provider_delivered_at"))
    assert ours == (1.0, 9.0)
    assert theirs == (0.5, 8.5)


async def test_what_waits_of_a_hushed_alert_is_not_counted(store: Store, make_change: Any) -> None:
    change = make_change(1, NOW, ("samu/0", "samu/1"), after_s=60.0)
    await store.commit(change, NOW)
    assert (await store.counts())["queued"] == 2
    hushed = replace(change.standings[0], doubted=1, seen_as=AlertState.CANCELLED)
    await store.commit(Change(standings=(hushed,)), NOW)
    assert (await store.counts())["queued"] == 0
    assert (await store.counts())["oldest_due_at"] is None


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
async def test_an_older_database_keeps_its_alerts_history_and_messages(
    tmp_path: Path, make_change: Any, version: int
) -> None:
    change = make_change(1, NOW)
    alert = standing_row(change.standings[0])
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as db:
        db.executescript("".join(migrations()[:version]) + f"PRAGMA user_version = {version};")
        known = ("id", "kind", "state", "presses", "pressed_at", "last_press_at", "told_at", "alert_json")
        marks = ", ".join("?" * len(known))
        db.execute(f"INSERT INTO alert ({', '.join(known)}) VALUES ({marks})", [alert[key] for key in known])
        db.execute(
            "INSERT INTO alert_event (alert, what, at, by) VALUES (?, 'raised', 1.0, 'button:poche')",
            [alert["id"]],
        )
        db.execute(
            "INSERT INTO delivery (id, alert, purpose, occasion, recipient, channel, state, made_at, due_at,"
            " expires_at) VALUES (?, ?, 'alert', 0, 'samu', 'samu/0', 'queued', 1.0, 2.0, 3e9)",
            ["00000000-0000-0000-0000-000000000001", alert["id"]],
        )
    db.close()
    store = Store.open(path)
    [standing] = await store.standings()
    shown = await store.show_alert(standing.alert.id)
    [job] = await store.unfinished(NOW)
    await store.close()
    assert (standing.code, standing.doubted, standing.seen_as) == ("", 0, None)
    assert shown is not None
    assert [(event["what"], event["way"]) for event in shown["history"]] == [("raised", "")]
    assert (job.code, job.delivery.by, job.delivery.way) == ("", "", Way.NONE)


async def test_an_older_database_knows_what_was_cancelled_and_what_the_room_must_not_notice(
    tmp_path: Path, make_change: Any
) -> None:
    """What follows a doubted cancellation in secret had numbers above 0 once, and has some below 0 now."""
    never, cancelled, hushed, closed = (make_change(number, NOW) for number in range(1, 5))
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as db:
        db.executescript("".join(migrations()[:8]) + "PRAGMA user_version = 8;")
        for change, what in (
            (never, "raised"),
            (cancelled, "cancelled"),
            (hushed, "doubted"),
            (closed, "closed"),
        ):
            row = {key: value for key, value in standing_row(change.standings[0]).items() if key != "cancels"}
            row["state"] = "closed" if what == "closed" else "notified"
            names = ", ".join(row)
            db.execute(f"INSERT INTO alert ({names}) VALUES (:{', :'.join(row)})", row)
            db.execute(
                "INSERT INTO alert_event (alert, what, at, by) VALUES (?, ?, 1.0, 'cli')", [row["id"], what]
            )
        for number, (purpose, occasion) in enumerate((("cancelled", 0), ("cancelled", 1), ("reminder", 1))):
            db.execute(
                "INSERT INTO delivery (id, alert, purpose, occasion, recipient, channel, state, made_at,"
                " due_at, expires_at) VALUES (?, ?, ?, ?, 'samu', 'samu/0', 'queued', 1.0, 2.0, 3e9)",
                [str(UUID(int=number)), row["id"], purpose, occasion],
            )
    db.close()
    store = Store.open(path)
    cancels = {standing.alert.id: standing.cancels for standing in await store.standings()}
    jobs = await store.unfinished(NOW)
    waiting = (await store.counts())["queued"]
    await store.close()
    assert [cancels.get(c.standings[0].alert.id) for c in (never, cancelled, hushed, closed)] == [
        0,
        1,
        1,
        None,
    ]
    assert sorted(job.delivery.occasion for job in jobs) == [-1, 0, 1]
    assert waiting == 2
