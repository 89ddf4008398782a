"""How values of the domain look in JSON. Pure: times are RFC 3339 in UTC, lengths in the unit of their name.

The API is local and its clients act for the doctor, so identity and position are shown here as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from flicbridge.alert.alert import FOLLOW_UPS, Alert, Happening
from flicbridge.alert.desk import Standing
from flicbridge.alert.drill import PASSED, Drill
from flicbridge.api.veil import veiled
from flicbridge.clock import SLIGHT
from flicbridge.outbox.ledger import Taken
from flicbridge.place.position import Position

type Json = dict[str, Any]

CLEARED: Final = (Happening.CONFIRMED, Happening.FALSE_ALARM)
"""What a person says who has cleared the doubt."""


def rfc3339(at: datetime) -> str:
    """An aware time, to the millisecond: `2026-03-01T14:02:05.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def taken(what: Taken) -> Json:
    """What became of a press."""
    return {
        "alert_id": None if what.alert is None else str(what.alert),
        "effect": what.effect.value,
        "safe": what.safe,
    }


def drill(of: Drill) -> Json:
    """A drill and what came of it. One that passed and was answered is `acknowledged`."""
    is_answered = of.answered_at is not None and of.found.result in PASSED
    return {
        "id": str(of.id),
        "kind": of.kind.value,
        "by": of.by,
        "began_at": rfc3339(of.began_at),
        "ended_at": None if of.ended_at is None else rfc3339(of.ended_at),
        "result": "acknowledged" if is_answered else of.found.result.value,
        "passed": of.found.result in PASSED,
        "detail": of.found.detail,
        "took_ms": dict(of.found.took_ms),
        "answered_by": of.answered_by or None,
        "answered_at": None if of.answered_at is None else rfc3339(of.answered_at),
    }


def standing(of: Standing) -> Json:
    """An alert and how it stands.

    `late_s` is how old the press was when the bridge learnt of it.
    """
    alert = of.alert
    return {
        "id": str(alert.id),
        "kind": alert.kind.value,
        "state": of.face.value,
        "bridge": alert.bridge,
        "button": alert.button,
        "gesture": alert.gesture,
        "key": alert.key,
        "presses": of.presses,
        "pressed_at": rfc3339(alert.pressed_at),
        "received_at": rfc3339(alert.received_at),
        "last_press_at": rfc3339(of.last_press_at),
        "was_queued": alert.was_queued,
        "late_s": round((alert.received_at - alert.pressed_at).total_seconds(), 3),
        "doctor": asdict(alert.doctor),
        "practice": asdict(alert.practice),
        "position": None if alert.position is None else _position(alert.position),
    }


def alert(shown: Mapping[str, Any], *, asks_pin: bool, in_truth: bool = False) -> Json:
    """All there is about one alert, as `Store.show_alert` gives it.

    Args:
        shown: what the store holds.
        asks_pin: keep from the room what helpers answer with, for it answers in their name.
        in_truth: show it all; otherwise as the room may see it.
    """
    of: Standing = shown["standing"]
    shown = shown if in_truth else veiled(shown)
    return {
        **standing(of),
        "state": (of.state if in_truth else of.face).value,
        "code": of.code if in_truth or not asks_pin else "",
        "facts": facts(shown),
        "history": [_event(row) for row in shown["history"]],
        "deliveries": [_delivery(row) for row in shown["deliveries"]],
        "attempts": [_attempt(row, _pressed_at(of.alert, shown["history"])) for row in shown["attempts"]],
    }


def facts(shown: Mapping[str, Any]) -> Json:
    """The five facts about an alert that are never merged; each with its time, null until it is one.

    `provider_at` and `said_at` are the same time by somebody else's clock, if they told.
    """
    first = {what: row for row in reversed(shown["history"]) for what in [row["what"]]}
    cleared = [row for row in shown["history"] if row["what"] in CLEARED]
    messages = [row for row in shown["deliveries"] if row["purpose"] not in FOLLOW_UPS]
    acknowledged = first.get(Happening.ACKNOWLEDGED)
    return {
        "accepted_by_us": _happened(first.get(Happening.RAISED)),
        "accepted_by_provider": _reached(messages, "sent_at", "provider_sent_at"),
        "delivered_to_handset": _reached(messages, "delivered_at", "provider_delivered_at"),
        "acknowledged_by_person": _happened(acknowledged),
        "doubt_cleared": _happened(cleared[-1]) if cleared else None,
    }


def _happened(row: Mapping[str, Any] | None) -> Json | None:
    """Who did it, when, how; and what, for there are two ways to clear a doubt."""
    if row is None:
        return None
    return {
        "at": _time(row["at"]),
        "what": row["what"],
        "by": row["by"],
        "way": row["way"],
        "said_at": _time(row["said_at"]),
    }


def _reached(messages: Sequence[Mapping[str, Any]], ours: str, theirs: str) -> Json | None:
    """The first message that got so far."""
    there = [row for row in messages if row[ours] is not None]
    if not there:
        return None
    first = min(there, key=lambda row: float(row[ours]))
    return {"at": _time(first[ours]), "provider_at": _time(first[theirs]), "channel": first["channel"]}


def _position(position: Position) -> Json:
    return {
        "latitude": position.latitude_deg,
        "longitude": position.longitude_deg,
        "accuracy_m": position.accuracy_m,
        "age_s": position.age_s,
        "label": position.label,
        "geo": position.geo_uri(),
    }


def _event(row: Mapping[str, Any]) -> Json:
    return {
        "what": row["what"],
        "at": _time(row["at"]),
        "by": row["by"],
        "press": row["press"],
        "way": row["way"],
        "said_at": _time(row["said_at"]),
    }


def _delivery(row: Mapping[str, Any]) -> Json:
    place = ("recipient", "channel", "step", "turn")
    same = ("id", *place, "purpose", "occasion", "unless", "state", "attempts")
    times = ("made_at", "due_at", "expires_at", "sent_at", "delivered_at")
    theirs = ("provider_sent_at", "provider_delivered_at")
    return {
        **{key: row[key] for key in same},
        **{key: _time(row[key]) for key in (*times, *theirs)},
        "by": row["by"],
        "way": row["way"],
        "last_error": row["last_error"],
        "provider_id": row["provider_id"],
    }


def _pressed_at(alert: Alert, history: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When the finger went down, by the clock that dated the tries; None if that was set since.

    Then the press was dated anew and the tries were not, nor was the line that says that it was raised.
    """
    raised = next((row for row in history if row["what"] == Happening.RAISED), None)
    set_by_s = 0.0 if raised is None else abs(raised["at"] - alert.received_at.timestamp())
    return alert.pressed_at if set_by_s < SLIGHT.total_seconds() else None


def _attempt(row: Mapping[str, Any], pressed_at: datetime | None) -> Json:
    """One try; `age_s` is how long ago the press was when it began, null if nobody can tell."""
    age_s = None if pressed_at is None else round(max(0.0, row["at"] - pressed_at.timestamp()), 3)
    same = ("delivery", "number", "outcome", "detail")
    return {
        **{key: row[key] for key in same},
        "at": _time(row["at"]),
        "age_s": age_s,
        "took_s": round(row["took_s"], 4),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(datetime.fromtimestamp(seconds, UTC))
