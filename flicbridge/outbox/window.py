"""What `status` and the log say about one channel: as much as the room may know.

Tries that the room must not notice (`hush.py`) are not counted here, so this has a circuit of its own: the
worker's knows of all tries and decides, this one is only looked at.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from flicbridge.alert.alert import DeliveryState, Purpose
from flicbridge.clock import Clock
from flicbridge.observation import Observation, Observe, Value
from flicbridge.outbox.carrier import Handed, Outcome, Refused
from flicbridge.outbox.circuit import Circuit
from flicbridge.outbox.job import Attempt, Job

log = structlog.get_logger()


def facts_of(outcome: Outcome, at: datetime) -> Mapping[str, Value]:
    """What one try that ended just then says of its channel, by the facts of the board."""
    if isinstance(outcome, Handed):
        return {"last_success": iso(at), "state": "ok", "last_error": None}
    state = "refused" if isinstance(outcome, Refused) else "failing"
    return {"last_failure": iso(at), "state": state, "last_error": outcome.why}


class Window:
    """See the module.

    Args:
        channel: whose window it is.
        next_due_s: when the next try is due that may be seen, monotonic; None if there is none.
        clock: what time it is.
        observe: told what is seen.
    """

    def __init__(
        self, channel: str, next_due_s: Callable[[], float | None], *, clock: Clock, observe: Observe
    ) -> None:
        self._channel = channel
        self._next_due_s = next_due_s
        self._clock = clock
        self._observe = observe
        self._circuit = Circuit()
        self._failing_since_at: datetime | None = None

    def begin(self) -> None:
        """A try begins."""
        self._circuit.begin()
        self.show()

    def drop(self) -> None:
        """A try was broken off, and says nothing."""
        self._circuit.under_way -= 1

    def doubt(self) -> None:
        """The world has changed."""
        self._circuit.doubt()

    def end(self, outcome: Outcome, job: Job) -> None:
        """A try has ended."""
        self._say_outcome(outcome, job)
        if isinstance(outcome, Handed):
            self._failing_since_at = None
            self._circuit.succeed()
        else:
            self._failing_since_at = self._failing_since_at or self._clock.now_at()
            self._circuit.fail()
        self._say("failing_since", iso(self._failing_since_at))
        self._say_state(outcome)

    def say_failure(self, outcome: Outcome) -> None:
        """Something did not work."""
        if not isinstance(outcome, Handed):
            self._say_state(outcome)

    def _say_outcome(self, outcome: Outcome, job: Job) -> None:
        """Of a message that left with the press, also how long after the press a provider had it."""
        if not isinstance(outcome, Handed):
            self._say("last_outcome", outcome.failure.value)
            return
        self._say("last_outcome", outcome.state.value)
        since_s = job.since_press_s(self._clock.reading())
        if job.delivery.purpose is Purpose.ALERT and job.delivery.at_once and since_s is not None:
            self._say("last_latency_s", round(since_s, 4))

    def show(self) -> None:
        """Show how the circuit stands, and what comes next: whenever either may have changed."""
        next_s = self._next_due_s()
        wait_s = None if next_s is None else max(0.0, next_s - self._clock.now_s())
        next_at = None if wait_s is None else self._clock.now_at() + timedelta(seconds=wait_s)
        self._say("circuit", self._circuit.state.value)
        self._say("next_try_at", iso(next_at))

    def tell(self, attempt: Attempt) -> None:
        """Log what became of a try."""
        delivery, failure = attempt.job.delivery, attempt.failure
        log.info(
            "delivery",
            state=attempt.state.value,
            failure=failure.value if failure else None,
            delivery=str(delivery.id),
            alert=str(delivery.alert),
            channel=delivery.channel,
            purpose=delivery.purpose.value,
            attempt=attempt.job.attempts,
            took_s=round(attempt.took_s, 4),
            detail=attempt.detail,
        )
        if attempt.state is not DeliveryState.QUEUED:
            self._say("last_end", attempt.state.value)

    def _say_state(self, outcome: Outcome) -> None:
        for fact, value in facts_of(outcome, self._clock.now_at()).items():
            self._say(fact, value)
        self._say("failures_in_a_row", float(self._circuit.failures))
        self.show()

    def _say(self, fact: str, value: Value) -> None:
        self._observe(Observation(f"channel:{self._channel}", fact, value))


def iso(at: datetime | None) -> str | None:
    """A time as the board has it."""
    return None if at is None else at.isoformat(timespec="milliseconds")
