"""Between the courier and a transport: a job leaves as a message, a receipt comes back as an outcome."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from flicbridge.alert.alert import AlertKind, DeliveryState
from flicbridge.clock import Clock
from flicbridge.errors import TransientDeliveryError
from flicbridge.outbox.carrier import Handed
from flicbridge.outbox.job import Job
from flicbridge.transport.answers import NO_WAYS, Ways, ways_for
from flicbridge.transport.base import Message, Receipt, Transport
from flicbridge.transport.render import render

# Transports keep their time themselves, and know best how far they had come; this is for those that do not.
SLACK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """How this bridge speaks.

    Attributes:
        language: of the messages.
        timezone: key of the practice's time zone.
        fresh: a press that was older on arrival is called late.
        old: one that was even older is called old; None if there is no such limit.
        link: makes the page where a recipient answers an alert; None if there is none that can be reached.
        unasked: recipients who are not asked to answer an emergency, for it would not be believed.
    """

    language: str
    timezone: str
    fresh: timedelta
    old: timedelta | None = None
    link: Callable[[UUID, str], str] | None = None
    unasked: frozenset[str] = frozenset()

    def message(self, job: Job, clock: Clock, *, can_reply: bool = False) -> Message:
        """Put a job into words as of now, so that the age in them is true when they leave the house."""
        delivery, now = job.delivery, clock.reading()
        return render(
            job.alert.redated(now),
            delivery.purpose,
            delivery.occasion,
            key=job.key,
            delivery=delivery.id,
            recipient=delivery.recipient,
            attempt=job.attempts,
            sent_at=now.at,
            expires_at=job.expires_at(now),
            language=self.language,
            timezone=self.timezone,
            fresh_s=self.fresh.total_seconds(),
            old_s=math.inf if self.old is None else self.old.total_seconds(),
            occasion_at=job.made_at(now),
            sent_up=now.up,
            by=delivery.by,
            way=delivery.way,
            ways=self._ways(job, can_reply=can_reply),
        )

    def _ways(self, job: Job, *, can_reply: bool) -> Ways:
        """How whoever is told can answer."""
        delivery = job.delivery
        if delivery.recipient in self.unasked and job.alert.kind is not AlertKind.TEST:
            return NO_WAYS
        link = self.link(delivery.alert, delivery.recipient) if self.link else ""
        return ways_for(delivery.purpose, job.code if can_reply else "", link)


class TransportCarrier:
    """Carries over a real transport."""

    def __init__(self, transport: Transport[Any], words: Words, clock: Clock) -> None:
        self.transport = transport
        self._words = words
        self._clock = clock
        options = transport.options
        self.timeout_s: float = max(options.timeout, options.patience).total_seconds()
        self.follows: bool = transport.follows

    async def carry(self, job: Job) -> Handed:
        """Try once."""
        allowed_s = self.transport.options.time_for(job.attempts)
        words = self._words.message(job, self._clock, can_reply=self.transport.receives)
        message = replace(words, timeout_s=allowed_s)
        try:
            async with asyncio.timeout(allowed_s + SLACK_S):
                receipt = await self.transport.deliver(message)
        except TimeoutError as error:  # a transport that does not look at the time
            raise TransientDeliveryError(
                f"no answer within {allowed_s + SLACK_S:g} s", may_have_arrived=True
            ) from error
        return Handed(receipt.state, receipt.provider_id, receipt.detail, receipt.at)

    def redial(self) -> None:
        """Begin anew whatever still tries to connect: the network is another one."""
        self.transport.redial()

    async def follow(self, job: Job) -> Handed:
        """Ask what became of it."""
        found = await self.transport.follow(job.provider_id or "")
        receipt = found if isinstance(found, Receipt) else Receipt(state=found)
        return Handed(receipt.state, job.provider_id, receipt.detail, receipt.at)


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
