"""Stands in for a phone with SMS Gateway for Android: its local API, and the SMS it would send.

Source: the app's own routes and states, 2026-07 (`capcom6/android-sms-gateway`, module `localserver`).
"""

import asyncio
import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import parse_qsl
from zlib import crc32

from flicbridge.clock import Clock
from flicbridge.simulator.gateways.web import Reply, Request, WebGateway

type Fate = Literal["delivered", "sent", "failed", "pending"]
"""What becomes of an SMS in the end. `sent` and `pending` are also the end of some real ones."""

# How long after it was taken an SMS reaches each state, in seconds: about what good reception allows.
PACE: Final = ((0.0, "Pending"), (0.2, "Processed"), (1.5, "Sent"), (4.0, "Delivered"))
LAST_STATE: Final = {"delivered": "Delivered", "sent": "Sent", "failed": "Sent", "pending": "Pending"}
WHY_FAILED: Final = "Send result: RESULT_ERROR_NO_SERVICE (Failed because service is currently unavailable)"


@dataclass(frozen=True, slots=True)
class Sms:
    """One SMS that the phone took.

    Attributes:
        key: the id we gave it.
        at_s: when the first byte of its request came in, by the loop's clock.
        number: E.164.
        text: what the handset shows.
        priority, ttl_s, sim: as asked for.
        fate: what becomes of it in the end.
    """

    key: str
    at_s: float
    number: str
    text: str
    priority: int
    ttl_s: int | None
    sim: int | None
    fate: Fate


@dataclass(frozen=True, slots=True)
class Incoming:
    """One SMS that came in."""

    sender: str
    text: str
    at: datetime

    def shown(self) -> dict[str, Any]:
        """As the app shows it: the id is made of what the message consists of."""
        at = self.at.isoformat(timespec="milliseconds")
        return {
            "id": f"text:{crc32(f'{self.sender}/{self.text}/{at}'.encode())}",
            "type": "SMS",
            "sender": self.sender,
            "recipient": None,
            "simNumber": 1,
            "contentPreview": self.text,
            "createdAt": at,
            "attachments": [],
        }


