"""The phrases that SMS and mail have in common: ages, times, and the first words of a message.

An opening is, in this order: that it is only a drill; what happened since or how late it is; what is called.

    ALERTE AGRESSION
    APPUI TARDIF il y a 2 h 10, à 12:02 - ALERTE AGRESSION
    APPUI ANCIEN il y a 3 h 00, à 11:02 - ALERTE AGRESSION
    RAPPEL 1 - APPUI il y a 5 min, à 14:02 - ALERTE AGRESSION
    NOUVEL APPUI (2e) à 14:07 - ALERTE AGRESSION de 14:02
    EXERCICE - ne pas intervenir - ANNULATION à 14:05 - ESSAI de 14:02

What the doctor is told of a test says nothing else: `Essai : reçu par samu à 14:02, en 0,8 s`.
"""

from datetime import datetime
from typing import assert_never

from flicbridge.alert.alert import AlertKind, Purpose
from flicbridge.alert.trial import DELIVERED, MISSED
from flicbridge.clock import is_credible
from flicbridge.transport.answers import how, is_unverified, who
from flicbridge.transport.telling import Telling


def opening(telling: Telling) -> str:
    """The first words, which decide what the reader does."""
    if telling.purpose is Purpose.TESTED:
        return trial(telling)  # for the doctor, who knows what it is about
    return " - ".join(part for part in (_drill(telling), _event(telling), _call(telling)) if part)


def age(telling: Telling, seconds: float) -> str:
    """A duration in the two units that matter, rounded down: `8 s`, `35 min`, `2 h 10`, `3 j 4 h`."""
    _ = telling.translate
    minutes, whole_s = divmod(int(seconds), 60)
    hours, whole_min = divmod(minutes, 60)
    days, whole_h = divmod(hours, 24)
    if days:
        return _("{days} d {hours} h").format(days=days, hours=whole_h)
    if hours:
        return _("{hours} h {minutes:02} min").format(hours=hours, minutes=whole_min)
    if minutes:
        return _("{minutes} min").format(minutes=minutes)
    return _("{seconds} s").format(seconds=whole_s)


def ago(telling: Telling, seconds: float) -> str:
    """A duration up to now: `il y a 35 min`."""
    _ = telling.translate
    if not telling.has_age:
        return _("an unknown time ago")
    return _("{age} ago").format(age=age(telling, seconds))


def when(telling: Telling, at: datetime) -> str:
    """A time on the practice's clock, with the date unless it is today: `à 14:02`.

    What a clock dated that nobody had set is not told as if it were true.
    """
    _ = telling.translate
    if not is_credible(at):
        return _("at an unknown time")
    phrase = _("at {time}") if telling.is_today(at) else _("on {year}-{month:02}-{day:02} at {time}")
    return phrase.format_map(calendar(telling.local(at)))


def calendar(at: datetime) -> dict[str, str | int]:
    """What a translator needs to write a date in the order of the language: `{day:02}/{month:02}/{year}`."""
    return {"year": at.year, "month": at.month, "day": at.day, "time": f"{at.hour:02}:{at.minute:02}"}


def press_time(telling: Telling) -> str:
    """When help was called for, at the end of a message that opens without saying so; or nothing."""
    _ = telling.translate
    if telling.purpose is not Purpose.ALERT or _says_age_first(telling):
        return ""
    time = when(telling, telling.alert.pressed_at)
    if not is_credible(telling.alert.pressed_at):
        return ago(telling, telling.alert_age_s)
    return _("check-in due {when}").format(when=time) if telling.alert.kind is AlertKind.OVERDUE else time


def _drill(telling: Telling) -> str:
    _ = telling.translate
    return _("DRILL - do not respond") if telling.alert.kind is AlertKind.TEST else ""


def _event(telling: Telling) -> str:
    """What sets this message apart from a fresh alert, or nothing."""
    match telling.purpose:
        case Purpose.ALERT:
            return _aged_press(telling) if _says_age_first(telling) else ""
        case Purpose.AGAIN:
            return _new_press(telling)
        case Purpose.REMINDER:
            _ = telling.translate
            return f"{_('REMINDER {number}').format(number=telling.occasion)} - {_aged_press(telling)}"
        case Purpose.CANCELLED | Purpose.DOUBTED:
            return _cancellation(telling)
        case Purpose.ANSWERED:
            return _answer(telling)
        case Purpose.TESTED:
            return trial(telling)
        case unknown:
            assert_never(unknown)


def _says_age_first(telling: Telling) -> bool:
    return telling.is_aged or telling.waited_in_button


