"""The values of the domain: an alert, its history, and the messages it owes to people."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from flicbridge.clock import Reading, Uptime
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
    UNANSWERED = "unanswered"
    CLOSED = "closed"


class Purpose(StrEnum):
    """What a delivery tells its recipient.

    `doubted`: somebody cancelled, and may have been forced to: the alert goes on. `answered`: for the doctor,
    that somebody is on it. `tested`: for the doctor, what became of a test.
    """

    ALERT = "alert"
    AGAIN = "again"
    REMINDER = "reminder"
    CANCELLED = "cancelled"
    DOUBTED = "doubted"
    ANSWERED = "answered"
    TESTED = "tested"


FOLLOW_UPS = frozenset({Purpose.CANCELLED, Purpose.DOUBTED, Purpose.ANSWERED, Purpose.TESTED})
"""Purposes that tell of what happened: wanted however the alert stands, unless they say otherwise."""


class DeliveryState(StrEnum):
    """Where a delivery stands.

    `reserve`: not before the recipient's channel before this one has failed, or brought no answer in time.
    `withdrawn`: not sent, because the alert was acknowledged, cancelled or closed first.
    """

    RESERVE = "reserve"
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
        received_up: `received_at` by the machine's own count, which outlives a setting of the wall clock.
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
    received_up: Uptime | None = None

    def redated(self, now: Reading) -> "Alert":
        """The same alert, dated as the wall clock of now would have dated it.

        A clock that was set since the press dated it wrongly: by 56 years without network time, or by hours.
        The snapshot on disk keeps what that clock said; whoever is told gets what is known now.
        """
        error = now.error_of(self.received_at, self.received_up)
        if not error:
            return self
        return replace(self, pressed_at=self.pressed_at + error, received_at=self.received_at + error)


class Happening(StrEnum):
    """What can be written into an alert's history.

    Of the five facts that are never merged, these are here: `raised` (accepted by us), `notified` (for the
    first time by a provider), `acknowledged` (by a person), `confirmed` or `false_alarm` (the doubt is
    cleared); what was delivered to a handset is with the deliveries. `doubted` is a cancellation that was not
    believed, `doubted_answer` an acknowledgement. `heard` is a reply that moved nothing: it is only kept, so
    that it does not count when it is read again, and shown to nobody.
    """

    RAISED = "raised"
    PRESSED_AGAIN = "pressed_again"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    CANCELLED = "cancelled"
    DOUBTED = "doubted"
    DOUBTED_ANSWER = "doubted_answer"
    HEARD = "heard"
    UNANSWERED = "unanswered"
    CLOSED = "closed"


class Way(StrEnum):
    """How it reached us that a person did something about an alert."""

    BUTTON = "button"
    API = "api"
    CLI = "cli"
    LINK = "link"
    SMS = "sms"
    NONE = ""


IN_THE_ROOM = frozenset({Way.BUTTON, Way.API, Way.CLI})
"""Ways that are open to somebody who stands beside the doctor."""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One line of an alert's append-only history.

    Attributes:
        alert: whose history.
        what: what happened.
        at: when, UTC.
        by: who or what made it happen: `button:poche`, `api`, `recipient:samu`, `bridge`.
        press: id of the press or reply behind it, if one was; unique over all history.
        way: how it reached us.
        said_at: when, by the clock of whoever carried it (a phone, a provider); UTC, or None.
    """

    alert: UUID
    what: Happening
    at: datetime
    by: str
    press: UUID | None = None
    way: Way = Way.NONE
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, of one alert, to one recipient, over one channel, as it is first written down.

    Attributes:
        id: UUIDv5 of (alert, purpose, occasion, step, channel): the same after a crash or on a second bridge.
        alert: which alert.
        purpose: what it tells.
        occasion: 0 for the alert itself, n for the n-th press that joined it, or for the n-th reminder; of a
            follow-up, how often the alert was cancelled before. Below 0 in what the room must not notice: a
            believed cancellation that follows a doubted one.
        recipient: name in the configuration.
        channel: `recipient/index`, the worker that carries it.
        made_at: when what it tells happened: the press or the cancellation; UTC.
        due_at: not before; UTC.
        expires_at: pointless after; UTC.
        unless: skip when the alert has reached this state by `due_at`; None for step 0.
        step: which step of the plan owes it, from 0.
        turn: which of the recipient's channels, from 0; always 0 where all of them are used at once. In a
            later turn it is kept in reserve, and `due_at` is when it leaves if nothing brings it forward.
        next_after: how long its turn lasts before that of the next channel comes; None if none waits for it.
        by, way: who did what a follow-up tells of, and how; as in `AlertEvent`.
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
    step: int = 0
    turn: int = 0
    next_after: timedelta | None = None
    by: str = ""
    way: Way = Way.NONE

    @property
    def at_once(self) -> bool:
        """True if it leaves as soon as it is on disk. No clock is asked: it may just have been set back."""
        return self.due_at <= self.made_at and self.turn == 0


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

    The step of the plan is part of it, so that a later step may remind a recipient of an earlier one. A
    doubted cancellation is called like any other: its id is shown in the room, and must not give it away.
    """
    called = Purpose.CANCELLED if purpose is Purpose.DOUBTED else purpose
    return uuid5(NAMESPACE, f"delivery/{alert}/{called}/{occasion}/{step}/{channel}")


def reply_id(mailbox: str, message: str) -> UUID:
    """The id of a reply: the same one counts once, however often it is read."""
    return uuid5(NAMESPACE, f"reply/{mailbox}/{message}")
