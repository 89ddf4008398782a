"""A ledger on paper, for couriers without a bridge: remembers, and refuses when told to be sick."""

from dataclasses import dataclass, field

from flicbridge.alert.alert import Delivery, DeliveryState
from flicbridge.errors import StoreError
from flicbridge.outbox.hush import NOT_WANTED
from flicbridge.outbox.job import Attempt, Job


@dataclass
class Notebook:
    """What a courier wrote down.

    Attributes:
        sick: refuse to write, like a disk that is gone; what is told all the same is kept to look at.
        broken: fail at the next question, as only a fault of ours would.
        unwanted: channels whose messages nobody needs any more.
        leased: the number of each try that was announced.
        settled: what became of every try.
        fell_over: the deliveries whose recipient's next channel got its turn.
    """

    sick: bool = False
    broken: bool = False
    unwanted: set[str] = field(default_factory=set)
    leased: list[int] = field(default_factory=list)
    settled: list[Attempt] = field(default_factory=list)
    fell_over: list[Delivery] = field(default_factory=list)

    def told(self, attempt: Attempt) -> Attempt:
        """Nothing is kept from the log."""
        return attempt

    def is_shown(self, job: Job) -> bool:
        """Nothing is secret."""
        return True

    def is_called_off(self, delivery: Delivery) -> bool:
        """What nobody needs is what was called off."""
        return delivery.channel in self.unwanted

    async def withdraw(self, job: Job, *, really: bool) -> bool:
        """Write down that it is not needed."""
        now_at = job.delivery.made_at
        await self.settle(Attempt(job, DeliveryState.WITHDRAWN, now_at, now_at, 0.0, NOT_WANTED))
        return True

    def is_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a delivery still makes sense."""
        if self.broken:
            self.broken = False
            raise RuntimeError("a fault of our own")
        return delivery.channel not in self.unwanted

    async def lease(self, job: Job) -> None:
        """Write down that a try begins."""
        if self.sick:
            raise StoreError("the disk is gone")
        self.leased.append(job.attempts)

    async def settle(self, attempt: Attempt) -> None:
        """Write down what became of a try."""
        self.settled.append(attempt)
        if self.sick:
            raise StoreError("the disk is gone")

    async def fall_over(self, delivery: Delivery) -> None:
        """Write down that the next channel got its turn."""
        self.fell_over.append(delivery)

    def states(self) -> list[DeliveryState]:
        """Where each try left its delivery."""
        return [attempt.state for attempt in self.settled]

    @property
    def outcomes(self) -> list[str]:
        """What came of each try, in the words of the history."""
        return [str(attempt.failure or attempt.state) for attempt in self.settled]
