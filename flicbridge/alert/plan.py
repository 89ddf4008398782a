"""The plan: who is told when, over which channels. Turns an alert into the deliveries it owes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from flicbridge.alert.alert import Alert, AlertKind, AlertState, Delivery, Purpose, delivery_id


@dataclass(frozen=True, slots=True)
class Route:
    """One channel of one recipient.

    Attributes:
        recipient: name in the configuration.
        channel: `recipient/index`, unique on this bridge.
        expires_after: how long a message on it is worth sending.
    """

    recipient: str
    channel: str
    expires_after: timedelta


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to tell this long after the press; skipped if the alert has been answered by then."""

    after: timedelta
    routes: tuple[Route, ...]
    unless: AlertState | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order; the first has no delay and no condition.

    Attributes:
        steps: for emergencies.
        test_routes: who gets the messages of a test.
    """

    steps: tuple[Step, ...]
    test_routes: tuple[Route, ...]

    def for_emergency(self, alert: Alert) -> tuple[Delivery, ...]:
        """Every delivery of a new alert, later steps included, so that a crash loses no escalation."""
        return tuple(
            _delivery(alert, Purpose.ALERT, 0, route, alert.received_at, number, step.after, step.unless)
            for number, step in enumerate(self.steps)
            for route in step.routes
        )

    def for_test(self, alert: Alert) -> tuple[Delivery, ...]:
        """The deliveries of a test: to those who agreed to get tests, at once."""
        return tuple(
            _delivery(alert, Purpose.ALERT, 0, route, alert.received_at) for route in self.test_routes
        )

    def for_those_told(
        self, alert: Alert, purpose: Purpose, occasion: int, at: datetime
    ) -> tuple[Delivery, ...]:
        """A follow-up to everybody whose step has come by `at`."""
        return tuple(_delivery(alert, purpose, occasion, route, at) for route in self._told_by(alert, at))

    def _told_by(self, alert: Alert, at: datetime) -> Iterator[Route]:
        if alert.kind is AlertKind.TEST:
            yield from self.test_routes
            return
        seen: set[str] = set()
        for step in self.steps:
            # A wall clock that was set back must not make the first step look as if it were still to come.
            if step.after and alert.received_at + step.after > at:
                continue
            for route in step.routes:
                if route.channel not in seen:
                    seen.add(route.channel)
                    yield route

    @property
    def longest_wait(self) -> timedelta:
        """The delay of the last step."""
        return max((step.after for step in self.steps), default=timedelta(0))


def _delivery(
    alert: Alert,
    purpose: Purpose,
    occasion: int,
    route: Route,
    made_at: datetime,
    step: int = 0,
    after: timedelta = timedelta(0),
    unless: AlertState | None = None,
) -> Delivery:
    return Delivery(
        id=delivery_id(alert.id, purpose, occasion, step, route.channel),
        alert=alert.id,
        purpose=purpose,
        occasion=occasion,
        recipient=route.recipient,
        channel=route.channel,
        made_at=made_at,
        due_at=made_at + after,
        expires_at=made_at + after + route.expires_after,
        unless=unless,
    )
