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

    def hand_over(self, jobs: Iterable[Job], *, longest_wait: timedelta | None = None) -> list[Job]:
        """Take jobs up; each is tried when it is due.

        Args:
            jobs: what to carry.
            longest_wait: nothing of ours is ever due later than this from now; what claims to be was dated by
                a wrong clock, and is due at once: early, perhaps, but never silent. None for fresh jobs.

        Returns:
            Those whose channel does not exist (any more).
        """
        now_at, orphans = self._clock.now_at(), []
        for job in jobs:
            worker = self._workers.get(job.delivery.channel)
            if worker is None:
                orphans.append(job)
                continue
            # What is committed as under way is due, even if the wall clock was set back a moment ago.
            wait = timedelta(0) if job.leased else job.delivery.due_at - now_at
            if longest_wait is not None and wait > longest_wait:
                wait = timedelta(0)
            worker.put(
                job, wait_s=wait.total_seconds(), lives_s=(job.delivery.expires_at - now_at).total_seconds()
            )
        return orphans
