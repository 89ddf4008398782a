"""What the inbox of a phone with SMS Gateway for Android says.

Source: the app's own routes (`GET /inbox`, module `localserver`, 2026-07). The newest come first; the id is
made of sender, text and time, so it stays the same. Its webhooks would be sooner, but they go to https only,
and a bridge on the local network has no certificate that a phone believes.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flicbridge.errors import PermanentDeliveryError, TransientDeliveryError
from flicbridge.transport.base import Received
from flicbridge.transport.verdict import Answer

PATH: Final = "inbox"
LIMIT: Final = 20
QUERY: Final = {"type": "SMS", "limit": str(LIMIT)}


def read_inbox(answer: Answer) -> list[Received]:
    """The messages in an answer, oldest first; what is no message among them is passed over.

    Raises:
        TransientDeliveryError: there is no inbox in it.
        PermanentDeliveryError: this version of the app has none, or does not let us read it.
    """
    if answer.status in (401, 403, 404):
        reason = f"the phone does not show its inbox (HTTP {answer.status}); update the app"
        raise PermanentDeliveryError(reason)
    try:
        listed = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        raise TransientDeliveryError(f"the phone does not show its inbox (HTTP {answer.status})")
    return list(_messages(listed))[::-1]


def _messages(listed: list[Any]) -> Iterator[Received]:
    for entry in listed:
        match entry:
            case {"id": str(name), "sender": str(sender), "contentPreview": str(text), "type": "SMS"}:
                at = entry.get("createdAt")
                yield Received(f"{name}/{at}", sender, text, time_of(at))
            case _:
                continue


def time_of(text: object) -> datetime | None:
    """A time as the app writes it, or None if it is none."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if at is None or at.tzinfo is None else at.astimezone(UTC)


def time_of_state(fields: Mapping[str, Any], state: str) -> datetime | None:
    """When a message that was sent came into a state, as the phone has it."""
    states = fields.get("states")
    return time_of(states.get(state)) if isinstance(states, Mapping) else None
