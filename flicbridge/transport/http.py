"""A webhook: the alert as a CloudEvent in JSON, signed so that the receiver can tell that it is ours.

Sources: CloudEvents 1.0.2 with its JSON format and HTTP binding (structured mode); Standard Webhooks 1.0.0.
"""

import json
from datetime import datetime, timedelta
from types import TracebackType
from typing import ClassVar, Final, Self
from urllib.parse import quote

from pydantic import Field

from flicbridge.alert.alert import Purpose
from flicbridge.clock import Reading, is_credible
from flicbridge.credentials import SecretName
from flicbridge.errors import ConfigError, PermanentDeliveryError, Problem, TransientDeliveryError
from flicbridge.fields import PathBeside
from flicbridge.transport.base import ChannelOptions, Context, Message, Receipt, Transport
from flicbridge.transport.exchange import Exchange, WebAddress
from flicbridge.transport.reach import Reach, reach_of
from flicbridge.transport.signature import read_keys, sign
from flicbridge.transport.verdict import Answer, http_date, insist_on_success

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
# The kind is part of the type, so that no receiver can take a test for an emergency.
WHAT: Final = {
    Purpose.ALERT: "raised",
    Purpose.AGAIN: "pressed_again",
    Purpose.REMINDER: "reminder",
    Purpose.CANCELLED: "cancelled",
    Purpose.DOUBTED: "cancellation_doubted",
    Purpose.ANSWERED: "answered",
    Purpose.TESTED: "tested",
}
# Receivers turn away what is older or newer than five minutes; well within that a clock is no excuse.
CLOCK_IS_OFF_S: Final = 120.0


class HttpOptions(ChannelOptions):
    """A channel to a web server: a monitoring centre, an automation, a program of your own."""

    url: WebAddress = Field(
        description="Where the alert is sent, by POST.", examples=["https://alertes.example.fr/hook"]
    )
    secret: SecretName = Field(
        description="Name of the signing key (`whsec_...`, Standard Webhooks).", examples=["hub-key"]
    )
    ca_file: PathBeside | None = Field(
        default=None,
        description="PEM file: trust certificates of this authority, and of no other.",
        examples=["authority.pem"],
    )

    def reach(self) -> Reach | None:
        return reach_of(self.url, self.ca_file)


class HttpTransport(Transport[HttpOptions]):
    """Signed CloudEvents to one URL."""

    Options: ClassVar[type[ChannelOptions]] = HttpOptions

    def __init__(self, options: HttpOptions, context: Context) -> None:
        super().__init__(options, context)
        try:
            self._keys = read_keys(context.secret(options.secret))
        except ValueError as error:
            what, _, remedy = str(error).partition("; ")
            problem = Problem(f'secret "{options.secret}"', what, f"{remedy[0].upper()}{remedy[1:]}")
            raise ConfigError("secrets", [problem]) from None
        timeout_s = options.timeout.total_seconds()
        self._exchange = Exchange(options.url, timeout_s=timeout_s, ca_file=options.ca_file)
        self._theirs: Reading | None = None  # the receiver's clock, if ours was no good

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exchange.__aexit__(kind, error, trace)

    def redial(self) -> None:
        self._exchange.redial()

    async def deliver(self, message: Message) -> Receipt:
        body = cloud_event(message)
        now = self.context.clock.reading()
        timestamp_s = int(self._signs_at(now).timestamp())
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": message.key,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": sign(self._keys, message.key, timestamp_s, body),
        }
        answer = await self._exchange.post(body, headers, timeout_s=self.time_for(message))
        try:
            insist_on_success(answer, now.at)
        except PermanentDeliveryError as error:
            self._blame_the_clock(answer, timestamp_s, now, error)
            raise
        return Receipt(detail=f"HTTP {answer.status}", at=http_date(answer.headers.get("Date", "")))

    def _signs_at(self, now: Reading) -> datetime:
        """What time it is, as far as the receiver is concerned."""
        if self._theirs is None or (since_s := now.up.since_s(self._theirs.up)) is None:
            return now.at
        return self._theirs.at + timedelta(seconds=since_s)

    def _blame_the_clock(
        self, answer: Answer, timestamp_s: int, now: Reading, error: PermanentDeliveryError
    ) -> None:
        """Sign by the receiver's clock from now on, if it turned us away and the two differ.

        A bridge that starts without network time signs in the past; that must not silence it.

        Raises:
            TransientDeliveryError: the next attempt will carry the receiver's time; or, if the receiver does
                not tell it, that of a clock which somebody has set by then.
        """
        if answer.status not in (400, 401, 403):
            return
        theirs_at = http_date(answer.headers.get("Date", ""))
        if theirs_at is None:
            if not is_credible(now.at):
                raise TransientDeliveryError(f"{error}; our clock is not set") from error
            return
        if abs(theirs_at.timestamp() - timestamp_s) < CLOCK_IS_OFF_S:
            return
        self._theirs = Reading(theirs_at, now.up)
        apart_s = abs((theirs_at - now.at).total_seconds())
        reason = f"{error}; our clocks are {apart_s:.0f} s apart, next time with theirs"
        raise TransientDeliveryError(reason, retry_after_s=0.0) from error


def cloud_event(message: Message) -> bytes:
    """The message as a CloudEvent in structured JSON: always the same bytes for the same message."""
    alert = message.alert
    event = {
        "specversion": "1.0",
        "id": str(message.delivery),
        "source": f"flicbridge/{quote(alert.bridge, safe='')}",
        "type": message.event or f"fr.flicbridge.{alert.kind}.{WHAT[message.purpose]}",
        "subject": str(alert.id),
        "time": alert.pressed_at.isoformat(timespec="milliseconds"),
        "datacontenttype": "application/json",
        "data": dict(message.data),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
