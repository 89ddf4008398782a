"""What a transport is: an options model, `async with`, and `deliver(message) -> Receipt`.

A transport never retries and never queues: it tries once, within its timeout, and says what came of it.
The courier does the rest. This is the whole interface a third party needs; see `examples/plugin/`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from flicbridge.alert.alert import Alert, DeliveryState, Purpose
from flicbridge.clock import Clock
from flicbridge.durations import Duration
from flicbridge.errors import PermanentDeliveryError


class ChannelOptions(BaseModel):
    """What every channel can be told. A transport adds its own keys in a subclass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transport: str = Field(description="Which transport carries this channel.")
    timeout: Duration = Field(
        default=timedelta(seconds=5),
        gt=timedelta(0),
        description="Longest wait for one attempt, answer included.",
    )
    expires_after: Duration = Field(
        default=timedelta(hours=24),
        gt=timedelta(0),
        description="A message still unsent after this long is given up, and said to be.",
    )


@dataclass(frozen=True, slots=True)
class Context:
    """What a transport may ask of the house.

    Attributes:
        secret: look up a secret by its name; raises ConfigError if there is none.
        clock: what time it is.
        bridge: id of this bridge.
    """

    secret: Callable[[str], str]
    clock: Clock
    bridge: str


@dataclass(frozen=True, slots=True)
class Message:
    """Everything a transport may say about one delivery, in every form it may need.

    Attributes:
        key: idempotency key, ASCII, at most 64 characters: the same on every retry of this message.
        delivery: the delivery's id.
        alert: the call for help.
        purpose: alert, pressed again, or cancelled.
        recipient: name of the recipient in the configuration.
        attempt: 1 for the first try.
        sent_at: now, UTC; the texts' ages are as of this time.
        expires_at: pointless after; UTC.
        sms: one short text within the GSM 03.38 alphabet.
        subject: one line.
        text: several lines of plain text.
        data: the same facts for a machine, ready for JSON.
    """

    key: str
    delivery: UUID
    alert: Alert
    purpose: Purpose
    recipient: str
    attempt: int
    sent_at: datetime
    expires_at: datetime
    sms: str
    subject: str
    text: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The other side took the message.

    Attributes:
        provider_id: what the other side calls it, or None.
        state: SENT, or DELIVERED where acceptance is already proof of arrival at the handset.
        detail: a few words for the history; no secrets, no personal data.
    """

    provider_id: str | None = None
    state: DeliveryState = DeliveryState.SENT
    detail: str = ""


class Transport[OptionsT: ChannelOptions](ABC):
    """One way out of the house, for one channel. Entered once, used for many messages at a time."""

    Options: ClassVar[type[ChannelOptions]]
    """The settings model of this transport's channels."""

    follows: ClassVar[bool] = False
    """True if `follow` can tell what became of a message after it was sent."""

    def __init__(self, options: OptionsT, context: Context) -> None:
        """Keep the options. Must not touch the network; may look up secrets."""
        self.options = options
        self.context = context

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    async def deliver(self, message: Message) -> Receipt:
        """Try once, within `options.timeout`.

        Raises:
            TransientDeliveryError: worth another try.
            PermanentDeliveryError: never will be.
        """

    async def follow(self, provider_id: str) -> DeliveryState:
        """Say what became of a message that `deliver` handed over.

        Returns:
            SENT while it is under way, DELIVERED once it reached the handset.

        Raises:
            TransientDeliveryError: could not ask; or, with `resend_as_new`, the provider gave it up.
            PermanentDeliveryError: the provider refused it for good.
        """
        raise PermanentDeliveryError(f"{type(self).__name__} cannot follow {provider_id}")
