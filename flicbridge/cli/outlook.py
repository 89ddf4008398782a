"""What the settings come to: who would be told what and when. The facts of `flicbridge plan explain`.

They are not told by hand: the plan, the agenda and the retry schedule of the bridge itself are asked. Times
are seconds after the press; of an old one, after the bridge learnt of it.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from flicbridge.alert.alert import AlertKind, Purpose
from flicbridge.alert.forecast import SOME_DAY, Expected, forecast, imagined
from flicbridge.config.plan import channels_of, plan_of
from flicbridge.outbox.circuit import OPENS_AFTER
from flicbridge.outbox.schedule import Schedule

if TYPE_CHECKING:
    from flicbridge.alert.plan import Plan
    from flicbridge.config import Settings

type Json = dict[str, Any]

# Long enough to see every wait of the schedule.
RETRIES: Final = 200


def outlook(settings: "Settings") -> Json:
    """Everything that `flicbridge plan explain --json` prints."""
    plan = plan_of(settings)
    expected = forecast(plan, imagined())
    return {
        "if_nobody_answers": list(_messages(plan, expected)),
        "given_up_after_s": plan.give_up_after.total_seconds(),
        "if_a_channel_fails": [_failure(plan, channel) for _, channel, _ in channels_of(settings)],
        "if_it_cannot_be_reached": _retries(Schedule()) | {"next_channel_after": _failures_allowed(plan)},
        "if_cancelled": list(_cancellations(plan)),
        "late": _late(settings, plan),
        "tests": [_message(e) for e in forecast(plan, imagined(AlertKind.TEST))],
        "channels": {
            channel: {
                "transport": options.transport,
                "expires_after_s": options.expires_after.total_seconds(),
            }
            for _, channel, options in channels_of(settings)
        },
    }


def _messages(plan: "Plan", expected: Iterable[Expected]) -> Iterator[Json]:
    """Every message, and whether it leaves even if somebody has acknowledged the alert by then."""
    answered = {e.delivery.id for e in forecast(plan, imagined(), answered_after=timedelta(0))}
    for each in expected:
        yield _message(each) | {"even_if_acknowledged": each.delivery.id in answered}


def _message(expected: Expected) -> Json:
    delivery = expected.delivery
    return {
        "after_s": expected.after.total_seconds(),
        "recipient": delivery.recipient,
        "channel": delivery.channel,
        "message": delivery.purpose.value,
        "number": delivery.occasion,
        "step": delivery.step,
        "because": expected.because.value,
    }


def _failure(plan: "Plan", channel: str) -> Json:
    """What is left if one channel refuses every message for good."""
    expected = [
        e for e in forecast(plan, imagined(), failing={channel}) if e.delivery.purpose is Purpose.ALERT
    ]
    recipient = channel.rpartition("/")[0]
    others = [e for e in expected if e.delivery.channel != channel]
    return {
        "channel": channel,
        "recipient": recipient,
        "is_used": any(e.delivery.channel == channel for e in expected),
        "instead": [_message(e) for e in others if e.delivery.recipient == recipient],
        "first_others": [_message(e) for e in others if e.after == min(other.after for other in others)],
    }


def _retries(schedule: Schedule) -> Json:
    """When a message is tried again that a channel cannot take at the moment, without the random part."""
    waits_s = [schedule.wait_s(failures, None, lambda: 0.0) for failures in range(1, RETRIES)]
    steady = [(wait_s, len(list(run))) for wait_s, run in groupby(waits_s)]
    at_s, tries, rhythms = 0.0, [], []
    for wait_s, times in steady:
        if times == 1:
            tries.append(round(at_s + wait_s, 1))
        else:
            rhythms.append({"from_s": round(at_s, 1), "every_s": wait_s})
        at_s += wait_s * times
    return {"tries_s": tries, "then": rhythms}


def _failures_allowed(plan: "Plan") -> int | None:
    """After how many failures in a row the next channel has its turn; None if all are used at once anyway."""
    in_turn = any(route.turn for step in plan.steps for route in step.routes)
    return OPENS_AFTER if in_turn else None


def _cancellations(plan: "Plan") -> Iterator[Json]:
    """Who is told of a cancellation, from when on."""
    before: list[str] = []
    for after in sorted({step.after for step in plan.steps}):
        told = plan.for_those_told(imagined(), Purpose.CANCELLED, 0, SOME_DAY + after)
        recipients = list(dict.fromkeys(delivery.recipient for delivery in told))
        if recipients != before:
            yield {"from_s": after.total_seconds(), "recipients": recipients}
        before = recipients


def _late(settings: "Settings", plan: "Plan") -> Json:
    alerts = settings.alerts
    late: Json = {"fresh_s": alerts.fresh.total_seconds(), "old_s": None, "plan": "same", "old": []}
    if alerts.late is not None:
        old = imagined(late=alerts.late.after + timedelta(seconds=1))
        late["old_s"] = alerts.late.after.total_seconds()
        late["plan"] = alerts.late.plan.value
        late["old"] = [_message(e) for e in forecast(plan, old)]
    return late
