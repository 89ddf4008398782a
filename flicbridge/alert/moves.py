"""What follows when a person acknowledges, cancels, confirms or closes an alert. Pure.

A cancellation tells everybody who was told, with who cancelled, how and when; it unsends nothing. One that
may have been forced looks in the room exactly like any other: the same answer, the same state, the same
messages by the same names. In truth the alert goes on, and those who were told read that it is doubted.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from flicbridge.alert import life
from flicbridge.alert.alert import (
    AlertEvent,
    AlertKind,
    AlertState,
    Delivery,
    Happening,
    Purpose,
    Way,
)
from flicbridge.alert.caution import MOST_DOUBTED, Caution
from flicbridge.alert.plan import Plan
from flicbridge.alert.standing import Change, Standing
from flicbridge.clock import Uptime

ON_IT: Final = frozenset({AlertState.ACKNOWLEDGED, AlertState.CONFIRMED})
"""States in which the doctor's devices have been told that somebody is on it."""

DOUBTS: Final = {
    Happening.CANCELLED: Happening.DOUBTED,
    Happening.ACKNOWLEDGED: Happening.DOUBTED_ANSWER,
}
"""What would stop an alert, and what it is called if it may have been forced."""

WITH_PIN: Final = frozenset({Way.API, Way.CLI})
"""Ways over which a PIN can be given, and so tried out."""

FOR_HELPERS: Final = frozenset({Happening.CONFIRMED, Happening.FALSE_ALARM, Happening.CLOSED})
"""What would end an alert, or keep others from being told, and takes no PIN."""


@dataclass(frozen=True, slots=True)
class Said:
    """Who did something about an alert.

    Attributes:
        by, at, way, said_at: as in `AlertEvent`.
        press: id of the press or reply behind it, if one was.
        is_proven: True if nothing says that it was forced: the PIN was right, or none is asked.
        up: `at` by the machine's own count.
    """

    by: str
    at: datetime
    way: Way = Way.NONE
    said_at: datetime | None = None
    press: UUID | None = None
    is_proven: bool = True
    up: Uptime | None = None

    def event(self, alert: UUID, what: Happening) -> AlertEvent:
        """The line of history that says so."""
        return AlertEvent(alert, what, self.at, self.by, self.press, self.way, self.said_at)

    def told(self, deliveries: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
        """Follow-ups that say who it was."""
        return tuple(replace(delivery, by=self.by, way=self.way) for delivery in deliveries)


def is_doubtful(standing: Standing, what: Happening, said: Said, caution: Caution) -> bool:
    """Tell whether something that would stop the alert may have been forced.

    Only emergencies are worth forcing somebody.
    """
    is_unproven = not said.is_proven or standing.doubted >= MOST_DOUBTED
    return is_unproven and may_be_doubted(standing, what, said, caution)


def may_be_doubted(standing: Standing, what: Happening, said: Said, caution: Caution) -> bool:
    """Tell whether it matters if it is proven who did this."""
    in_the_room = caution.is_in_the_room(said.by, said.way)
    return what in DOUBTS and in_the_room and standing.alert.kind is not AlertKind.TEST


def may_move(standing: Standing, what: Happening, said: Said, caution: Caution) -> bool:
    """Tell whether whoever says that may do it, and would see the alert move.

    Where a PIN is asked, nobody in the room clears the doubt of an emergency or puts it away.
    """
    if not caution.is_in_the_room(said.by, said.way):
        return standing.after(what) != standing
    ends = caution.asks_pin and what in FOR_HELPERS and standing.alert.kind is not AlertKind.TEST
    return standing.seems_to_move(what) and not ends


def believed(
    standing: Standing, what: Happening, said: Said, *, plan: Plan, caution: Caution
) -> Change | None:
    """What follows from what was done; None if it moves nothing.

    A cancellation with the right PIN is believed also if it follows a doubted one and seems to move nothing.
    And what moves nothing may seem to: one more confirmation of an alert that seems to be cancelled since.
    """
    moved, cancelled = standing.after(what), what is Happening.CANCELLED
    if moved == standing:
        return None
    if not (cancelled or may_move(standing, what, said, caution)):
        return None
    alert = standing.alert
    deliveries: tuple[Delivery, ...] = ()
    if cancelled and standing.seems_to_move(what):
        deliveries = plan.for_those_told(alert, Purpose.CANCELLED, standing.cancels, said.at, said.up)
        moved = replace(moved, cancels=standing.cancels + 1)
    elif cancelled:
        # It follows a doubted one: believed, that would have left nothing to cancel. The room sees nothing.
        deliveries = plan.for_those_told(alert, Purpose.CANCELLED, -standing.doubted, said.at, said.up)
    else:
        deliveries = _for_the_doctor(standing, moved, said, plan=plan, caution=caution)
    return Change(
        press=said.press,
        standings=(moved,),
        history=(said.event(alert.id, what),),
        deliveries=said.told(deliveries),
    )


def doubted(
    standing: Standing, what: Happening, said: Said, *, plan: Plan, caution: Caution
) -> Change | None:
    """What follows from what may have been forced; None if, believed, it would move nothing.

    The doctor's own devices, which an attacker may be holding, read what they would read of a believed
    cancellation. Whoever tries again is written down, and nobody is told twice. What is only said again,
    where no PIN can be given, tries nothing out.
    """
    only_again = said.way not in WITH_PIN and not standing.seems_to_move(what)
    if only_again or life.after(standing.state, what) is standing.state:
        return None
    alert = standing.alert
    tells = what is Happening.CANCELLED and standing.seems_to_move(what)
    moved = replace(standing, doubted=standing.doubted + 1, seen_as=life.after(standing.face, what))
    if tells:
        doubts = plan.for_those_told(alert, Purpose.DOUBTED, standing.cancels, said.at, said.up)
        moved = replace(moved, cancels=standing.cancels + 1)
        follow_ups = tuple(_for_whom(delivery, caution) for delivery in doubts)
    else:
        follow_ups = _for_the_doctor(standing, moved, said, plan=plan, caution=caution)
    return Change(
        press=said.press,
        standings=(moved,),
        history=(said.event(alert.id, DOUBTS[what]),),
        deliveries=said.told(follow_ups),
    )


def _for_the_doctor(
    before: Standing, moved: Standing, said: Said, *, plan: Plan, caution: Caution
) -> tuple[Delivery, ...]:
    """What tells the doctor's own devices that somebody is on it, as far as the room is to know."""
    if moved.face not in ON_IT or before.face in ON_IT:
        return ()
    return plan.for_routes(before.alert, Purpose.ANSWERED, before.cancels, caution.doctor_routes, said.at)


def _for_whom(delivery: Delivery, caution: Caution) -> Delivery:
    harmless = caution.is_doctors(delivery.recipient)
    return replace(delivery, purpose=Purpose.CANCELLED) if harmless else delivery
