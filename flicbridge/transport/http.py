"""A webhook: the alert as a CloudEvent in JSON, signed so that the receiver can tell that it is ours.

Sources: CloudEvents 1.0.2 with its JSON format and HTTP binding (structured mode); Standard Webhooks 1.0.0.
"""

import json
from typing import ClassVar, Final
from urllib.parse import quote

from pydantic import Field

from flicbridge.alert.alert import Purpose
from flicbridge.clock import Reading
from flicbridge.credentials import SecretName
from flicbridge.errors import ConfigError, DeliveryError, Problem, TransientDeliveryError
from flicbridge.fields import PathBeside
from flicbridge.transport.base import ChannelOptions, Context, Message, Receipt
from flicbridge.transport.exchange import Exchange, WebAddress
from flicbridge.transport.reach import Reach, reach_of
from flicbridge.transport.signature import read_keys, sign
from flicbridge.transport.skew import Skew, Stamp
from flicbridge.transport.verdict import Answer, http_date, insist_on_success
from flicbridge.transport.web import WebTransport

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


class HttpTransport(WebTransport[HttpOptions]):
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
        self._skew = Skew()

    async def deliver(self, message: Message) -> Receipt:
        body = cloud_event(message)
        now = self.context.clock.reading()
        stamp = self._skew.stamp(now)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": message.key,
            "webhook-timestamp": str(stamp.at_s),
            "webhook-signature": sign(self._keys, message.key, stamp.at_s, body),
        }
        answer = await self._exchange.post(body, headers, timeout_s=self.time_for(message))
        try:
            insist_on_success(answer, now.at)
        except DeliveryError as error:
            self._blame_the_clock(answer, stamp, now, error)
            raise
        self._skew.accepted()
        return Receipt(detail=f"HTTP {answer.status}", at=http_date(answer.headers.get("Date", "")))

    def _blame_the_clock(self, answer: Answer, stamp: Stamp, now: Reading, error: DeliveryError) -> None:
        """Let the next try carry another time, if it may be the time that was refused: see `skew.py`.

        Raises:
            TransientDeliveryError: so it is; the wait is the one that the receiver asked for, if it did.
        """
        if answer.status not in (400, 401, 403):
            return
        excuse = self._skew.excuse(stamp, http_date(answer.headers.get("Date", "")), now)
        if excuse is not None:
            asked_s = error.retry_after_s if isinstance(error, TransientDeliveryError) else None
            raise TransientDeliveryError(
                f"{error}; {excuse}", retry_after_s=asked_s or 0.0, rate_limited=asked_s is not None
            ) from error


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
