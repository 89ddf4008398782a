"""Between values of the domain and rows of the store. pydantic judges what comes back from disk."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from flicbridge.alert import life
from flicbridge.alert.alert import Alert, AlertEvent, AlertState, Delivery, DeliveryState, Purpose, Way
from flicbridge.alert.desk import Standing
from flicbridge.outbox.button import ButtonRecord
from flicbridge.outbox.job import Job
from flicbridge.press.event import Counter

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
        "code": standing.code,
        "doubted": standing.doubted,
        "seen_as": standing.seen_as,
        "cancels": standing.cancels,
    }


def call_off_row(standing: Standing, *, is_aged: bool = False) -> Row:
    """Which messages of an alert are not needed any more: in truth, and as far as the room is to know.

    Of one that was closed for its age nobody said so: only what is in reserve stays there.
    """
    state, face = standing.state, standing.face
    return {
        "alert": str(standing.alert.id),
        "all": state in life.ENDED and not is_aged,
        "unless": state in life.ANSWERED and not is_aged,
        "reserve": state in life.OVER,
        "seen_all": face in life.ENDED and not is_aged,
        "seen_unless": face in life.ANSWERED and not is_aged,
        "seen_reserve": face in life.OVER,
    }


def alert_of(row: sqlite3.Row) -> Alert:
    """The snapshot of a row, as it was taken at the press."""
    return _ALERT.validate_json(row["alert_json"])


def standing_of(row: sqlite3.Row) -> Standing:
    """The alert of a row and how it stands."""
    return Standing(
        alert=_dated(alert_of(row), utc(row["pressed_at"])),
        state=AlertState(row["state"]),
        presses=row["presses"],
        last_press_at=utc(row["last_press_at"]),
        told_at=utc(row["told_at"]),
        code=row["code"],
        doubted=row["doubted"],
        seen_as=AlertState(row["seen_as"]) if row["seen_as"] else None,
        cancels=row["cancels"],
    )


def _dated(alert: Alert, pressed_at: datetime) -> Alert:
    """A snapshot with the times that are believed now."""
    error = pressed_at - alert.pressed_at
    if abs(error) < timedelta(milliseconds=1):  # what a float forgets
        return alert
    return replace(alert, pressed_at=pressed_at, received_at=alert.received_at + error)


def event_row(event: AlertEvent) -> Row:
    """The row of one line of history."""
    return {
        "alert": str(event.alert),
        "what": event.what,
        "at": event.at.timestamp(),
        "by": event.by,
        "press": str(event.press) if event.press else None,
        "way": event.way,
        "said_at": None if event.said_at is None else event.said_at.timestamp(),
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
        "state": _born(delivery, under_way=under_way),
        "made_at": delivery.made_at.timestamp(),
        "due_at": delivery.due_at.timestamp(),
        "expires_at": delivery.expires_at.timestamp(),
        "attempts": int(under_way and not delivery.turn),
        "step": delivery.step,
        "turn": delivery.turn,
        "next_after_s": None if delivery.next_after is None else delivery.next_after.total_seconds(),
        "by": delivery.by,
        "way": delivery.way,
    }


def _born(delivery: Delivery, *, under_way: bool) -> DeliveryState:
    if delivery.turn:
        return DeliveryState.RESERVE
    return DeliveryState.SENDING if under_way else DeliveryState.QUEUED


def delivery_of(row: sqlite3.Row) -> Delivery:
    """The delivery of a row."""
    lasts_s = row["next_after_s"]
    return Delivery(
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
        step=row["step"],
        turn=row["turn"],
        next_after=None if lasts_s is None else timedelta(seconds=lasts_s),
        by=row["by"],
        way=Way(row["way"]),
    )


def waiting_of(row: sqlite3.Row) -> tuple[str, float, bytes]:
    """The delivery of a row by name only: its channel, when it is due (seconds since 1970), its id."""
    return row["channel"], row["due_at"], short_id(row["id"])


def short_id(text: str) -> bytes:
    """A UUID in the 16 bytes that it needs."""
    return bytes.fromhex(text.replace("-", ""))


def button_row(record: ButtonRecord) -> Row:
    """The row of a button."""
    resume = record.resume
    return {
        "serial": record.serial,
        "pairing_json": record.pairing_json,
        "boot_id": resume.boot_id if resume else None,
        "event_count": resume.event_count if resume else None,
        "small_count": resume.small_count if resume else 0,
    }


def button_of(row: sqlite3.Row) -> ButtonRecord:
    """The button of a row."""
    counts = row["boot_id"], row["event_count"], row["small_count"]
    resume = None if row["boot_id"] is None else Counter(*counts)
    return ButtonRecord(row["serial"], row["pairing_json"], resume)


def job_of(row: sqlite3.Row, alerts: dict[str, Alert] | None = None) -> Job:
    """The unfinished delivery of a row, ready to be taken up again.

    Args:
        row: with the alert's snapshot.
        alerts: snapshots that were read already, by id; this one is put to them.
    """
    sent = row["state"] == DeliveryState.SENT
    known = {} if alerts is None else alerts
    alert = known.get(row["alert"]) or known.setdefault(row["alert"], _ALERT.validate_json(row["alert_json"]))
    return Job(
        delivery=delivery_of(row),
        alert=alert,
        code=row["code"],
        attempts=row["attempts"],
        key_no=row["key_no"],
        provider_id=row["provider_id"] if sent else None,
        secret=row["seen_state"] is not None,
    )
