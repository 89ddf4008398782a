"""The facts of one message for a machine: the `data` of webhooks, queues and logs on the other side."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flicbridge.alert.alert import Purpose
from flicbridge.clock import is_credible
from flicbridge.place.position import Position
from flicbridge.transport.answers import NO_WAYS, Ways
from flicbridge.transport.telling import Telling


def compose_facts(
    telling: Telling, *, delivery: UUID, recipient: str, attempt: int, ways: Ways = NO_WAYS
) -> dict[str, Any]:
    """One message as JSON-ready values. Times are RFC 3339 with the practice's offset, numbers E.164.

    Keys:
        alert_id, delivery_id: UUIDs; the same on every retry and on every bridge that heard the press.
        kind: `emergency`, `test` or `overdue`.
        purpose: `alert`, `again`, `reminder`, `cancelled`, `doubted`, `answered` or `tested`.
        cancelled: true if this message takes the alert back. Not if the cancellation is `doubted`.
        by, way: who cancelled or answered, and how; null in all other messages.
        answer_url: page to answer on, by POST of `answer=acknowledge`, `confirm` or `false_alarm`; or null.
        occasion: 0 for the alert itself, n for the n-th press that joined it, or for the n-th reminder. Of
            `tested`: 0 if nobody was reached within a minute, 1 if a provider took the message, 2 if it
            reached a handset.
        occasion_at: when that later press, or the cancellation, happened; null for the alert and reminders.
        recipient, attempt: for whom, and which try this is, from 1.
        pressed_at: when the finger went down; for `overdue`, when the check-in was due.
        received_at: when the bridge learnt of it. sent_at: when this message was put together.
        age_s: seconds from pressed_at to sent_at; never less than the press waited in the button. Null if
            nobody knows.
        clock_was_set: false if these times are of a clock that nobody had set; then only age_s is true.
        age_received_s: seconds from pressed_at to received_at: how long the press waited in the button.
        late: true if that was too long for a press that just happened, or if nobody knows. How long ago the
            press is by now, be it because of an escalation or of an outage, is in age_s.
        old: true if it was so long that the site treats such presses in a way of their own.
        was_queued: true if the button had kept the press while it was out of reach.
        timezone: the practice's, as in the IANA data base.
        bridge, button, gesture: what raised the alert, by the names of its configuration.
        key: which of the two buttons of a Flic Duo: 0 the big one, 1 the small one; 0 for all others.
        doctor: {name, phone}.
        practice: {name, address, room, access}; room and access may be empty.
        position: {latitude, longitude, accuracy_m, geo_uri, age_s, label} or null if nobody knows; degrees
            WGS 84 to five decimals, accuracy_m null if unknown, age_s how old the fix was at the press.
    """
    alert = telling.alert
    occasion_at = telling.happened_at
    return {
        "alert_id": str(alert.id),
        "delivery_id": str(delivery),
        "kind": str(alert.kind),
        "purpose": str(telling.purpose),
        "cancelled": telling.purpose is Purpose.CANCELLED,
        "by": telling.by or None,
        "way": telling.way.value or None,
        "answer_url": ways.link or None,
        "occasion": telling.occasion,
        "occasion_at": None if occasion_at is None else _timestamp(telling, occasion_at),
        "recipient": recipient,
        "attempt": attempt,
        "pressed_at": _timestamp(telling, alert.pressed_at),
        "received_at": _timestamp(telling, alert.received_at),
        "sent_at": _timestamp(telling, telling.sent_at),
        "age_s": round(telling.alert_age_s, 3) if telling.has_age else None,
        "clock_was_set": is_credible(telling.sent_at) and is_credible(alert.pressed_at),
        "age_received_s": round(telling.waited_s, 3),
        "late": telling.is_late,
        "old": telling.is_old,
        "was_queued": alert.was_queued,
        "timezone": telling.zone.key,
        "bridge": alert.bridge,
        "button": alert.button,
        "gesture": alert.gesture,
        "key": alert.key,
        "doctor": {"name": alert.doctor.name, "phone": alert.doctor.phone},
        "practice": _practice(telling),
        "position": None if alert.position is None else _position(alert.position),
    }


def _timestamp(telling: Telling, at: datetime) -> str:
    return telling.local(at).isoformat(timespec="milliseconds")


def _practice(telling: Telling) -> dict[str, str]:
    practice = telling.alert.practice
    return {
        "name": practice.name,
        "address": practice.address,
        "room": practice.room,
        "access": practice.access,
    }


def _position(position: Position) -> dict[str, Any]:
    return {
        "latitude": round(position.latitude_deg, 5),
        "longitude": round(position.longitude_deg, 5),
        "accuracy_m": position.accuracy_m,
        "geo_uri": position.geo_uri(),
        "age_s": position.age_s,
        "label": position.label,
    }
