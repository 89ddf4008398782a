"""What arrived at a fake gateway, whatever its kind: one message, and which alert it is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never
from urllib.parse import unquote
from uuid import UUID

from flicbridge.alert.alert import Purpose
from flicbridge.simulator.gateways import Mail, Sms, Webhook
from flicbridge.simulator.standins import StandIn


class Medium(StrEnum):
    """In which form a message comes."""

    SMS = "sms"
    WEBHOOK = "webhook"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Tells:
    """Which message it is.

    Attributes:
        alert, purpose, occasion: as in `Delivery`.
        step: of the plan; 0 for all that is told at once.
    """

    alert: UUID
    purpose: Purpose
    occasion: int
    step: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that arrived and was acted on.

    Attributes:
        channel, recipient: whose it is.
        medium: its form.
        at_s: when its first byte came in, on the monotonic clock.
        key: the idempotency key it came with.
        subject, text: what a person reads; of a webhook its type, and nothing.
        data: what a machine reads; None for all others.
        tells: which message it is, or None if no alert of this scenario owes it.
    """

    channel: str
    recipient: str
    medium: Medium
    at_s: float
    key: str
    subject: str
    text: str
    data: Mapping[str, Any] | None
    tells: Tells | None = None

    @property
    def delivery(self) -> UUID | None:
        """The delivery it was sent for, also if a used-up key had to be changed for a new one."""
        try:
            return UUID(self.key[:36])
        except ValueError:
            return None


def read_letter(standin: StandIn, arrival: Sms | Webhook | Mail) -> Letter:
    """Put what a fake gateway received into the common form."""
    place = (standin.channel, standin.recipient)
    match arrival:
        case Sms():
            return Letter(*place, Medium.SMS, arrival.at_s, arrival.key, "", arrival.text, None)
        case Webhook():
            data = arrival.event.get("data")
            facts = data if isinstance(data, dict) else {}
            kind = str(arrival.event.get("type", ""))
            return Letter(*place, Medium.WEBHOOK, arrival.at_s, arrival.key, kind, "", facts)
        case Mail(message=mail):
            body = mail.get_body(("plain",))
            text = "" if body is None else str(body.get_content()).replace("\r\n", "\n").strip()
            key = unquote(arrival.key.strip("<>").partition("@")[0])
            subject = " ".join(str(mail["Subject"]).split())  # folded headers gain blanks
            return Letter(*place, Medium.MAIL, arrival.at_s, key, subject, text, None)
        case unreachable:
            assert_never(unreachable)
