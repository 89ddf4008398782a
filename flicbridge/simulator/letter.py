"""What arrived at a fake gateway, whatever its kind: one message, and which alert it is about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never
from urllib.parse import unquote
from uuid import UUID

from flicbridge.alert.alert import Purpose
from flicbridge.simulator.gateways import Mail, Sms, Webhook
from flicbridge.simulator.standins import StandIn
from flicbridge.transport.gsm import transliterate
from flicbridge.transport.http import WHAT

type Translate = Callable[[str], str]


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
        is_doubt: it says of a cancellation that it is not believed. It has the key of any other cancellation,
            so that the room cannot tell them apart: only who reads it can.
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
    is_doubt: bool = False
    tells: Tells | None = None

    @property
    def delivery(self) -> UUID | None:
        """The delivery it was sent for, also if a used-up key had to be changed for a new one."""
        try:
            return UUID(self.key[:36])
        except ValueError:
            return None


def read_letter(standin: StandIn, arrival: Sms | Webhook | Mail, _: Translate) -> Letter:
    """Put what a fake gateway received into the common form.

    Args:
        standin: where it arrived.
        arrival: what did.
        _: the language it is written in.
    """
    place = (standin.channel, standin.recipient)
    match arrival:
        case Sms(text=text):
            doubt = _is_doubt(text, _)
            return Letter(*place, Medium.SMS, arrival.at_s, arrival.key, "", text, None, doubt)
        case Webhook():
            data = arrival.event.get("data")
            facts = data if isinstance(data, dict) else {}
            kind = str(arrival.event.get("type", ""))
            doubt = kind.endswith(f".{WHAT[Purpose.DOUBTED]}")
            return Letter(*place, Medium.WEBHOOK, arrival.at_s, arrival.key, kind, "", facts, doubt)
        case Mail(message=mail):
            body = mail.get_body(("plain",))
            text = "" if body is None else str(body.get_content()).replace("\r\n", "\n").strip()
            key = unquote(arrival.key.strip("<>").partition("@")[0])
            subject = " ".join(str(mail["Subject"]).split())  # folded headers gain blanks
            doubt = _is_doubt(subject, _)
            return Letter(*place, Medium.MAIL, arrival.at_s, key, subject, text, None, doubt)
        case unreachable:
            assert_never(unreachable)


def _is_doubt(text: str, _: Translate) -> bool:
    """Tell it by the first words that a person reads; SMS may have lost an accent."""
    said = _("CANCELLATION POSSIBLY UNDER DURESS"), _("UNVERIFIED CANCELLATION")
    return any(transliterate(words) in transliterate(text) for words in said)
