"""How an alert stands, and what a change of that has to write down in one commit."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from flicbridge.alert import life
from flicbridge.alert.alert import Alert, AlertEvent, AlertState, Delivery, Happening
from flicbridge.clock import Reading
from flicbridge.press.event import Counter


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert and how it stands.

    Attributes:
        alert: the alert.
        state: where it is in its life.
        presses: how many presses it has taken so far.
        last_press_at: the newest of them, UTC.
        told_at: when recipients were last told of a press, UTC.
        code: what helpers answer with by SMS; empty if they cannot.
        doubted: how many cancellations were not believed.
        seen_as: the state shown in the room since the first of those: where the alert would be, had they been
            believed. None if there was none.
        cancels: how often everybody was told of a cancellation, as far as the room is to know: it may be
            confirmed in between.
    """

    alert: Alert
    state: AlertState
    presses: int
    last_press_at: datetime
    told_at: datetime
    code: str = ""
    doubted: int = 0
    seen_as: AlertState | None = None
    cancels: int = 0

    @property
    def face(self) -> AlertState:
        """The state that is shown in the room."""
        return self.state if self.seen_as is None or self.state is AlertState.CLOSED else self.seen_as

    def seen(self) -> "Standing":
        """The same as the room sees it: nothing was ever doubted."""
        return replace(self, state=self.face, doubted=0, seen_as=None)

    def redated(self, now: Reading) -> "Standing":
        """The same, dated as the wall clock of now would have dated it: see `Alert.redated`."""
        alert = self.alert.redated(now)
        if alert is self.alert:
            return self
        error = alert.received_at - self.alert.received_at
        return replace(
            self, alert=alert, last_press_at=self.last_press_at + error, told_at=self.told_at + error
        )

    def after(self, what: Happening) -> "Standing":
        """How it stands after `what`, in truth and as it is seen in the room."""
        seen_as = None if self.seen_as is None else life.after(self.seen_as, what)
        return replace(self, state=life.after(self.state, what), seen_as=seen_as)

    def seems_to_move(self, what: Happening) -> bool:
        """Tell whether somebody in the room would see it move."""
        return life.after(self.face, what) is not self.face


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
        mark: how far the button's events are settled.
    """

    press: UUID | None = None
    standings: tuple[Standing, ...] = ()
    history: tuple[AlertEvent, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    mark: Mark | None = None