def _aged_press(telling: Telling) -> str:
    """That help was called for a while ago, and when."""
    _ = telling.translate
    how_old, time = ago(telling, telling.alert_age_s), when(telling, telling.alert.pressed_at)
    if telling.alert.kind is AlertKind.OVERDUE:
        late = telling.is_late or telling.is_old
        due = _("LATE, check-in due {ago}, {when}") if late else _("CHECK-IN due {ago}, {when}")
        return due.format(ago=how_old, when=time)
    if telling.is_old:
        return _("OLD {press} {ago}, {when}").format(press=_("PRESS"), ago=how_old, when=time)
    if telling.is_late:
        return _("LATE {press} {ago}, {when}").format(press=_("PRESS"), ago=how_old, when=time)
    return _("{press} {ago}, {when}").format(press=_("PRESS"), ago=how_old, when=time)


def _new_press(telling: Telling) -> str:
    """That the button was pressed again; when, if that is known; and how late, if it is."""
    _ = telling.translate
    again = telling.press_number > 1
    press = _("NEW PRESS (no. {number})") if again else _("PRESS")
    press = press.format(number=telling.press_number)
    how_old = ago(telling, telling.press_age_s)
    if telling.occasion_at is None:
        return _("{press}, alert raised {ago}").format(press=press, ago=how_old) if telling.is_aged else press
    time = when(telling, telling.occasion_at)
    if not telling.is_aged:
        return f"{press} {time}"
    if not telling.is_late:
        return _("{press} {ago}, {when}").format(press=press, ago=how_old, when=time)
    return _("LATE {press} {ago}, {when}").format(press=press, ago=how_old, when=time)


def _cancellation(telling: Telling) -> str:
    """That somebody cancelled, how and when; and first of all, whether that may be believed."""
    _ = telling.translate
    by = f" ({way})" if (way := how(telling)) else ""
    if is_unverified(telling):
        what = _("UNVERIFIED CANCELLATION")
    elif telling.purpose is Purpose.DOUBTED:
        what = _("CANCELLATION POSSIBLY UNDER DURESS")
    elif telling.occasion_at is None:
        return _("CANCELLED") + by
    else:
        return _("CANCELLED {when}").format(when=when(telling, telling.occasion_at)) + by
    time = "" if telling.occasion_at is None else f" {when(telling, telling.occasion_at)}"
    return f"{what}{time}{by}"


def _answer(telling: Telling) -> str:
    _ = telling.translate
    answered = _("HELP IS ON IT ({who})").format(who=who(telling))
    return answered if telling.occasion_at is None else f"{answered} {when(telling, telling.occasion_at)}"


def trial(telling: Telling) -> str:
    """What became of a test, for the doctor who made it."""
    _ = telling.translate
    if telling.occasion == MISSED or telling.occasion_at is None:
        return _("Test: not through to anybody after {age}").format(age=_brief(telling, telling.alert_age_s))
    arrived = telling.occasion == DELIVERED
    phrase = (
        _("Test: received by {who} {when}, in {age}")
        if arrived
        else _("Test: sent to {who} {when}, in {age}")
    )
    took_s = max(0.0, (telling.occasion_at - telling.alert.pressed_at).total_seconds())
    return phrase.format(
        who=who(telling), when=when(telling, telling.occasion_at), age=_brief(telling, took_s)
    )


def _brief(telling: Telling, seconds: float) -> str:
    """A duration, with tenths where those matter."""
    if seconds >= 10:
        return age(telling, seconds)
    _ = telling.translate
    whole, tenth = divmod(round(seconds * 10), 10)
    return _("{whole}.{tenth} s").format(whole=whole, tenth=tenth)


def _call(telling: Telling) -> str:
    """What is called; in a message about an earlier alert, with the time of that one."""
    name = _call_name(telling)
    if telling.purpose in (Purpose.ALERT, Purpose.REMINDER) or not is_credible(telling.alert.pressed_at):
        return name
    _ = telling.translate
    at = telling.alert.pressed_at
    today = telling.is_today(at)
    phrase = _("{call} of {time}") if today else _("{call} of {year}-{month:02}-{day:02} at {time}")
    return phrase.format(call=name, **calendar(telling.local(at)))


def _call_name(telling: Telling) -> str:
    _ = telling.translate
    match telling.alert.kind:
        case AlertKind.EMERGENCY:
            return _("ASSAULT ALERT")
        case AlertKind.OVERDUE:
            return _("MISSED CHECK-IN ALERT")
        case AlertKind.TEST:
            return _("TEST CALL")
        case unknown:
            assert_never(unknown)
