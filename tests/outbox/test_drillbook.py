"""Drills are written down, and kept as long as alerts are."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from flicbridge.alert.drill import Drill, DrillKind, DrillResult, Found
from flicbridge.outbox.database import migrations
from flicbridge.outbox.store import Store

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def drill(
    number: int,
    began_at: datetime = NOON,
    *,
    kind: DrillKind = DrillKind.SELF,
    result: DrillResult = DrillResult.OK,
) -> Drill:
    found = Found(result, "a detail", {"samu/0": 12.5, "hub/0": None})
    return Drill(UUID(int=number), kind, "schedule", began_at, began_at + timedelta(seconds=2), found)


async def kept(store: Store) -> list[int]:
    return [held.id.int for held in await store.drills.newest(100)]


async def test_what_was_found_out_comes_back_as_it_was(store: Store) -> None:
    await store.drills.put(drill(1))
    assert await store.drills.newest(10) == [drill(1)]


async def test_a_result_takes_the_place_of_running(store: Store) -> None:
    begun = replace(drill(1), ended_at=None, found=Found(DrillResult.RUNNING))
    await store.drills.put(begun)
    assert await store.drills.running() == [begun]
    assert await store.drills.last(DrillKind.SELF) is None
    await store.drills.put(drill(1))
    assert await store.drills.running() == []
    assert await store.drills.last(DrillKind.SELF) == drill(1)


@pytest.mark.parametrize("result", [DrillResult.RUNNING, DrillResult.INTERRUPTED])
async def test_one_that_did_not_take_place_is_not_the_last(store: Store, result: DrillResult) -> None:
    await store.drills.put(drill(1))
    await store.drills.put(drill(2, NOON + DAY, result=result))
    last = await store.drills.last(DrillKind.SELF)
    assert last is not None
    assert last.id.int == 1


async def test_the_newest_come_first_and_as_many_as_asked(store: Store) -> None:
    for number in range(1, 5):
        await store.drills.put(drill(number, NOON + number * DAY))
    assert [held.id.int for held in await store.drills.newest(2)] == [4, 3]


async def test_old_ones_are_forgotten_with_old_alerts_but_the_last_of_each_kind_is_not(store: Store) -> None:
    for number, days in enumerate((-100, -95, -1), start=1):
        await store.drills.put(drill(number, NOON + days * DAY))
    await store.drills.put(drill(4, NOON - 200 * DAY, kind=DrillKind.EXERCISE))
    await store.prune(NOON - 90 * DAY)
    assert await kept(store) == [3, 4]


async def test_a_drill_under_way_is_never_forgotten(store: Store) -> None:
    await store.drills.put(drill(1, NOON - 100 * DAY, result=DrillResult.RUNNING))
    await store.drills.put(drill(2))
    await store.prune(NOON - 90 * DAY)
    assert await kept(store) == [2, 1]


@pytest.mark.parametrize("version", range(1, len(migrations())))
async def test_a_database_of_any_version_before_learns_of_drills(tmp_path: Path, version: int) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as db:
        db.executescript("".join(migrations()[:version]) + f"PRAGMA user_version = {version};")
    db.close()
    store = Store.open(path)
    await store.drills.put(drill(1))
    assert await kept(store) == [1]
    await store.close()
