"""The plan and the channels of a settings file: what the bridge carries out and `plan explain` tells."""

from collections.abc import Iterable, Iterator

from flicbridge.alert.alert import AlertState
from flicbridge.alert.caution import Caution
from flicbridge.alert.desk import Desk, Identity
from flicbridge.alert.plan import OldPresses, Plan, Route, Step
from flicbridge.alert.settings import OldPressPlan, StepSettings
from flicbridge.config.settings import Order, RecipientSettings, Settings
from flicbridge.transport.base import ChannelOptions


def channels_of(settings: Settings) -> Iterator[tuple[str, str, ChannelOptions]]:
    """Recipient, channel and options of every channel; a channel is called `recipient/index`."""
    for recipient in settings.recipients:
        for index, options in enumerate(recipient.channels):
            yield recipient.name, f"{recipient.name}/{index}", options


def routes_to(settings: Settings, names: Iterable[str]) -> tuple[Route, ...]:
    """Every channel of these recipients."""
    routes = {recipient.name: _routes(recipient) for recipient in settings.recipients}
    return tuple(route for name in names for route in routes[name])


def desk_of(settings: Settings, plan: Plan, caution: Caution) -> Desk:
    """The desk, with the identity and the rules of the settings."""
    return Desk(
        Identity(settings.bridge.id, settings.doctor.value(), settings.practice.value()),
        plan,
        join_within=settings.alerts.join_within,
        renotify_every=settings.alerts.renotify_every,
        caution=caution,
    )


def plan_of(settings: Settings) -> Plan:
    """The plan with its recipients looked up."""

    def to(names: Iterable[str]) -> tuple[Route, ...]:
        return routes_to(settings, names)

    return Plan(
        steps=tuple(_step(step, to(step.notify)) for step in settings.plan),
        test_routes=to(settings.test_recipients),
        give_up_after=settings.alerts.give_up_after,
        old_presses=_old_presses(settings, to(settings.old_press_recipients)),
        drill_routes={kind.actor: to(names) for kind, names in settings.drills.recipients().items()},
    )


def _routes(recipient: RecipientSettings) -> tuple[Route, ...]:
    in_turn = recipient.order is Order.IN_TURN and len(recipient.channels) > 1
    return tuple(
        Route(
            recipient.name,
            f"{recipient.name}/{index}",
            options.expires_after,
            turn=index if in_turn else 0,
            next_after=recipient.next_after if in_turn else None,
        )
        for index, options in enumerate(recipient.channels)
    )


def _step(step: StepSettings, routes: tuple[Route, ...]) -> Step:
    unless = AlertState(step.unless) if step.unless else None
    return Step(step.after, routes, unless, step.repeat, step.times)


def _old_presses(settings: Settings, routes: tuple[Route, ...]) -> OldPresses | None:
    late = settings.alerts.late
    if late is None or late.plan is not OldPressPlan.INFORM:
        return None
    return OldPresses(late.after, routes)
