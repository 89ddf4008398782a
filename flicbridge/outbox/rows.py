"""Between values of the domain and rows of the store. pydantic judges what comes back from disk."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from flicbridge.alert.alert import Alert, AlertEvent, AlertState, Delivery, DeliveryState, Purpose
from flicbridge.alert.desk import Standing
from flicbridge.outbox.job import Job

type Row = Mapping[str, Any]

_ALERT: TypeAdapter[Alert] = TypeAdapter(Alert)


def utc(seconds: float) -> datetime:
    """An aware time from seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def standing_row(standing: Standing) -> Row:
    """The row of an alert and how it stands."""
    alert = standing.alert
    return {
        "id": str(alert.id),
        "kind": alert.kind,
        "state": standing.state,
        "presses": standing.presses,
        "pressed_at": alert.pressed_at.timestamp(),
        "last_press_at": standing.last_press_at.timestamp(),
        "told_at": standing.told_at.timestamp(),
        "alert_json": _ALERT.dump_json(alert).decode(),
    }


def standing_of(row: sqlite3.Row) -> Standing:
    """The alert of a row and how it stands."""
    return Standing(
        alert=_ALERT.validate_json(row["alert_json"]),
        state=AlertState(row["state"]),
        presses=row["presses"],
        last_press_at=utc(row["last_press_at"]),
        told_at=utc(row["told_at"]),
    )


def event_row(event: AlertEvent) -> Row:
    """The row of one line of history."""
    return {
        "alert": str(event.alert),
        "what": event.what,
        "at": event.at.timestamp(),
        "by": event.by,
        "press": str(event.press) if event.press else None,
    }


def delivery_row(delivery: Delivery, *, under_way: bool) -> Row:
    """The row of a new delivery; one that is under way is born with its first attempt counted."""
    return {
        "id": str(delivery.id),
        "alert": str(delivery.alert),
        "purpose": delivery.purpose,
        "occasion": delivery.occasion,
        "recipient": delivery.recipient,
        "channel": delivery.channel,
        "unless": delivery.unless,
        "state": DeliveryState.SENDING if under_way else DeliveryState.QUEUED,
        "made_at": delivery.made_at.timestamp(),
        "due_at": delivery.due_at.timestamp(),
        "expires_at": delivery.expires_at.timestamp(),
        "attempts": int(under_way),
    }


def job_of(row: sqlite3.Row) -> Job:
    """The unfinished delivery of a row, ready to be taken up again."""
    delivery = Delivery(
        id=UUID(row["id"]),
        alert=UUID(row["alert"]),
        purpose=Purpose(row["purpose"]),
        occasion=row["occasion"],
        recipient=row["recipient"],
        channel=row["channel"],
        made_at=utc(row["made_at"]),
        due_at=utc(row["due_at"]),
        expires_at=utc(row["expires_at"]),
        unless=AlertState(row["unless"]) if row["unless"] else None,
    )
    sent = row["state"] == DeliveryState.SENT
    return Job(
        delivery=delivery,
        alert=_ALERT.validate_json(row["alert_json"]),
        attempts=row["attempts"],
        key_no=row["key_no"],
        provider_id=row["provider_id"] if sent else None,
    )
