"""The plan: who is told when, over which channels. Turns an alert into the deliveries it owes.

All of them are known at the press: later steps, reminders, and the channels kept in reserve. So one commit
holds everything that will ever fall due by itself, and a crash loses none of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from flicbridge.alert.alert import Alert, AlertKind, AlertState, Delivery, Purpose, delivery_id
from flicbridge.alert.drill import is_drill
from flicbridge.clock import Uptime

AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Route:
    """One channel of one recipient.

    Attributes:
        recipient: name in the configuration.
        channel: `recipient/index`, unique on this bridge.
        expires_after: how long a message on it is worth sending.
        turn, next_after: as in `Delivery`.
    """

    recipient: str
    channel: str
    expires_after: timedelta
    turn: int = 0
    next_after: timedelta | None = None

    @property
    def waits(self) -> timedelta:
        """How long it stays in reserve if no channel fails and nobody answers."""
        return self.turn * (self.next_after or AT_ONCE)


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to tell this long after the press; skipped if the alert has been answered by then.

    Attributes:
        repeat: remind them this often while nobody answers; None: never.
        times: at most so often; None: until the alert is given up.
    """

    after: timedelta
    routes: tuple[Route, ...]
    unless: AlertState | None = None
    repeat: timedelta | None = None
    times: int | None = None

    def reminders(self, give_up_after: timedelta) -> Iterator[tuple[int, timedelta]]:
        """The reminders of this step, each with how long after the press; all of them before the end."""
        if self.repeat is None:
            return
        number, due = 1, self.after + self.repeat
        while due < give_up_after and (self.times is None or number <= self.times):
            yield number, due
            number, due = number + 1, due + self.repeat


