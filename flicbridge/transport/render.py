"""From an alert to a `Message`: the same facts as an SMS, as a mail, and for a machine."""

import math
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import Alert, Purpose, Way
from flicbridge.clock import Uptime
from flicbridge.texts import translator
from flicbridge.transport.answers import NO_WAYS, Ways
from flicbridge.transport.base import Message
from flicbridge.transport.facts import compose_facts
from flicbridge.transport.mail_text import compose_mail, compose_subject
from flicbridge.transport.sms_text import compose_sms
from flicbridge.transport.telling import Telling


def render(
    alert: Alert,
    purpose: Purpose,
    occasion: int,
    *,
    key: str,
    delivery: UUID,
    recipient: str,
    attempt: int,
    sent_at: datetime,
    expires_at: datetime,
    language: str,
    timezone: str,
    fresh_s: float,
    occasion_at: datetime | None = None,
    sent_up: Uptime | None = None,
    old_s: float = math.inf,
    max_segments: int = 1,
    by: str = "",
    way: Way = Way.NONE,
    ways: Ways = NO_WAYS,
) -> Message:
    """Put one delivery into words, as of `sent_at`.

    Args:
        alert, purpose, occasion, delivery, recipient: as in `Delivery`.
        key, attempt, sent_at, expires_at: as in `Message`.
        language: one of `flicbridge.texts.LANGUAGES`.
        timezone: the practice's, a key of the IANA data base such as `Europe/Paris`.
        fresh_s: a press that was older than this on arrival is late, and every form of the message says so
            first.
        occasion_at: when the later press or the cancellation happened. Without it, a later press can only be
            told with the age of the alert it joined.
        old_s: a press that was older than this on arrival is called old.
        sent_up: `sent_at` by the machine's own count: it knows ages that no date tells.
        max_segments: how many SMS the short text may take.
        by, way: who did what a follow-up tells of, and how.
        ways: how the recipient can answer.

    Raises:
        ValueError: no such language.
        ZoneInfoNotFoundError: no such time zone.
    """
    telling = Telling(
        alert=alert,
        purpose=purpose,
        occasion=occasion,
        occasion_at=occasion_at,
        sent_at=sent_at,
        sent_up=sent_up,
        old_s=old_s,
        zone=ZoneInfo(timezone),
        fresh_s=fresh_s,
        translate=translator(language).gettext,
        by=by,
        way=way,
    )
    return Message(
        key=key,
        delivery=delivery,
        alert=alert,
        purpose=purpose,
        recipient=recipient,
        attempt=attempt,
        sent_at=sent_at,
        expires_at=expires_at,
        sms=compose_sms(telling, max_segments=max_segments, code=ways.code),
        subject=compose_subject(telling),
        text=compose_mail(telling, attempt=attempt, ways=ways),
        data=compose_facts(telling, delivery=delivery, recipient=recipient, attempt=attempt, ways=ways),
    )
