"""The values of the domain: an alert, its history, and the messages it owes to people."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from flicbridge.place.position import Position

# Our own namespace: the ids of alerts and deliveries must be the same on every bridge, for ever.
NAMESPACE = UUID("5f9a3c1e-7d24-5b86-9a10-f11cb41d6e00")


class AlertKind(StrEnum):
    """Why help is asked for."""

    EMERGENCY = "emergency"
    TEST = "test"
    OVERDUE = "overdue"


class AlertState(StrEnum):
    """Where an alert stands in its life."""

    RAISED = "raised"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class Purpose(StrEnum):
    """What a delivery tells its recipient."""

    ALERT = "alert"
    AGAIN = "again"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    """Where a delivery stands.

    `withdrawn`: not sent, because the alert was cancelled or acknowledged first.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Doctor:
    """Who calls for help. `phone` is E.164."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Practice:
    """Where the doctor works: what a patrol needs to find the right door."""

    name: str
    address: str
    room: str = ""
    access: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """One call for help, with who and where as they were at the press. Never changes.

    Attributes:
        id: UUIDv5 of (serial, boot id, event count of the gesture's first event); see `press_id`.
        kind: emergency, test or overdue.
        bridge: id of the bridge that raised it.
        button: the button's name in the configuration.
        gesture: name of the gesture that raised it.
        pressed_at: when the finger went down, dated back by the press's age on arrival; UTC.
        received_at: when this bridge learnt of it; UTC.
        was_queued: True if the button had kept the press while it was out of reach.
        doctor, practice: the identity.
        position: where, or None if nobody knows.
        key: which of the two buttons of a Flic Duo: 0 the big one, 1 the small one; 0 for all others.
    """

    id: UUID
    kind: AlertKind
    bridge: str
    button: str
    gesture: str
    pressed_at: datetime
    received_at: datetime
    was_queued: bool
    doctor: Doctor
    practice: Practice
    position: Position | None
    key: int = 0


class Happening(StrEnum):
    """What can be written into an alert's history."""

    RAISED = "raised"
    PRESSED_AGAIN = "pressed_again"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    CANCELLED = "cancelled"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One line of an alert's append-only history.

    Attributes:
        alert: whose history.
        what: what happened.
        at: when, UTC.
        by: who or what made it happen: `button:poche`, `api`, `recipient:samu`, `bridge`.
        press: id of the press behind it, if one was; unique over all history.
    """

    alert: UUID
    what: Happening
    at: datetime
    by: str
    press: UUID | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, of one alert, to one recipient, over one channel, as it is first written down.

    Attributes:
        id: UUIDv5 of (alert, purpose, occasion, step, channel): the same after a crash or on a second bridge.
        alert: which alert.
        purpose: what it tells.
        occasion: 0 for the alert itself, n for the n-th press that joined it.
        recipient: name in the configuration.
        channel: `recipient/index`, the worker that carries it.
        made_at: when what it tells happened: the press or the cancellation; UTC.
        due_at: not before; UTC.
        expires_at: pointless after; UTC.
        unless: skip when the alert has reached this state by `due_at`; None for step 0.
    """

    id: UUID
    alert: UUID
    purpose: Purpose
    occasion: int
    recipient: str
    channel: str
    made_at: datetime
    due_at: datetime
    expires_at: datetime
    unless: AlertState | None = None


def press_id(serial: str, boot_id: int, event_count: int, key: int = 0) -> UUID:
    """The id of a press, and of the alert it raises: the same whenever and wherever it is seen again.

    Args:
        serial: of the button.
        boot_id: the boot it was made in.
        event_count: of its first event.
        key: which of the two buttons of a Duo, for each counts for itself.
    """
    of_key = f"#{key}" if key else ""  # nothing, so that every other press keeps the id it always had
    return uuid5(NAMESPACE, f"press/{serial}/{boot_id}/{event_count}{of_key}")


def delivery_id(alert: UUID, purpose: Purpose, occasion: int, step: int, channel: str) -> UUID:
    """The id of a delivery; it doubles as the idempotency key of its transport.

    The step of the plan is part of it, so that a later step may remind a recipient of an earlier one.
    """
    return uuid5(NAMESPACE, f"delivery/{alert}/{purpose}/{occasion}/{step}/{channel}")
