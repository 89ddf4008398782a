"""Whether a message calls a press late, and says truly how old it was."""

import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import Alert, Purpose
from flicbridge.config.settings import Settings
from flicbridge.simulator.letter import Letter
from flicbridge.texts import translator
from flicbridge.transport.gsm import transliterate
from flicbridge.transport.phrases import opening
from flicbridge.transport.telling import Telling

# A message is put into words a little before it arrives.
ON_THE_WAY: Final = (timedelta(0), timedelta(seconds=0.5), timedelta(seconds=2))
AGE_ERROR_S: Final = 2.0


class Lateness(StrEnum):
    """What a message says about it."""

    YES = "yes"
    NO = "no"
    WRONG = "wrong age"
    """It calls the press late, and how old it says the press was is not true."""


def lateness(letter: Letter, alert: Alert, arrived_at: datetime, settings: Settings) -> Lateness:
    """Read whether a message calls the press late.

    For machines that is a field, next to the age in seconds; people read both in the first words.

    Args:
        letter: what arrived, with purpose `alert`.
        alert: what it is about.
        arrived_at: when, UTC.
        settings: in which language and time zone the message was written.
    """
    tellings = [_telling(alert, arrived_at - ago, settings) for ago in ON_THE_WAY]
    if letter.data is None:
        text = transliterate(letter.text)
        says_late = _first_words(settings, is_old=tellings[0].is_old) in text
        is_true = any(transliterate(opening(telling)) in text for telling in tellings)
    else:
        says_late, age_s = letter.data.get("late") is True, letter.data.get("age_s")
        is_true = isinstance(age_s, int | float) and abs(age_s - tellings[0].alert_age_s) <= AGE_ERROR_S
    if not says_late:
        return Lateness.NO
    return Lateness.YES if is_true else Lateness.WRONG


def _first_words(settings: Settings, *, is_old: bool) -> str:
    """The words that every text about a late press begins with, or about an old one."""
    _ = translator(settings.bridge.language).gettext
    words = _("OLD {press} {ago}, {when}") if is_old else _("LATE {press} {ago}, {when}")
    words = words.partition("{ago}")[0]
    return transliterate(words.format(press=_("PRESS"))).strip()


def _telling(alert: Alert, sent_at: datetime, settings: Settings) -> Telling:
    return Telling(
        alert=alert,
        purpose=Purpose.ALERT,
        occasion=0,
        occasion_at=None,
        sent_at=sent_at,
        zone=ZoneInfo(settings.bridge.timezone),
        fresh_s=settings.alerts.fresh.total_seconds(),
        old_s=math.inf if settings.alerts.old is None else settings.alerts.old.total_seconds(),
        translate=translator(settings.bridge.language).gettext,
    )
