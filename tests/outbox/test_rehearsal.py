"""A rehearsal knows the buttons and none of the alerts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flicbridge.alert.desk import Change
from flicbridge.outbox.database import copy_for_rehearsal
from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def test_a_copy_for_rehearsal_has_the_buttons_and_owes_nobody_a_message(
    make_change: Callable[..., Change], store: Store, tmp_path: Path
) -> None:
    await store.commit(make_change(5, NOON), NOON)
    await asyncio.to_thread(copy_for_rehearsal, tmp_path / "flicbridge.db", tmp_path / "copy.db")
    copy = Store.open(tmp_path / "copy.db")
    assert (await copy.buttons())["BF12-A34567"].resume == Counter(7, 5)
    assert await copy.unfinished(NOON) == []
    assert await copy.standings() == []
    await copy.close()
    assert len(await store.unfinished(NOON)) == 1