class FakePhone(WebGateway[Sms]):
    """A phone on the local network.

    Args:
        username, password: what the app shows on its screen.
        clock: as for every WebGateway.

    Attributes:
        fate: what becomes of every SMS taken from now on.
        inbox: what came in, oldest first.
        battery_percent: what is left in it.
        charging: whether it is on its charger.
        failed: the state of its check of messages that failed: `pass`, `warn` or `fail`.
    """

    def __init__(self, *, username: str = "sms", password: str, clock: Clock | None = None) -> None:
        super().__init__(clock=clock)
        self._login = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._taken: dict[str, Sms] = {}
        self.fate: Fate = "delivered"
        self.inbox: list[Incoming] = []
        self.battery_percent = 94
        self.charging = True
        self.failed: Literal["pass", "warn", "fail"] = "pass"

    def receive(self, sender: str, text: str) -> None:
        """Let an SMS come in, from a number as its network writes it."""
        self.inbox.append(Incoming(sender, text, self._clock.now_at()))

    def forget(self) -> None:
        """Lose all memory of what was taken, as after the app was installed anew."""
        self._taken.clear()

    def answer(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if request.method == "GET" and path == "/health":
            return _json(200, self._health())
        if request.headers.get("authorization") != self._login:
            return Reply(401, headers={"WWW-Authenticate": "Basic realm=Access to SMS Gateway"})
        if request.method == "GET" and path == "/inbox":
            return self._show_inbox(request)
        if request.method == "POST" and path in ("/message", "/messages"):
            return self._take(request)
        if request.method == "GET" and (found := re.fullmatch(r"/messages?/([^/]+)", path)):
            sms = self._taken.get(found[1])
            return Reply(404) if sms is None else _json(200, self._shown(sms))
        return Reply(404)

    def _health(self) -> dict[str, Any]:
        """As the app does, which asks for no password here."""
        level = self.battery_percent
        battery = "fail" if level < 10 else "warn" if level < 25 else "pass"
        checks = {
            "messages:failed": ("messages", 0 if self.failed == "pass" else 3, self.failed),
            "connection:status": ("boolean", 1, "pass"),
            "connection:cellular": ("index", 4, "pass"),
            "battery:level": ("percent", level, battery),
            "battery:charging": ("flags", 4 if self.charging else 0, "pass"),
        }
        worst = "fail" if "fail" in (battery, self.failed) else "pass"
        return {
            "checks": {
                name: {"description": name, "observedUnit": unit, "observedValue": value, "status": status}
                for name, (unit, value, status) in checks.items()
            },
            "releaseId": 1,
            "status": worst,
            "version": "1.0.0",
        }

    def _take(self, request: Request) -> Reply:
        try:
            sms = _parse(request, self.fate)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return _json(400, {"message": str(error)})
        if sms.key in self._taken:
            self._came_again()
            return _json(409, {"message": "Message with the same ID already exists"})
        self._taken[sms.key] = sms
        self._arrived(sms)
        return _json(202, self._shown(sms))

    def _show_inbox(self, request: Request) -> Reply:
        """The newest first, fifty unless another number is asked for; all kinds unless one is."""
        query = dict(parse_qsl(request.path.partition("?")[2]))
        limit = int(query.get("limit", "50"))
        if not 1 <= limit <= 500:
            return _json(400, {"message": "limit must be between 1 and 500"})
        shown = [message.shown() for message in reversed(self.inbox)]
        return _json(200, shown[:limit])

    def _shown(self, sms: Sms) -> dict[str, Any]:
        state = self._state(sms)
        error = WHY_FAILED if state == "Failed" else None
        return {
            "id": sms.key,
            "deviceId": "simulated",
            "state": state,
            "isHashed": False,
            "isEncrypted": False,
            "recipients": [{"phoneNumber": sms.number, "state": state, "error": error}],
            "states": self._states(sms, state),
        }

    def _states(self, sms: Sms, last: str) -> dict[str, str]:
        """Every state it has been in, with when, by the phone's clock."""
        taken_at, states = self._clock.now_at() - self._age(sms), {}
        for after_s, state in PACE:
            states[state] = (taken_at + timedelta(seconds=after_s)).isoformat(timespec="milliseconds")
            if state == last:
                break
        return states

    def _age(self, sms: Sms) -> timedelta:
        return timedelta(seconds=asyncio.get_running_loop().time() - sms.at_s)

    def _state(self, sms: Sms) -> str:
        state = "Pending"
        for after_s, reached in PACE:
            if self._age(sms).total_seconds() < after_s:
                break
            if sms.fate == "failed" and reached == "Sent":
                return "Failed"
            state = reached
            if state == LAST_STATE[sms.fate]:
                break
        return state


def _parse(request: Request, fate: Fate) -> Sms:
    """Read a request as the app does.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it would be refused.
    """
    asked = json.loads(request.body)
    text, numbers = asked["textMessage"]["text"], asked["phoneNumbers"]
    if not text:
        raise ValueError("Text message is empty")
    if not numbers:
        raise ValueError("Empty phone numbers list")
    if not all(re.fullmatch(r"\+[1-9]\d{6,14}", number) for number in numbers):
        raise ValueError("Invalid phone number")
    if not -128 <= (priority := asked.get("priority", 0)) <= 127:
        raise ValueError("priority is not a byte")
    ttl_s, sim = asked.get("ttl"), asked.get("simNumber")
    if ttl_s is not None and ttl_s <= 0:
        raise ValueError("message already expired")
    if sim is not None and sim < 1:
        raise ValueError("SIM number cannot be less than 1")
    return Sms(asked["id"], request.at_s, numbers[0], text, priority, ttl_s, sim, fate)


def _json(status: int, content: dict[str, Any] | list[dict[str, Any]]) -> Reply:
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json; charset=UTF-8"})
