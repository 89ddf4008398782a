"""What an answer means for a message: taken, worth another try, or refused for good. Pure.

Every transport sorts what it meets into `errors.Failure`, by this table:

| what happens                                  | http, smsgate  | email                                    |
|-----------------------------------------------|----------------|------------------------------------------|
| name not found, port closed, no route         | `temporary`    | `temporary`                              |
| certificate not trusted, TLS fails            | `temporary`    | `temporary`                              |
| silence or a break before the message is out  | `temporary`    | `temporary`, before the text of the mail |
| silence or a break after the message is out   | `unknown`      | `unknown`, from the text of the mail on  |
| a login page (200 with HTML, or a redirect)   | `temporary`    | `temporary`, being no mail server        |
| 408, 409, 425, 5xx; SMTP 4yz                  | `temporary`    | `temporary`                              |
| 504: a proxy heard nothing from the receiver  | `unknown`      |                                          |
| 429, or any refusal or redirect that says     | `rate_limited` | `rate_limited`                           |
| Retry-After; SMTP 4.7.n, 4.4.5, 4.3.2         |                |                                          |
| wrong password, wrong signature               | `permanent`    | `temporary`: some do that on a bad day   |
| any other 4xx                                 | `permanent`    |                                          |
| SMTP 5yz to sender, all recipients or text    |                | `permanent`                              |
| the phone failed an SMS that it had taken     | `temporary`    |                                          |
| taken (2xx, 250); 409 of the phone            | `sent`         | `sent`                                   |

A signature that may have been refused for its time is `temporary`: see `skew.py`. Nothing that a web page
says with a 200 is believed, so neither is its Retry-After.

Sources: RFC 9110 (statuses, Retry-After), RFC 6585 (429, 511), Standard Webhooks 1.0.0, "Delivery success and
failure".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from flicbridge.errors import PermanentDeliveryError, TransientDeliveryError

# Refusals that pass: a slow or early request, a busy receiver, and 409, which Standard Webhooks gives no
# meaning. Some say it for "have it already", others for "somebody holds the lock": only a 2xx is a promise.
PASSING: Final = frozenset({408, 409, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: the HTTP status.
        headers: by name in any case.
        body: at most the first 16 KiB, as they came.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def insist_on_success(answer: Answer, now_at: datetime) -> None:
    """Return if the answer says that the message was taken.

    Args:
        answer: the whole answer.
        now_at: UTC; for a Retry-After that names a time.

    Raises:
        TransientDeliveryError: something is in the way: the server is busy or broken, or it is not the
            server at all that answered. A portal that wants a login answers for everybody, with a page
            (200) or by sending us elsewhere (3xx); so neither is believed.
        PermanentDeliveryError: the server has made up its mind.
    """
    if 200 <= answer.status < 300:
        if is_web_page(answer):
            raise TransientDeliveryError(
                f"a web page answered ({_named(answer.status)}): a login portal, or not this URL"
            )
        return
    asked_s = retry_after_s(answer.headers, now_at)
    if 300 <= answer.status < 400:
        raise TransientDeliveryError(
            f"sent elsewhere ({_named(answer.status)}): a login portal, or the URL has changed",
            retry_after_s=asked_s,
            rate_limited=asked_s is not None,
        )
    passes = answer.status >= 500 or answer.status in PASSING or answer.status < 200
    if passes or asked_s is not None:  # whoever says when to come back has not made up its mind
        raise TransientDeliveryError(
            _named(answer.status),
            retry_after_s=asked_s,
            rate_limited=answer.status == HTTPStatus.TOO_MANY_REQUESTS or asked_s is not None,
            may_have_arrived=answer.status == HTTPStatus.GATEWAY_TIMEOUT,
        )
    raise PermanentDeliveryError(f"refused: {_named(answer.status)}")


def is_web_page(answer: Answer) -> bool:
    """Tell whether this was written for a person's browser.

    The type alone does not tell: many small receivers send their `ok` as text/html.
    """
    start = answer.body.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return True
    return start.startswith(b"<") and "html" in answer.headers.get("Content-Type", "").lower()


def retry_after_s(headers: Mapping[str, str], now_at: datetime) -> float | None:
    """Read a Retry-After header, in either of its forms, as seconds from now; None if there is none.

    A named time is measured against the server's own clock where it says what that shows.
    Source: RFC 9110, section 10.2.3.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    if (then_at := http_date(text)) is None:
        return None
    return max(0.0, (then_at - (http_date(headers.get("Date", "")) or now_at)).total_seconds())


def http_date(text: str) -> datetime | None:
    """Read an HTTP date as UTC, or None if it is none."""
    try:
        at = parsedate_to_datetime(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def redacted(text: str) -> str:
    """A foreign message, fit for history and logs: one short line, and no phone number in it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return re.sub(r"\+?\d[\d .-]{4,}\d", "…", line)[:120]


def _named(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