@dataclass(frozen=True, slots=True)
class OldPresses:
    """Of a press that was older than this when the bridge learnt of it, only these are told, once."""

    after: timedelta
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order; the first has no delay and no condition.

    Attributes:
        steps: for emergencies.
        test_routes: who gets the messages of a test.
        give_up_after: the end: nothing new is sent for an alert that nobody has answered by then.
        old_presses: what is done about old presses, or None if they are treated like all others.
        drill_routes: who gets the messages of a drill, by what raises it (`DrillKind.actor`).
    """

    steps: tuple[Step, ...]
    test_routes: tuple[Route, ...]
    give_up_after: timedelta = timedelta(hours=2)
    old_presses: OldPresses | None = None
    drill_routes: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)

    def for_emergency(self, alert: Alert) -> tuple[Delivery, ...]:
        """Every delivery of a new alert, later steps included, so that a crash loses no escalation."""
        return tuple(
            delivery
            for number, step in enumerate(self.steps_for(alert))
            for delivery in (*_messages(alert, number, step), *self._reminders(alert, number, step))
        )

    def for_test(self, alert: Alert) -> tuple[Delivery, ...]:
        """The deliveries of a test: to those who agreed to get tests, at once."""
        return tuple(
            _delivery(alert, Purpose.ALERT, 0, route, alert.received_at) for route in self._tested_by(alert)
        )

    def _tested_by(self, alert: Alert) -> tuple[Route, ...]:
        """Whom a test concerns: a drill has recipients of its own."""
        return self.drill_routes.get(alert.button, ()) if is_drill(alert.button) else self.test_routes

    def for_those_told(
        self, alert: Alert, purpose: Purpose, occasion: int, at: datetime, up: Uptime | None = None
    ) -> tuple[Delivery, ...]:
        """A follow-up to everybody whose step may have come, over every channel at once.

        Nobody who was told may miss it, and which of the channels they look at cannot be known.

        Args:
            alert, purpose, occasion: which follow-up of which alert.
            at: now, UTC.
            up: `at` by the machine's own count; None: only dates tell what has come by now.
        """
        return tuple(
            _delivery(alert, purpose, occasion, _at_once(route), at) for route in self._told_by(alert, at, up)
        )

    def for_routes(
        self, alert: Alert, purpose: Purpose, occasion: int, routes: Iterable[Route], at: datetime
    ) -> tuple[Delivery, ...]:
        """A follow-up to these, over every channel at once."""
        return tuple(_delivery(alert, purpose, occasion, _at_once(route), at) for route in routes)

    def steps_for(self, alert: Alert) -> tuple[Step, ...]:
        """The steps that an alert takes: of an old press only some are told, and there is no escalation."""
        if self.old_presses is not None and self.only_informs_of(alert.pressed_at, alert.received_at):
            return (Step(AT_ONCE, self.old_presses.routes),)
        return self.steps

    def only_informs_of(self, pressed_at: datetime, received_at: datetime) -> bool:
        """True if a press is so old that people are told of it, but not alarmed until somebody answers."""
        return self.old_presses is not None and received_at - pressed_at > self.old_presses.after

    def _reminders(self, alert: Alert, number: int, step: Step) -> Iterator[Delivery]:
        for occasion, due in step.reminders(self.give_up_after):
            for route in step.routes:
                yield _delivery(
                    alert,
                    Purpose.REMINDER,
                    occasion,
                    route,
                    alert.received_at,
                    number,
                    due,
                    AlertState.ACKNOWLEDGED,
                )

    def _told_by(self, alert: Alert, at: datetime, up: Uptime | None) -> Iterator[Route]:
        if alert.kind is AlertKind.TEST:
            yield from self._tested_by(alert)
            return
        seen: set[str] = set()
        for step in self.steps_for(alert):
            if _is_to_come(step, alert, at, up):
                continue
            for route in step.routes:
                if route.channel not in seen:
                    seen.add(route.channel)
                    yield route

    @property
    def longest_wait(self) -> timedelta:
        """The longest that anything of a new alert waits before it is due."""
        drills = (route for routes in self.drill_routes.values() for route in routes)
        at_once = (*self.test_routes, *drills, *(self.old_presses.routes if self.old_presses else ()))
        steps = (*self.steps, Step(AT_ONCE, at_once))
        return max((wait for step in steps for wait in self._waits(step)), default=AT_ONCE)

    def _waits(self, step: Step) -> Iterator[timedelta]:
        dues = (step.after, *(due for _, due in step.reminders(self.give_up_after)))
        return (due + route.waits for due in dues for route in step.routes)


def overtaken(deliveries: Iterable[Delivery], now_at: datetime) -> set[UUID]:
    """Which reminders need not be sent after the bridge was down, for they would arrive as a bunch.

    Of the messages of one step that are due on one channel, the alert itself is sent, or the latest reminder.
    """
    due: dict[tuple[UUID, int, str], list[Delivery]] = {}
    for delivery in deliveries:
        if delivery.due_at <= now_at and delivery.purpose in (Purpose.ALERT, Purpose.REMINDER):
            due.setdefault((delivery.alert, delivery.step, delivery.channel), []).append(delivery)
    return {delivery.id for bunch in due.values() for delivery in sorted(bunch, key=_rank)[1:]}


def _rank(delivery: Delivery) -> tuple[bool, int]:
    return delivery.purpose is Purpose.REMINDER, -delivery.occasion


def follow_up(
    alert: Alert,
    purpose: Purpose,
    occasion: int,
    route: Route,
    at: datetime,
    *,
    after: timedelta = AT_ONCE,
    unless: AlertState | None = None,
    by: str = "",
) -> Delivery:
    """A message over one channel, whichever turn that has, about what happened at that time."""
    made = _delivery(alert, purpose, occasion, _at_once(route), at, after=after, unless=unless)
    return replace(made, by=by)


def _is_to_come(step: Step, alert: Alert, at: datetime, up: Uptime | None) -> bool:
    """Tell whether nobody can have been told by a step yet.

    The first step has always come: a wall clock that was set back must not make it look otherwise. After a
    restart of the machine every step may have come, for neither its count nor its dates say how long ago the
    alert was raised.
    """
    if not step.after:
        return False
    if up is None:
        return alert.received_at + step.after > at
    since_s = up.since_s(alert.received_up)
    return since_s is not None and since_s < step.after.total_seconds()


def _at_once(route: Route) -> Route:
    return Route(route.recipient, route.channel, route.expires_after)


def _messages(alert: Alert, number: int, step: Step) -> Iterator[Delivery]:
    for route in step.routes:
        yield _delivery(alert, Purpose.ALERT, 0, route, alert.received_at, number, step.after, step.unless)


def _delivery(
    alert: Alert,
    purpose: Purpose,
    occasion: int,
    route: Route,
    made_at: datetime,
    step: int = 0,
    after: timedelta = AT_ONCE,
    unless: AlertState | None = None,
) -> Delivery:
    due_at = made_at + after + route.waits
    return Delivery(
        id=delivery_id(alert.id, purpose, occasion, step, route.channel),
        alert=alert.id,
        purpose=purpose,
        occasion=occasion,
        recipient=route.recipient,
        channel=route.channel,
        made_at=made_at,
        due_at=due_at,
        expires_at=due_at + route.expires_after,
        unless=unless,
        step=step,
        turn=route.turn,
        next_after=route.next_after,
    )
