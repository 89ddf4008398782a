"""The desk where presses become alerts: raise, join, cancel, acknowledge. Pure.

`decide` looks at what is open and says what to write down; the caller commits that, and only then tells
the desk with `apply`. So the desk never believes what is not on disk, and if the disk is sick the very same
change can be sent from memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from flicbridge.alert import life
from flicbridge.alert.alert import (
    Alert,
    AlertEvent,
    AlertKind,
    AlertState,
    Delivery,
    Doctor,
    Happening,
    Practice,
    Purpose,
)
from flicbridge.alert.plan import Plan
from flicbridge.place.position import Position
from flicbridge.press.event import Counter


class Reaction(StrEnum):
    """What the configuration makes of a gesture on a button."""

    ALERT = "alert"
    CANCEL = "cancel"
    TEST = "test"
    ACKNOWLEDGE = "acknowledge"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Press:
    """A recognised gesture with its reaction, dated.

    Attributes:
        id: `press_id` of the gesture's first event.
        by: who pressed: `button:NAME`, or `button:NAME/small` for the small button of a Duo.
        button: the button's name in the configuration.
        gesture: the gesture's name.
        reaction: what it asks for.
        pressed_at: when the finger went down, UTC.
        received_at: now, UTC.
        was_queued: True if the button had kept it.
        key: which of the two buttons of a Duo; 0 for all others.
    """

    id: UUID
    by: str
    button: str
    gesture: str
    reaction: Reaction
    pressed_at: datetime
    received_at: datetime
    was_queued: bool
    key: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this bridge speaks for."""

    bridge: str
    doctor: Doctor
    practice: Practice


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert and how it stands.

    Attributes:
        alert: the alert.
        state: where it is in its life.
        presses: how many presses it has taken so far.
        last_press_at: the newest of them, UTC.
        told_at: when recipients were last told of a press, UTC.
    """

    alert: Alert
    state: AlertState
    presses: int
    last_press_at: datetime
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a button's events are settled: what it may be told to forget."""

    serial: str
    counter: Counter


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be written down in one commit before a press is acknowledged.

    Attributes:
        press: the press behind it; the store refuses a second change for the same press.
        standings: alerts as they stand afterwards, new ones included.
        history: what happened, in order.
        deliveries: messages owed from now on.
        withdraw: alerts whose unsent messages (of other purposes than cancelled) are pointless now.
        mark: how far the button's events are settled.
    """

    press: UUID | None = None
    standings: tuple[Standing, ...] = ()
    history: tuple[AlertEvent, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    withdraw: tuple[UUID, ...] = ()
    mark: Mark | None = None


class Desk:
    """Knows the open alerts of this bridge and the rules for new presses."""

    def __init__(
        self, identity: Identity, plan: Plan, *, join_within: timedelta, renotify_every: timedelta
    ) -> None:
        self._identity = identity
        self._plan = plan
        self._join_within = join_within
        self._renotify_every = renotify_every
        self._standings: dict[UUID, Standing] = {}

    def remember(self, standings: Iterable[Standing]) -> None:
        """Take over what was open before a restart."""
        for standing in standings:
            self._standings[standing.alert.id] = standing

    def apply(self, change: Change) -> None:
        """Believe a change that has been committed (or could not be, and is sent from memory)."""
        for standing in change.standings:
            if standing.state is AlertState.CLOSED:
                self._standings.pop(standing.alert.id, None)
            else:
                self._standings[standing.alert.id] = standing

    @property
    def open(self) -> Sequence[Standing]:
        """Alerts that still call for help, oldest press first."""
        standing = (s for s in self._standings.values() if s.state in life.OPEN)
        return sorted(standing, key=lambda s: s.alert.pressed_at)

    def stale(self, before: datetime) -> Sequence[Standing]:
        """Alerts whose last press was before a time."""
        return [s for s in self._standings.values() if s.last_press_at < before]

    def standing(self, alert: UUID) -> Standing | None:
        """How an alert stands, or None if it is closed or unknown."""
        return self._standings.get(alert)

    def is_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a delivery still makes sense to its recipient."""
        standing = self._standings.get(delivery.alert)
        if standing is None or delivery.purpose is Purpose.CANCELLED:
            return True  # what we know nothing of is sent rather than swallowed
        if standing.state is AlertState.CANCELLED:
            return False
        return delivery.unless is None or standing.state not in life.ANSWERED

    def decide(self, press: Press, position: Position | None) -> Change:
        """Say what a press changes. Nothing is believed until `apply`."""
        match press.reaction:
            case Reaction.ALERT:
                joined = self._open_one_for(press)
                return self._join(press, joined) if joined else self._raise(press, position)
            case Reaction.TEST:
                return self._raise(press, position)
            case Reaction.CANCEL:
                return self._move_all(press, Happening.CANCELLED)
            case Reaction.ACKNOWLEDGE:
                return self._move_all(press, Happening.ACKNOWLEDGED)
            case Reaction.NONE:
                return Change(press=press.id)

    def move(self, alert: UUID, what: Happening, *, by: str, at: datetime) -> Change | None:
        """Say what it changes that a person acknowledges, cancels, confirms or closes an alert.

        Returns:
            The change, or None if the alert is unknown or already beyond that.
        """
        standing = self._standings.get(alert)
        if standing is None or life.after(standing.state, what) is standing.state:
            return None
        return self._moved(standing, what, by=by, at=at, press=None)

    def _open_one_for(self, press: Press) -> Standing | None:
        """The open emergency this press belongs to: the one last pressed near the same time, if any."""
        if not self._join_within:
            return None
        near = [
            standing
            for standing in self._standings.values()
            if standing.state in life.OPEN
            and standing.alert.kind is AlertKind.EMERGENCY
            and abs(press.pressed_at - standing.last_press_at) < self._join_within
        ]
        return max(near, key=lambda s: s.last_press_at, default=None)

    def _raise(self, press: Press, position: Position | None) -> Change:
        kind = AlertKind.TEST if press.reaction is Reaction.TEST else AlertKind.EMERGENCY
        alert = Alert(
            id=press.id,
            kind=kind,
            bridge=self._identity.bridge,
            button=press.button,
            gesture=press.gesture,
            pressed_at=press.pressed_at,
            received_at=press.received_at,
            was_queued=press.was_queued,
            doctor=self._identity.doctor,
            practice=self._identity.practice,
            position=position,
            key=press.key,
        )
        plan = self._plan
        return Change(
            press=press.id,
            standings=(Standing(alert, AlertState.RAISED, 1, press.pressed_at, press.received_at),),
            history=(AlertEvent(alert.id, Happening.RAISED, press.received_at, press.by, press.id),),
            deliveries=plan.for_test(alert) if kind is AlertKind.TEST else plan.for_emergency(alert),
        )

    def _join(self, press: Press, standing: Standing) -> Change:
        alert = standing.alert
        told = press.received_at - standing.told_at
        # A wall clock that was set back must not silence the second press.
        tell = told >= self._renotify_every or told < timedelta(0)
        joined = replace(
            standing,
            presses=standing.presses + 1,
            last_press_at=max(standing.last_press_at, press.pressed_at),
            told_at=press.received_at if tell else standing.told_at,
        )
        return Change(
            press=press.id,
            standings=(joined,),
            history=(AlertEvent(alert.id, Happening.PRESSED_AGAIN, press.received_at, press.by, press.id),),
            deliveries=self._plan.for_those_told(alert, Purpose.AGAIN, joined.presses - 1, press.received_at)
            if tell
            else (),
        )

    def _move_all(self, press: Press, what: Happening) -> Change:
        """Cancel or acknowledge every open emergency: the finger cannot say which one it means.

        Only those that were raised before this press, for a cancellation that a button had kept for an hour
        says nothing about the alert of a minute ago.
        """
        meant = [
            standing
            for standing in self.open
            if standing.alert.kind is AlertKind.EMERGENCY
            and standing.alert.pressed_at <= press.pressed_at
            and life.after(standing.state, what) is not standing.state
        ]
        changes = [
            self._moved(standing, what, by=press.by, at=press.received_at, press=press.id if n == 0 else None)
            for n, standing in enumerate(meant)
        ]
        return Change(
            press=press.id,
            standings=tuple(s for change in changes for s in change.standings),
            history=tuple(h for change in changes for h in change.history),
            deliveries=tuple(d for change in changes for d in change.deliveries),
            withdraw=tuple(w for change in changes for w in change.withdraw),
        )

    def _moved(
        self, standing: Standing, what: Happening, *, by: str, at: datetime, press: UUID | None
    ) -> Change:
        alert = standing.alert
        cancelled = what is Happening.CANCELLED
        return Change(
            press=press,
            standings=(replace(standing, state=life.after(standing.state, what)),),
            history=(AlertEvent(alert.id, what, at, by, press),),
            deliveries=self._plan.for_those_told(alert, Purpose.CANCELLED, 0, at) if cancelled else (),
            withdraw=(alert.id,) if cancelled else (),
        )
