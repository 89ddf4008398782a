"""A test message over one channel, by its real transport: marked as a drill, measured, and never repeated."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from flicbridge.errors import DeliveryError

if TYPE_CHECKING:
    from flicbridge.clock import Clock
    from flicbridge.config import Settings
    from flicbridge.credentials import Credentials
    from flicbridge.transport.base import ChannelOptions, Message, Transport

SLACK_S: Final = 1.0
EXPIRES_AFTER: Final = timedelta(minutes=5)
# A phone tells within some seconds that an SMS has reached the other one, or it does not tell at all.
FOLLOW_S: Final = 20.0
FOLLOW_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it.

    Attributes:
        took_s: until the other side had taken it, or refused.
        error: why it did not; empty if it did.
        delivered_s: until it had reached the handset; None if that is not known.
    """

    took_s: float
    error: str = ""
    delivered_s: float | None = None


async def send_drill(
    settings: "Settings",
    recipient: str,
    options: "ChannelOptions",
    credentials: "Credentials",
    on_taken: Callable[[float], None],
) -> Result:
    """Send one test message, once.

    Args:
        settings: who and where.
        recipient: who is told.
        options: the channel.
        credentials: where its secret is.
        on_taken: told when the other side has taken it, and after how many seconds.

    Raises:
        ConfigError: the channel cannot be opened; says why.
    """
    from flicbridge.clock import LoopClock
    from flicbridge.transport.base import Context
    from flicbridge.transport.registry import build

    clock = LoopClock(asyncio.get_running_loop())
    context = Context(credentials.get, clock, settings.bridge.id)
    message = _message(settings, recipient, clock)
    longest_s = max(options.timeout, options.patience).total_seconds()
    async with build(options, context) as transport:
        began_s = clock.now_s()
        try:
            async with asyncio.timeout(longest_s + SLACK_S):
                receipt = await transport.deliver(replace(message, timeout_s=longest_s))
        except DeliveryError as error:
            return Result(clock.now_s() - began_s, str(error))
        except TimeoutError:
            return Result(clock.now_s() - began_s, f"no answer within {longest_s + SLACK_S:g} s")
        took_s = clock.now_s() - began_s
        on_taken(took_s)
        return await _followed(transport, receipt.provider_id, took_s, began_s, clock)


def _message(settings: "Settings", recipient: str, clock: "Clock") -> "Message":
    """The message of a test alert that no button has raised."""
    from flicbridge.alert.alert import Alert, AlertKind, Purpose
    from flicbridge.transport.render import render

    now = clock.reading()
    alert = Alert(
        id=uuid4(),
        kind=AlertKind.TEST,
        bridge=settings.bridge.id,
        button="setup",
        gesture="test",
        pressed_at=now.at,
        received_at=now.at,
        was_queued=False,
        doctor=settings.doctor.value(),
        practice=settings.practice.value(),
        position=settings.practice.place(),
        received_up=now.up,
    )
    delivery = uuid4()
    return render(
        alert,
        Purpose.ALERT,
        0,
        key=str(delivery),
        delivery=delivery,
        recipient=recipient,
        attempt=1,
        sent_at=now.at,
        expires_at=now.at + EXPIRES_AFTER,
        language=settings.bridge.language,
        timezone=settings.bridge.timezone,
        fresh_s=settings.alerts.fresh.total_seconds(),
        sent_up=now.up,
    )


async def _followed(
    transport: "Transport[Any]", provider_id: str | None, took_s: float, began_s: float, clock: "Clock"
) -> Result:
    """Ask what became of a message that was taken, where that can be asked."""
    from flicbridge.alert.alert import DeliveryState
    from flicbridge.errors import PermanentDeliveryError, TransientDeliveryError

    if not transport.follows or provider_id is None:
        return Result(took_s)
    until_s = clock.now_s() + FOLLOW_S
    while clock.now_s() < until_s:
        try:
            async with asyncio.timeout(FOLLOW_S):
                found = await transport.follow(provider_id)
        except PermanentDeliveryError as error:
            return Result(took_s, str(error))
        except TransientDeliveryError as error:
            if error.resend_as_new:  # it was taken, and then given up
                return Result(took_s, str(error))
        except TimeoutError:
            return Result(took_s)
        else:
            if getattr(found, "state", found) is DeliveryState.DELIVERED:
                return Result(took_s, delivered_s=clock.now_s() - began_s)
        await clock.sleep(FOLLOW_EVERY_S)
    return Result(took_s)
