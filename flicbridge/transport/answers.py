"""What a message says of answers: who gave one, how, and how the reader can give one.

A helper answers with a link (mail, webhook) or with a reply to the SMS:

    OK K7Q3      somebody is on it; nobody else is told
    OUI K7Q3     it is real
    FAUX K7Q3    it is a false alarm
"""

from dataclasses import dataclass
from typing import Final

from flicbridge.alert.alert import FOLLOW_UPS, Purpose, Way
from flicbridge.transport.telling import Telling


@dataclass(frozen=True, slots=True)
class Ways:
    """How the reader of one message can answer.

    Attributes:
        code: to reply with by SMS; empty if no reply can be received.
        link: page for an answer; empty if this bridge has none that can be reached.
    """

    code: str = ""
    link: str = ""


NO_WAYS: Final = Ways()


def ways_for(purpose: Purpose, code: str, link: str) -> Ways:
    """The ways that a message of this purpose speaks of: of what is over, or answered, none."""
    is_open = purpose not in FOLLOW_UPS or purpose is Purpose.DOUBTED
    return Ways(code, link) if is_open else NO_WAYS


def who(telling: Telling) -> str:
    """Who did what a follow-up tells of, and how, or nothing if nobody knows: `bouton poche`, `samu, SMS`."""
    _ = telling.translate
    kind, _colon, name = telling.by.partition(":")
    if kind == "recipient":
        return f"{name}, {how(telling)}" if telling.way else name
    if kind == "button":
        return _("button {name}").format(name=name)
    return how(telling)


def how(telling: Telling) -> str:
    """In one word, over which way it reached us; or nothing."""
    _ = telling.translate
    match telling.way:
        case Way.BUTTON:
            return _("button")
        case Way.CLI:
            return _("computer")
        case Way.API:
            return _("program")
        case Way.LINK:
            return _("link")
        case Way.SMS:
            return "SMS"
        case Way.NONE:
            return ""


def is_unverified(telling: Telling) -> bool:
    """True of a doubted cancellation that need not have been forced: no button can give a PIN."""
    return telling.purpose is Purpose.DOUBTED and telling.way is Way.BUTTON
