"""The courier: carries what the store holds until it is there, refused for good, or pointless.

Nobody waits for anybody: every channel has a worker of its own (`worker.py`). All waits are monotonic; the
due times on disk are only read at the start.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from random import random as uniform

from flicbridge.clock import Clock
from flicbridge.observation import Observe
from flicbridge.outbox.carrier import Carrier
from flicbridge.outbox.due import due_after_restart, due_of_new
from flicbridge.outbox.job import Job
from flicbridge.outbox.schedule import Schedule
from flicbridge.outbox.worker import Ledger, Worker


class Courier:
    """Owns one worker per channel."""

    def __init__(
        self,
        carriers: Mapping[str, Carrier],
        ledger: Ledger,
        *,
        clock: Clock,
        observe: Observe,
        schedule: Schedule | None = None,
        random: Callable[[], float] = uniform,
    ) -> None:
        self._clock = clock
        self._workers = {
            channel: Worker(
                channel,
                carrier,
                ledger,
                clock=clock,
                observe=observe,
                schedule=schedule or Schedule(),
                random=random,
            )
            for channel, carrier in carriers.items()
        }

    async def run(self) -> None:
        """Carry until cancelled."""
        async with asyncio.TaskGroup() as group:
            for channel, worker in self._workers.items():
                group.create_task(worker.run(), name=f"courier:{channel}")

    def holding(self, channel: str) -> int:
        """How many messages a channel has in hand that nobody has taken yet; 0 if there is no such one."""
        worker = self._workers.get(channel)
        return 0 if worker is None else worker.holding

    def is_sick(self, channel: str) -> bool:
        """True while nothing gets through a channel."""
        worker = self._workers.get(channel)
        return worker is not None and worker.is_sick

    def hurry(self) -> None:
        """Try everything again at once that failed before, on every channel: the network may be back."""
        for worker in self._workers.values():
            worker.hurry()

    def pass_time(self, seconds: float) -> None:
        """Go on as if this much more time had passed: the machine slept, and its monotonic clock with it."""
        for worker in self._workers.values():
            worker.pass_time(seconds)

    def hand_over(self, jobs: Iterable[Job], *, longest_wait: timedelta | None = None) -> list[Job]:
        """Take jobs up; each is tried when it is due.

        Args:
            jobs: what to carry.
            longest_wait: nothing of ours is ever due later than this from now; what claims to be was dated by
                a wrong clock, and is due at once: early, perhaps, but never silent. None for fresh jobs.

        Returns:
            Those whose channel does not exist (any more).
        """
        now, orphans = self._clock.reading(), []
        for job in jobs:
            worker = self._workers.get(job.delivery.channel)
            if worker is None:
                orphans.append(job)
                continue
            if longest_wait is None:
                due = due_of_new(job.delivery)
            else:
                due = due_after_restart(job, now, longest_wait)
            worker.put(job, wait_s=due.wait_s, lives_s=due.lives_s, is_fresh=longest_wait is None)
        return orphans
