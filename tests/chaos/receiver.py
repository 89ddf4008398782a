"""Who is told: the fake gateways, with notes of all that was asked of them, and with or without memory."""

import asyncio
import json
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from email import message_from_bytes
from functools import partial
from typing import Any, Final, Protocol

from aiosmtpd.smtp import Envelope, Session

from flicbridge.simulator.gateways import FakeHttp, FakePhone, FakeSmtp, Fault
from flicbridge.simulator.gateways.http import Webhook
from flicbridge.simulator.gateways.phone import Sms
from flicbridge.simulator.gateways.smtp import Mail
from flicbridge.simulator.gateways.web import Reply, Request

UUID_PATTERN: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
SIGNING_KEY: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD: Final = "chaos"


@dataclass(slots=True)
class Notes:
    """What came in.

    Attributes:
        asked: the idempotency key of every request, those that met a fault included.
        told: the delivery of every message that a person read, and when, on the loop's clock.
    """

    asked: list[str] = field(default_factory=list)
    told: list[tuple[str, float]] = field(default_factory=list)

    @property
    def told_twice(self) -> int:
        """How often a person read what the same person had read before."""
        return sum(times - 1 for times in Counter(delivery for delivery, _ in self.told).values())

    def tell(self, delivery: str) -> None:
        """A person reads a message."""
        self.told.append((delivery, asyncio.get_running_loop().time()))

    @property
    def keys(self) -> dict[str, set[str]]:
        """The keys under which each delivery was asked for."""
        found: dict[str, set[str]] = {}
        for key in self.asked:
            found.setdefault(delivery_in(key), set()).add(key)
        return found


def delivery_in(key: str) -> str:
    """The delivery that a key was made from."""
    found = UUID_PATTERN.search(key)
    return found[0] if found else key


class Receiver(Protocol):
    """One gateway."""

    notes: Notes
    fault: Fault | None

    @abstractmethod
    def channel(self) -> str:
        """It as a channel, for the settings."""


class HttpReceiver(FakeHttp):
    """A web server; without memory it acts on every request."""

    def __init__(self, *, honours_key: bool) -> None:
        super().__init__(secret=SIGNING_KEY)
        self.notes = Notes()
        self._honours_key = honours_key

    def channel(self) -> str:
        return f'{{ transport = "http", url = "{self.url}", secret = "hub-key" }}'

    async def _meet(self, request: Request, *rest: Any) -> bool:
        self.notes.asked.append(request.headers.get("webhook-id", ""))
        return await super()._meet(request, *rest)

    def answer(self, request: Request) -> Reply:
        if not self._honours_key:
            self._seen.clear()
        return super().answer(request)

    def _arrived(self, arrival: Webhook) -> None:
        self.notes.tell(str(arrival.event["id"]))
        super()._arrived(arrival)


class PhoneReceiver(FakePhone):
    """A phone that sends SMS; without memory it sends what it is asked to, however often."""

    def __init__(self, *, honours_key: bool) -> None:
        super().__init__(password=PASSWORD)
        self.notes = Notes()
        self._honours_key = honours_key

    def channel(self) -> str:
        return f'{{ transport = "smsgate", to = "+33555000015", url = "{self.url}", secret = "password" }}'

    async def _meet(self, request: Request, *rest: Any) -> bool:
        if request.method == "POST":
            self.notes.asked.append(json.loads(request.body)["id"])
        return await super()._meet(request, *rest)

    def answer(self, request: Request) -> Reply:
        if request.method == "POST" and not self._honours_key:
            self._taken.pop(json.loads(request.body)["id"], None)
        return super().answer(request)

    def _arrived(self, arrival: Sms) -> None:
        self.notes.tell(delivery_in(arrival.key))
        super()._arrived(arrival)


class MailReceiver(FakeSmtp):
    """A mailbox; with memory it drops what has a Message-ID that it knows."""

    def __init__(self, *, honours_key: bool) -> None:
        super().__init__()
        self.notes = Notes()
        self._honours_key = honours_key

    def channel(self) -> str:
        return (
            f'{{ transport = "email", host = "{self.host}", port = {self.port}, security = "none",'
            ' from = "bridge@tilleuls.invalid", to = "garde@tilleuls.invalid" }'
        )

    def take(self, session: Session, envelope: Envelope) -> None:
        mail = message_from_bytes(envelope.original_content or b"")
        self.notes.asked.append(str(mail["Message-ID"]))
        if not self._honours_key:
            self._seen.clear()
        super().take(session, envelope)

    def _arrived(self, arrival: Mail) -> None:
        self.notes.tell(delivery_in(arrival.key))
        super()._arrived(arrival)


TRANSPORTS: Final = ("http", "smsgate", "email")


def open_receiver(transport: str, *, honours_key: bool) -> AbstractAsyncContextManager[Receiver]:
    """A receiver of that transport, on a port of its own while entered."""
    receivers: dict[str, Callable[[], AbstractAsyncContextManager[Receiver]]] = {
        "http": partial(HttpReceiver, honours_key=honours_key),
        "smsgate": partial(PhoneReceiver, honours_key=honours_key),
        "email": partial(MailReceiver, honours_key=honours_key),
    }
    return receivers[transport]()


def _fault(kind: str, **more: Any) -> Fault:
    return Fault.model_validate({"kind": kind, **more})


TEMPORARY: Final = {"http": 503, "smsgate": 503, "email": 451}
FOR_GOOD: Final = {"http": 422, "smsgate": 400, "email": 550}

BEHAVIOURS: Final = (
    "fine",
    "refuses connections",
    "acts, never answers",
    "acts, resets",
    "resets within its answer",
    "resets",
    "hangs",
    "slow",
    "says later",
    "says never",
)
"""Every way in which a receiver behaves while bridges are killed. Afterwards it is well."""


def fault_of(behaviour: str, transport: str) -> Fault | None:
    """A behaviour as a receiver of that transport has it."""
    faults = {
        "refuses connections": _fault("refuse"),
        "acts, never answers": _fault("slow", wait="1h"),
        "acts, resets": _fault("drop_reply"),
        "resets within its answer": _fault("reset_in_reply"),
        "resets": _fault("reset"),
        "hangs": _fault("hang"),
        "slow": _fault("slow", wait="60ms"),
        "says later": _fault("status", status=TEMPORARY[transport]),
        "says never": _fault("status", status=FOR_GOOD[transport]),
    }
    return faults.get(behaviour)
