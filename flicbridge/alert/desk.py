"""The desk where presses become alerts: raise, join, cancel, acknowledge. Pure.

`decide` looks at what is open and says what to write down; the caller commits that, and only then tells
the desk with `apply`. So the desk never believes what is not on disk, and if the disk is sick the very same
change can be sent from memory.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final
from uuid import UUID

from flicbridge.alert import life
from flicbridge.alert.alert import (
    FOLLOW_UPS,
    Alert,
    AlertEvent,
    AlertKind,
    AlertState,
    Delivery,
    DeliveryState,
    Doctor,
    Happening,
    Practice,
    Purpose,
    Way,
)
from flicbridge.alert.caution import Caution
from flicbridge.alert.drill import is_drill
from flicbridge.alert.moves import Said, believed, doubted, is_doubtful, may_be_doubted, may_move
from flicbridge.alert.plan import Plan
from flicbridge.alert.press import Press as Press
from flicbridge.alert.press import Reaction as Reaction
from flicbridge.alert.standing import Change as Change
from flicbridge.alert.standing import Mark as Mark
from flicbridge.alert.standing import Standing as Standing
from flicbridge.alert.trial import got_through, has_result, unless_through
from flicbridge.clock import Reading, is_credible
from flicbridge.place.position import Position

BRIDGE: Final = "bridge"
"""Who does what nobody asked for, such as closing an alert for its age."""

MOST_CLOSED: Final = 100
"""How many alerts are remembered once they are closed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this bridge speaks for."""

    bridge: str
    doctor: Doctor
    practice: Practice


class Desk:
    """Knows the open alerts of this bridge and the rules for new presses."""

    def __init__(
        self,
        identity: Identity,
        plan: Plan,
        *,
        join_within: timedelta,
        renotify_every: timedelta,
        caution: Caution | None = None,
    ) -> None:
        self._identity = identity
        self._plan = plan
        self._join_within = join_within
        self._renotify_every = renotify_every
        self._caution = caution or Caution()
        self._standings: dict[UUID, Standing] = {}
        # The newest, for what of theirs is still under way. Those that were closed for their age stand as
        # they stood before: that nobody did anything is no answer, and with a wrong clock it may be too soon.
        self._closed: dict[UUID, Standing] = {}

    @property
    def plan(self) -> Plan:
        """Who is told when."""
        return self._plan

    def remember(self, standings: Iterable[Standing]) -> None:
        """Take over what was open before a restart."""
        for standing in standings:
            self._standings[standing.alert.id] = standing

    def redate(self, now: Reading) -> Sequence[Standing]:
        """Date everything anew that the wall clock dated before it was set; returns what that changed.

        Else a press just after would not join the alert of one just before, and an open alert would be closed
        for its age.
        """
        pairs = [(standing.redated(now), standing) for standing in self._standings.values()]
        redated = [new for new, old in pairs if new is not old]
        self.remember(redated)
        return redated

    def apply(self, change: Change) -> None:
        """Believe a change that has been committed (or could not be, and is sent from memory)."""
        aged = {event.alert for event in change.history if event.by == BRIDGE}
        for standing in change.standings:
            alert = standing.alert.id
            if standing.state is AlertState.CLOSED:
                before = self._standings.pop(alert, standing)
                self._closed[alert] = before if alert in aged else standing
                for oldest in list(self._closed)[:-MOST_CLOSED]:
                    del self._closed[oldest]
            else:
                self._standings[alert] = standing

    @property
    def open(self) -> Sequence[Standing]:
        """Alerts that still call for help as far as the room is to know, oldest press first."""
        return self._unended(lambda s: s.alert.kind is not AlertKind.TEST)

    def trials(self, held: Container[UUID], now_at: datetime) -> Sequence[Standing]:
        """Tests and drills that have no result yet, oldest first; see `has_result`."""
        return self._unended(
            lambda s: s.alert.kind is AlertKind.TEST and not has_result(s, held, now_at),
        )

    def _unended(self, is_meant: Callable[[Standing], bool]) -> Sequence[Standing]:
        found = (s for s in self._standings.values() if s.face in life.OPEN and is_meant(s))
        return sorted(found, key=lambda s: s.alert.pressed_at)

    @property
    def known(self) -> Sequence[Standing]:
        """Alerts that are not closed."""
        return tuple(self._standings.values())

    def stale(self, before: datetime) -> Sequence[Standing]:
        """Alerts whose last press was before a time, as far as it has a date."""
        return [
            s for s in self._standings.values() if s.last_press_at < before and is_credible(s.last_press_at)
        ]

    def standing(self, alert: UUID) -> Standing | None:
        """How an alert stands, or None if it is closed or unknown."""
        return self._standings.get(alert)

    def is_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a delivery still makes sense to its recipient."""
        standing = self._standings.get(delivery.alert) or self._closed.get(delivery.alert)
        if standing is None or (delivery.purpose in FOLLOW_UPS and delivery.unless is None):
            return True  # what we know nothing of is sent rather than swallowed
        if self._caution.is_doctors(delivery.recipient):  # whoever forced the doctor may be holding it
            return life.wants(standing.face, delivery)
        return life.wants(standing.state, delivery)

    def is_seen_wanted(self, delivery: Delivery) -> bool:
        """Tell whether the room would expect a delivery to be sent."""
        standing = self._standings.get(delivery.alert)
        return standing is None or life.wants(standing.face, delivery)

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

    def move(self, alert: UUID, what: Happening, said: Said) -> Change | None:
        """Say what it changes that a person acknowledges, cancels, confirms or closes an alert.

        Returns:
            The change, or None if the alert is unknown or already beyond that. A reply is written down also
            if it changes nothing, or it might when it is read again after a restart. Where a PIN is asked for
            there is always something to write, be it what is known: how long that takes must not tell whether
            an earlier cancellation was believed.
        """
        standing = self._standings.get(alert)
        if standing is None:
            return None
        change = self._moved(standing, what, said)
        if change is None and said.press is not None:
            return Change(said.press, (standing,), (said.event(alert, Happening.HEARD),))
        if change is None and self._caution.asks_pin and may_be_doubted(standing, what, said, self._caution):
            return Change(standings=(standing,))
        return change

    def may_move(self, alert: UUID, what: Happening, said: Said) -> bool:
        """Tell whether whoever says that will see an alert move."""
        standing = self._standings.get(alert)
        return standing is not None and may_move(standing, what, said, self._caution)

    def is_hushed(self, alert: UUID) -> bool:
        """True of an alert that goes on although the room sees that it was stopped."""
        standing = self._standings.get(alert)
        return standing is not None and standing.seen_as is not None

    def is_secret(self, alert: UUID, what: Happening, said: Said) -> bool:
        """True of what helpers are about to do that the room must not notice.

        That is, had the doubted cancellation been believed, it would move nothing.
        """
        standing = self._standings.get(alert)
        if standing is None or standing.seen_as is None or standing.seems_to_move(what):
            return False
        return not self._caution.is_in_the_room(said.by, said.way)

    def by_code(self, code: str) -> Standing | None:
        """The alert that a reply by SMS means, if it is not closed."""
        return next((standing for standing in self.known if standing.code == code), None)

    def _open_one_for(self, press: Press) -> Standing | None:
        """The open emergency this press belongs to: the one last pressed near the same time, if any.

        One of an earlier life of the machine may be hours old, whatever the dates say, and long answered: a
        press that joined it would alarm nobody. So it is a call of its own; at worst people are told twice.
        """
        if not self._join_within:
            return None
        near = [
            standing
            for standing in self._standings.values()
            if standing.face in life.OPEN
            and standing.alert.kind is AlertKind.EMERGENCY
            and self._is_as_alarming(press, standing.alert)
            and press.is_comparable(standing.alert)
            and abs(press.pressed_at - standing.last_press_at) < self._join_within
        ]
        return max(near, key=lambda s: s.last_press_at, default=None)

    def _is_as_alarming(self, press: Press, alert: Alert) -> bool:
        """A fresh press must not hide inside the alert of an old one, of which people are only informed."""
        only_informs = self._plan.only_informs_of
        return only_informs(press.pressed_at, press.received_at) or not only_informs(
            alert.pressed_at, alert.received_at
        )

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
            received_up=press.received_up,
        )
        plan, code = self._plan, self._new_code(alert.id)
        return Change(
            press=press.id,
            standings=(Standing(alert, AlertState.RAISED, 1, press.pressed_at, press.received_at, code),),
            history=(AlertEvent(alert.id, Happening.RAISED, press.received_at, press.by, press.id),),
            deliveries=self._for_test(alert) if kind is AlertKind.TEST else plan.for_emergency(alert),
        )

    def _for_test(self, alert: Alert) -> tuple[Delivery, ...]:
        """The messages of a test; and for the doctor who made it, one for the case that none arrives."""
        messages = self._plan.for_test(alert)
        if is_drill(alert.button):
            return messages
        return (*messages, *unless_through(alert, self._caution.doctor_routes))

    def confirm_test(self, standing: Standing, by: Delivery, state: DeliveryState, at: datetime) -> Change:
        """Say that the doctor is told that a test of theirs got through, or nothing.

        Args:
            standing: the test, as it stands now that it did.
            by: its message that was the first to arrive.
            state: whether that was sent or delivered.
            at: when.
        """
        alert = standing.alert
        if alert.kind is not AlertKind.TEST or is_drill(alert.button):
            return Change()
        return Change(
            standings=(standing,),
            deliveries=got_through(alert, self._caution.doctor_routes, by.recipient, state, at),
        )

    def _new_code(self, alert: UUID) -> str:
        """A code that no alert has that is not closed."""
        seal = self._caution.seal
        if seal is None:
            return ""
        taken = {standing.code for standing in self.known}
        return next(code for turn in count() if (code := seal.code(alert, turn)) not in taken)

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
            deliveries=self._plan.for_those_told(
                alert, Purpose.AGAIN, joined.presses - 1, press.received_at, press.received_up
            )
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
            for standing in self.known
            if standing.face in life.MEANT
            and standing.alert.kind is AlertKind.EMERGENCY
            and press.follows(standing.alert)
            and standing.seems_to_move(what)
        ]
        said = Said(
            press.by,
            press.received_at,
            Way.BUTTON,
            is_proven=not self._caution.asks_pin,
            up=press.received_up,
        )
        found = (
            self._moved(standing, what, replace(said, press=press.id if n == 0 else None))
            for n, standing in enumerate(meant)
        )
        changes = [change for change in found if change is not None]
        return Change(
            press=press.id,
            standings=tuple(s for change in changes for s in change.standings),
            history=tuple(h for change in changes for h in change.history),
            deliveries=tuple(d for change in changes for d in change.deliveries),
        )

    def _moved(self, standing: Standing, what: Happening, said: Said) -> Change | None:
        move = doubted if is_doubtful(standing, what, said, self._caution) else believed
        return move(standing, what, said, plan=self._plan, caution=self._caution)
