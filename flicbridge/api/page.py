"""The page on which a helper says what is known about an alert. Pure.

It shows what the helper was told already, and no more: what was called, by whom, when. No picture, no script,
no font: nothing is fetched from anywhere else, and nobody else learns that it was opened.
"""

from base64 import b64encode
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import AlertKind, AlertState
from flicbridge.alert.desk import Standing

STYLE: Final = (
    "body{font:1.1em/1.5 sans-serif;max-width:34em;margin:2em auto;padding:0 1em}"
    "button{display:block;width:100%;margin:1em 0;padding:1em;font:inherit}"
    "h1{font-size:1.3em}"
)

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none';"
    f" frame-ancestors 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
"""The link is a secret: it must not leak to other pages, caches or search engines."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """How the page speaks.

    Attributes:
        language: its code, for the browser.
        zone: where the practice's clock is.
        translate: puts an English text into that language.
    """

    language: str
    zone: ZoneInfo
    translate: Callable[[str], str]


def alert_page(
    standing: Standing, tongue: Tongue, offered: Container[str], *, was_noted: bool = False
) -> str:
    """The page of an alert that is not closed, with a button for every answer that would move it.

    Args:
        standing: how the alert stands, as far as the reader is to know.
        tongue: how to speak.
        offered: the answers that would move it.
        was_noted: True after an answer was given.
    """
    _ = tongue.translate
    alert = standing.alert
    at = alert.pressed_at.astimezone(tongue.zone)
    lines = [
        f"<p>{escape(alert.doctor.name)}, {at:%d/%m/%Y %H:%M}</p>",
        f"<p><strong>{escape(_state(standing, _))}</strong></p>",
    ]
    if was_noted:
        lines.insert(0, f"<p>{escape(_('Thank you, your answer has been noted.'))}</p>")
    return _page(_title(alert.kind, _), [*lines, *_buttons(offered, _)], tongue)


def notice_page(text: str, tongue: Tongue) -> str:
    """A page with one sentence."""
    return _page("flicbridge", [f"<p>{escape(text)}</p>"], tongue)


def _page(title: str, lines: list[str], tongue: Tongue) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="{tongue.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        + "\n".join(lines)
        + "\n</body></html>\n"
    )


def _title(kind: AlertKind, _: Callable[[str], str]) -> str:
    titles = {
        AlertKind.EMERGENCY: _("ASSAULT ALERT"),
        AlertKind.OVERDUE: _("MISSED CHECK-IN ALERT"),
        AlertKind.TEST: _("DRILL - do not respond"),
    }
    return titles[kind]


def _state(standing: Standing, _: Callable[[str], str]) -> str:
    if standing.doubted and standing.state in (AlertState.RAISED, AlertState.NOTIFIED):
        return _("Somebody has cancelled it without the agreed PIN: the alert goes on.")
    states = {
        AlertState.ACKNOWLEDGED: _("Somebody is on it."),
        AlertState.CONFIRMED: _("The alert is real."),
        AlertState.FALSE_ALARM: _("It was a false alarm."),
        AlertState.CANCELLED: _("It has been cancelled. A cancellation may have been forced."),
    }
    return states.get(standing.state, _("Nobody has answered this alert yet."))


def _buttons(offered: Container[str], _: Callable[[str], str]) -> Iterator[str]:
    """One form per answer. Programs that look into mails follow links, but press no buttons."""
    labels = {
        "acknowledge": _("I am on it"),
        "confirm": _("The alert is real"),
        "false_alarm": _("It is a false alarm"),
    }
    for answer, label in labels.items():
        if answer in offered:
            yield (
                f'<form method="post"><button name="answer" value="{answer}">{escape(label)}</button></form>'
            )
