"""A carrier that behaves as ordered and remembers what it was handed."""

from dataclasses import dataclass, field

from flicbridge.alert.alert import DeliveryState
from flicbridge.clock import Clock
from flicbridge.outbox.carrier import Handed
from flicbridge.outbox.job import Job


@dataclass
class ScriptedCarrier:
    """Raises what is in `faults`, oldest first, then takes everything.

    Attributes:
        clock: stamps what is carried.
        faults: errors for the next tries.
        answers: answers to the next questions what became of a message; afterwards it is "under way".
        hang_s: how long each try takes.
        carried: (time in seconds, idempotency key, attempt) of every try.
        polled: (time in seconds, provider id) of every question.
    """

    clock: Clock
    faults: list[Exception] = field(default_factory=list)
    answers: list[Handed | Exception] = field(default_factory=list)
    hang_s: float = 0.0
    timeout_s: float = 5.0
    follows: bool = False
    carried: list[tuple[float, str, int]] = field(default_factory=list)
    polled: list[tuple[float, str]] = field(default_factory=list)

    async def carry(self, job: Job) -> Handed:
        """Take a message, or raise what was ordered."""
        self.carried.append((self.clock.now_s(), job.key, job.attempts))
        if self.hang_s:
            await self.clock.sleep(self.hang_s)
        if self.faults:
            raise self.faults.pop(0)
        return Handed(DeliveryState.SENT, provider_id=f"p-{job.key}")

    async def follow(self, job: Job) -> Handed:
        """Answer what was ordered."""
        self.polled.append((self.clock.now_s(), job.provider_id or ""))
        answer = self.answers.pop(0) if self.answers else Handed(DeliveryState.SENT)
        if isinstance(answer, Exception):
            raise answer
        return answer
