"""How values of the domain look in JSON. Pure: times are RFC 3339 in UTC, lengths in the unit of their name.

The API is local and its clients act for the doctor, so identity and position are shown here as they are.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flicbridge.alert.desk import Standing
from flicbridge.outbox.ledger import Taken
from flicbridge.place.position import Position

type Json = dict[str, Any]


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


def standing(of: Standing) -> Json:
    """An alert and how it stands.

    `late_s` is how old the press was when the bridge learnt of it.
    """
    alert = of.alert
    return {
        "id": str(alert.id),
        "kind": alert.kind.value,
        "state": of.state.value,
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


def alert(shown: Mapping[str, Any]) -> Json:
    """All there is about one alert, as `Store.show_alert` gives it."""
    return {
        **standing(shown["standing"]),
        "history": [_event(row) for row in shown["history"]],
        "deliveries": [_delivery(row) for row in shown["deliveries"]],
        "attempts": [_attempt(row) for row in shown["attempts"]],
    }


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
    return {"what": row["what"], "at": _time(row["at"]), "by": row["by"], "press": row["press"]}


def _delivery(row: Mapping[str, Any]) -> Json:
    same = ("id", "recipient", "channel", "purpose", "occasion", "unless", "state", "attempts")
    times = ("due_at", "expires_at", "sent_at", "delivered_at")
    return {
        **{key: row[key] for key in same},
        **{key: _time(row[key]) for key in times},
        "last_error": row["last_error"],
        "provider_id": row["provider_id"],
    }


def _attempt(row: Mapping[str, Any]) -> Json:
    same = ("delivery", "number", "outcome", "detail")
    return {**{key: row[key] for key in same}, "at": _time(row["at"]), "took_s": round(row["took_s"], 4)}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(datetime.fromtimestamp(seconds, UTC))
