"""What the bridge itself has written down of a scenario, read from its disk afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from flicbridge.alert.desk import Standing
from flicbridge.outbox.store import Store

MOST_ALERTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one message.

    Attributes:
        delivery: its id.
        channel, state: as in the store.
        attempts: how often it was tried.
        due_at_s: when it was due last, seconds since 1970.
        last_error: why it did not arrive, or None.
    """

    delivery: UUID
    channel: str
    state: str
    attempts: int
    due_at_s: float
    last_error: str | None

    def waits(self, now_at: datetime) -> bool:
        """Tell whether it should have arrived by now, and has not."""
        was_due = self.attempts > 0 or self.due_at_s <= now_at.timestamp()
        return self.state == "expired" or (self.state in ("queued", "sending") and was_due)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The alerts, oldest first, and their messages."""

    standings: Sequence[Standing]
    fates: Sequence[Fate]

    @classmethod
    async def read(cls, database: Path) -> Self:
        """Read it; no bridge may be running on that database."""
        store = Store.open(database)
        try:
            standings = [*reversed(await store.list_alerts(MOST_ALERTS))]
            shown = [await store.show_alert(standing.alert.id) for standing in standings]
        finally:
            await store.close()
        rows = [row for alert in shown if alert is not None for row in alert["deliveries"]]
        fates = [
            Fate(
                delivery=UUID(row["id"]),
                channel=row["channel"],
                state=row["state"],
                attempts=row["attempts"],
                due_at_s=row["due_at"],
                last_error=row["last_error"],
            )
            for row in rows
        ]
        return cls(standings, fates)
