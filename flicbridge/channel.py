"""Between the courier and a transport: a job leaves as a message, a receipt comes back as an outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flicbridge.alert.alert import DeliveryState
from flicbridge.clock import Clock
from flicbridge.outbox.carrier import Handed
from flicbridge.outbox.job import Job
from flicbridge.transport.base import Message, Transport
from flicbridge.transport.render import render


@dataclass(frozen=True, slots=True)
class Words:
    """How this bridge speaks.

    Attributes:
        language: of the messages.
        timezone: key of the practice's time zone.
        fresh: an older press is called late.
    """

    language: str
    timezone: str
    fresh: timedelta

    def message(self, job: Job, clock: Clock) -> Message:
        """Put a job into words as of now, so that the age in them is true when they leave the house."""
        delivery = job.delivery
        return render(
            job.alert,
            delivery.purpose,
            delivery.occasion,
            key=job.key,
            delivery=delivery.id,
            recipient=delivery.recipient,
            attempt=job.attempts,
            sent_at=clock.now_at(),
            expires_at=delivery.expires_at,
            language=self.language,
            timezone=self.timezone,
            fresh_s=self.fresh.total_seconds(),
            occasion_at=delivery.made_at,
        )


class TransportCarrier:
    """Carries over a real transport."""

    def __init__(self, transport: Transport[Any], words: Words, clock: Clock) -> None:
        self._transport = transport
        self._words = words
        self._clock = clock
        self.timeout_s: float = transport.options.timeout.total_seconds()
        self.follows: bool = transport.follows

    async def carry(self, job: Job) -> Handed:
        """Try once."""
        receipt = await self._transport.deliver(self._words.message(job, self._clock))
        return Handed(receipt.state, receipt.provider_id, receipt.detail)

    async def follow(self, job: Job) -> Handed:
        """Ask what became of it."""
        return Handed(await self._transport.follow(job.provider_id or ""), job.provider_id)


class RehearsalCarrier:
    """Shows what would be sent, and sends nothing: `flicbridge run --dry-run`."""

    timeout_s: float = 5.0
    follows: bool = False

    def __init__(self, words: Words, clock: Clock, show: Callable[[Message], None]) -> None:
        self._words = words
        self._clock = clock
        self._show = show

    async def carry(self, job: Job) -> Handed:
        """Show the message."""
        self._show(self._words.message(job, self._clock))
        return Handed(DeliveryState.SENT, detail="rehearsal, nothing was sent")

    async def follow(self, job: Job) -> Handed:
        """There is nothing to follow."""
        return Handed(DeliveryState.DELIVERED)
