"""What a transport is: an options model, `async with`, and `deliver(message) -> Receipt`.

A transport never retries and never queues: it tries once, within its timeout, and says what came of it.
The courier does the rest. This is the whole interface a third party needs; see `examples/plugin/`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
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
from flicbridge.transport.health import Health
from flicbridge.transport.reach import Reach


class ChannelOptions(BaseModel):
    """What every channel can be told; each transport adds keys of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transport: str = Field(description="Which transport carries this channel.", examples=["email"])
    timeout: Duration = Field(
        default=timedelta(seconds=5),
        gt=timedelta(0),
        description="Longest wait for the first attempt, answer included.",
        examples=["5s"],
    )
    patience: Duration = Field(
        default=timedelta(seconds=20),
        gt=timedelta(0),
        description="Every attempt may take twice as long as the one before, and at most this long.",
        examples=["20s"],
    )
    expires_after: Duration = Field(
        default=timedelta(hours=24),
        gt=timedelta(0),
        description="A message still unsent after this long is given up, and said to be.",
        examples=["2h"],
    )

    def time_for(self, attempt: int) -> float:
        """The longest that an attempt may take, in seconds; the first is number 1.

        The first is short: a silent network is found out soon, and most often the second works. But a line
        that needs ten seconds for an answer will never give one within five, however often it is asked.
        """
        first_s = self.timeout.total_seconds()
        longest_s = max(first_s, self.patience.total_seconds())
        return min(longest_s, first_s * 2.0 ** min(max(attempt, 1) - 1, 16))

    def reach(self) -> Reach | None:
        """The server that messages are handed to, for `flicbridge selfcheck`; None if there is none."""
        return None


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
        timeout_s: the longest this attempt may take; the channel's `timeout` if None.
        event: what it is called for a machine, where that does not follow from alert and purpose.
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
    timeout_s: float | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The other side took the message.

    Attributes:
        provider_id: what the other side calls it, or None.
        state: SENT, or DELIVERED where acceptance is already proof of arrival at the handset.
        detail: a few words for the history; no secrets, no personal data.
        at: when the other side says that it happened, UTC; None if it does not say.
    """

    provider_id: str | None = None
    state: DeliveryState = DeliveryState.SENT
    detail: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came in.

    Attributes:
        id: what the other side calls it; always the same for the same message.
        sender: the number it came from, as the other side writes it.
        text: what it says.
        at: when it came in by the other side's clock, UTC, or None if it does not say.
    """

    id: str
    sender: str
    text: str
    at: datetime | None = None


class Transport[OptionsT: ChannelOptions](ABC):
    """One way out of the house, for one channel. Entered once, used for many messages at a time."""

    Options: ClassVar[type[ChannelOptions]]
    """The settings model of this transport's channels."""

    follows: ClassVar[bool] = False
    """True if `follow` can tell what became of a message after it was sent."""

    health_every: ClassVar[timedelta] = timedelta(minutes=1)
    """How often `health` is asked."""

    receives: ClassVar[bool] = False
    """True if recipients can reply, and `received` tells what they said."""

    def __init__(self, options: OptionsT, context: Context) -> None:
        """Keep the options. Must not touch the network; may look up secrets."""
        self.options = options
        self.context = context

    def time_for(self, message: Message) -> float:
        """The longest that this attempt may take, in seconds."""
        return self.options.time_for(1) if message.timeout_s is None else message.timeout_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    async def deliver(self, message: Message) -> Receipt:
        """Try once, within `time_for(message)`.

        Raises:
            TransientDeliveryError: worth another try.
            PermanentDeliveryError: never will be.
        """

    def redial(self) -> None:  # noqa: B027 - most can do without
        """Begin anew every try that still knocks and has sent nothing: the network is another one now.

        Within the same time and under the same key. What may have been sent is left alone.
        """

    @property
    def mailbox(self) -> str:
        """Where replies are looked for: channels with the same one would read the same messages."""
        return ""

    @property
    def number(self) -> str:
        """The recipient's number, E.164: only replies from there are theirs."""
        return ""

    async def received(self) -> Sequence[Received]:
        """The newest messages that came in, oldest first, those that were read before among them.

        Raises:
            TransientDeliveryError: could not ask.
            PermanentDeliveryError: the other side cannot tell.
        """
        return ()

    async def follow(self, provider_id: str) -> DeliveryState | Receipt:
        """Say what became of a message that `deliver` handed over.

        Returns:
            SENT while it is under way, DELIVERED once it reached the handset; in a receipt, if more is known.

        Raises:
            TransientDeliveryError: could not ask; or, with `resend_as_new`, the provider gave it up.
            PermanentDeliveryError: the provider refused it for good.
        """
        raise PermanentDeliveryError(f"{type(self).__name__} cannot follow {provider_id}")

    async def health(self) -> Health | None:
        """Ask the other side how it is, without sending anything to anybody.

        Returns:
            What it says; None if it cannot be asked.

        Raises:
            TransientDeliveryError: it does not answer.
        """
        return None
