"""Stands in for whoever receives webhooks: verifies signatures, and counts what comes twice."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flicbridge.clock import Clock
from flicbridge.simulator.gateways.web import Reply, Request, WebGateway
from flicbridge.transport.signature import is_signed_with, read_keys

# What receivers usually allow. Source: the reference libraries of Standard Webhooks.
TOLERANCE_S: Final = 300


@dataclass(frozen=True, slots=True)
class Webhook:
    """One event that arrived.

    Attributes:
        key: the `webhook-id`.
        at_s: when the first byte of its request came in, by the loop's clock.
        headers: by lower-case name.
        body: the very bytes.
        event: the same, as parsed JSON.
    """

    key: str
    at_s: float
    headers: Mapping[str, str]
    body: bytes
    event: dict[str, Any]


class FakeHttp(WebGateway[Webhook]):
    """A receiver of Standard Webhooks.

    Args:
        secret: `whsec_...`: what is not signed with it, or not in time, gets a 401. None believes all.
        tls, clock: as for every WebGateway.

    Attributes:
        forged: how many requests had no good signature.
    """

    def __init__(
        self, *, secret: str | None = None, tls: ssl.SSLContext | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(tls=tls, clock=clock)
        self._keys = read_keys(secret) if secret else ()
        self._seen: set[str] = set()
        self.forged = 0

    def answer(self, request: Request) -> Reply:
        if request.method != "POST":
            return Reply(405)
        if self._keys and not self._is_genuine(request):
            self.forged += 1
            return Reply(401)
        try:
            event = json.loads(request.body)
        except ValueError:
            return Reply(400)
        key = request.headers.get("webhook-id", "")
        if key in self._seen:
            self._came_again()
        else:
            self._seen.add(key)
            self._arrived(Webhook(key, request.at_s, request.headers, request.body, event))
        return Reply(204)

    def _is_genuine(self, request: Request) -> bool:
        key, stamp, signature = (
            request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
        )
        if not stamp.isdecimal() or abs(int(stamp) - self._clock.now_at().timestamp()) > TOLERANCE_S:
            return False
        return is_signed_with(self._keys, signature, key, int(stamp), request.body)
