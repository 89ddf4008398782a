"""What the courier is handed to call, and what can come of calling it."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from flicbridge.alert.alert import DeliveryState
from flicbridge.errors import Failure, PermanentDeliveryError, TransientDeliveryError
from flicbridge.outbox.job import Job

log = structlog.get_logger()

# A carrier bounds its own tries; this is the net below it.
SLACK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Handed:
    """A provider took the message.

    Attributes:
        state: SENT, or DELIVERED if taking it already proves that it reached the person's device.
        provider_id: what it calls the message, or None.
        detail: a few words for the history.
        at: when the provider says that it happened, UTC; None if it does not say.
    """

    state: DeliveryState
    provider_id: str | None = None
    detail: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Worth another try.

    Attributes:
        why: for the history.
        asked_s: the least wait the provider asked for, or None.
        with_new_key: True if the provider has used up the idempotency key.
        failure: of what kind.
    """

    why: str
    asked_s: float | None = None
    with_new_key: bool = False
    failure: Failure = Failure.TEMPORARY


@dataclass(frozen=True, slots=True)
class Refused:
    """Trying again cannot help."""

    why: str
    failure: Failure = Failure.PERMANENT


type Outcome = Handed | Later | Refused


class Carrier(Protocol):
    """One channel, as the courier sees it."""

    @property
    def timeout_s(self) -> float:
        """The longest that any try takes."""
        ...

    @property
    def follows(self) -> bool:
        """True if it can say what became of a message."""
        ...

    async def carry(self, job: Job) -> Handed:
        """Try once. Raises TransientDeliveryError or PermanentDeliveryError."""
        ...

    async def follow(self, job: Job) -> Handed:
        """Say what became of a message. Raises the same."""
        ...


async def outcome_of(
    work: Awaitable[Handed], timeout_s: float, *, channel: str, delivery: str, is_secret: bool = False
) -> Outcome:
    """Await a try, within its time, and turn whatever happens into a value.

    A fault inside a transport, which may be a stranger's, is an outcome like any other: it must not end the
    channel, and the message is tried again.
    """
    try:
        async with asyncio.timeout(timeout_s + SLACK_S):
            return await work
    except PermanentDeliveryError as error:
        return Refused(str(error))
    except TransientDeliveryError as error:
        why = f"{error} (may have arrived)" if error.may_have_arrived else str(error)
        return Later(why, error.retry_after_s, error.resend_as_new, error.failure)
    except TimeoutError:
        why = f"no answer within {timeout_s + SLACK_S:g} s (may have arrived)"
        return Later(why, failure=Failure.UNKNOWN)
    except Exception as error:  # noqa: BLE001 - logged below, with what is known of it
        tell = log.debug if is_secret else log.error
        tell("transport_broke", channel=channel, delivery=delivery, exc_info=True)
        # Nobody knows how far it had come when it broke.
        return Later(f"{type(error).__name__} inside the transport", failure=Failure.UNKNOWN)
