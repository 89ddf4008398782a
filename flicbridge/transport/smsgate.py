"""SMS through a phone in the practice: the local API of SMS Gateway for Android.

The phone takes a message under the id we choose, sends it when it can, and can be asked what became of it.
Sources: docs.sms-gate.app (sending messages, status tracking, local server); the app's own routes, 2026-07.
The path `/message` is the one that every version of the app has.
"""

import base64
import json
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field, WithJsonSchema

from flicbridge.alert.alert import DeliveryState
from flicbridge.alert.phone import checked
from flicbridge.credentials import SecretName
from flicbridge.errors import PermanentDeliveryError, TransientDeliveryError
from flicbridge.transport import inbox, phone_health
from flicbridge.transport.base import ChannelOptions, Context, Message, Receipt, Received
from flicbridge.transport.exchange import Exchange, WebAddress
from flicbridge.transport.health import Health
from flicbridge.transport.inbox import read_inbox
from flicbridge.transport.reach import Reach, reach_of
from flicbridge.transport.verdict import Answer, insist_on_success, redacted
from flicbridge.transport.web import WebTransport

PATH: Final = "message"
# From 100 on the phone skips its own limits and working hours, but only ahead of a message of higher or equal
# priority; so each retry ranks above the one before. Source: the app's send loop; the field is a signed byte.
FIRST_PRIORITY, HIGHEST_PRIORITY = 100, 127
STATES: Final = {
    "Pending": DeliveryState.SENT,
    "Processed": DeliveryState.SENT,
    "Sent": DeliveryState.SENT,
    "Cancelling": DeliveryState.SENT,
    "Delivered": DeliveryState.DELIVERED,
}

PhoneNumber = Annotated[
    str, AfterValidator(checked), WithJsonSchema({"type": "string", "examples": ["+33612345678"]})
]


class SmsGateOptions(ChannelOptions):
    """A channel to one phone number, through an Android phone on the local network."""

    url: WebAddress = Field(
        description="The phone, as the app shows its local address.", examples=["http://192.168.1.20:8080"]
    )
    username: str = Field(
        default="sms", min_length=1, pattern="^[^:]*$", description="User name shown by the app."
    )
    secret: SecretName = Field(description="Name of the secret with the password shown by the app.")
    to: PhoneNumber = Field(description="Who gets the SMS: + and country code, digits only.")
    sim: int | None = Field(
        default=None,
        ge=1,
        le=3,
        description="Which SIM card sends; the phone's choice if absent.",
        examples=[1],
    )

    def reach(self) -> Reach | None:
        return reach_of(self.url)


class SmsGateTransport(WebTransport[SmsGateOptions]):
    """One SMS per message, known to the phone by our own id."""

    Options: ClassVar[type[ChannelOptions]] = SmsGateOptions
    follows: ClassVar[bool] = True
    receives: ClassVar[bool] = True
    health_every: ClassVar[timedelta] = timedelta(minutes=1)  # a phone in the house: batteries, cells

    def __init__(self, options: SmsGateOptions, context: Context) -> None:
        super().__init__(options, context)
        login = f"{options.username}:{context.secret(options.secret)}".encode()
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(login).decode(),
            "Content-Type": "application/json",
        }
        self._exchange = Exchange(options.url, timeout_s=options.timeout.total_seconds())

    async def deliver(self, message: Message) -> Receipt:
        body = json.dumps(request_for(message, self.options)).encode()
        answer = await self._exchange.post(body, self._headers, PATH, timeout_s=self.time_for(message))
        if answer.status == 409:
            return Receipt(provider_id=message.key, detail="the phone had it already")
        self._insist_on_success(answer)
        provider_id = _fields(answer).get("id")
        if not isinstance(provider_id, str) or not provider_id:
            raise TransientDeliveryError("what answered is not SMS Gateway for Android: check the url")
        return Receipt(provider_id=provider_id, detail=f"HTTP {answer.status}")

    def _insist_on_success(self, answer: Answer) -> None:
        """As `verdict.insist_on_success`, with what the phone says about it."""
        try:
            insist_on_success(answer, self.context.clock.now_at())
        except PermanentDeliveryError as error:
            said = _fields(answer).get("message")
            raise PermanentDeliveryError(f"{error}{_quoted(said)}") from error

    @property
    def mailbox(self) -> str:
        return f"{self.options.username}@{self.options.url}"

    @property
    def number(self) -> str:
        return self.options.to

    async def received(self) -> Sequence[Received]:
        return read_inbox(await self._exchange.get(self._headers, inbox.PATH, query=inbox.QUERY))

    async def health(self) -> Health | None:
        return phone_health.health_of(await self._exchange.get(self._headers, phone_health.PATH))

    async def follow(self, provider_id: str) -> Receipt:
        answer = await self._exchange.get(self._headers, PATH, provider_id)
        if answer.status == 404:
            raise TransientDeliveryError("the phone has forgotten the message", resend_as_new=True)
        fields = _fields(answer) if answer.status == 200 else {}
        match fields.get("state"):
            case "Failed":
                raise TransientDeliveryError(
                    f"the phone gave up{_quoted(_first_error(fields))}", resend_as_new=True
                )
            case "Cancelled":
                raise PermanentDeliveryError("somebody cancelled it on the phone")
            case str(state):
                return Receipt(
                    state=STATES.get(state, DeliveryState.SENT), at=inbox.time_of_state(fields, state)
                )
            case _:
                raise TransientDeliveryError(
                    f"the phone does not say what became of it (HTTP {answer.status})"
                )


def request_for(message: Message, options: SmsGateOptions) -> dict[str, Any]:
    """What the phone is asked to do.

    The end of its usefulness goes as a duration, so a phone whose clock is wrong does not drop it.
    """
    left_s = (message.expires_at - message.sent_at).total_seconds()
    request: dict[str, Any] = {
        "id": message.key,
        "textMessage": {"text": message.sms},
        "phoneNumbers": [options.to],
        "ttl": max(1, math.ceil(left_s)),
        "withDeliveryReport": True,
        "priority": min(FIRST_PRIORITY + message.attempt, HIGHEST_PRIORITY),
    }
    if options.sim is not None:
        request["simNumber"] = options.sim
    return request


def _fields(answer: Answer) -> dict[str, Any]:
    """The JSON object in an answer, or an empty one if there is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _first_error(fields: dict[str, Any]) -> object:
    recipients = fields.get("recipients")
    first = recipients[0] if isinstance(recipients, list) and recipients else None
    return first.get("error") if isinstance(first, dict) else None


def _quoted(said: object) -> str:
    return f": {redacted(said)}" if isinstance(said, str) and said else ""
