"""The subject and the body of a mail: everything that is known, and what to do about it first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, assert_never

from flicbridge.alert.alert import AlertKind, Purpose
from flicbridge.alert.phone import national
from flicbridge.clock import is_credible
from flicbridge.place.position import Position
from flicbridge.transport.answers import NO_WAYS, Ways, is_unverified, who
from flicbridge.transport.phrases import age, ago, calendar, opening, press_time
from flicbridge.transport.telling import Telling

# Close enough to tell one house from the next.
MAP_ZOOM: Final = 18


def compose_subject(telling: Telling) -> str:
    """One line: what, who, where, when."""
    if telling.purpose is Purpose.TESTED:
        return _one_line(opening(telling))
    doctor, practice = telling.alert.doctor, telling.alert.practice
    who = f"{opening(telling)} {doctor.name} {national(doctor.phone)}"
    return ", ".join(part for part in map(_one_line, (who, practice.name, press_time(telling))) if part)


def compose_mail(telling: Telling, *, attempt: int, ways: Ways = NO_WAYS) -> str:
    """The body, as plain text with one fact per line."""
    _ = telling.translate
    parts = (
        (_one_line(opening(telling)), *_story(telling)),
        (_("WHAT TO DO"), *(f"- {line}" for line in _advice(telling))),
        (_("ANSWER"), *_answers(telling, ways)),
        (_("WHO"), *_who(telling)),
        (_("WHEN"), *_when(telling)),
        (_("WHERE"), *_where(telling)),
        (_("REFERENCES"), *_references(telling, attempt)),
    )
    return "\n\n".join("\n".join(part) for part in parts if len(part) > 1) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _row(telling: Telling, label: str, value: str) -> Iterator[str]:
    """One fact, unless there is nothing to say."""
    _ = telling.translate
    if plain := _one_line(value):
        yield _("{label}: {value}").format(label=label, value=plain)


def _story(telling: Telling) -> Iterator[str]:
    """What happened, in whole sentences."""
    _ = telling.translate
    match telling.alert.kind:
        case AlertKind.EMERGENCY:
            story = _("{doctor} is calling for help with an alarm button.")
        case AlertKind.OVERDUE:
            story = _("{doctor} should have given a sign of life by now, and has not.")
        case AlertKind.TEST:
            story = _("{doctor} is trying out an alarm button.")
        case unknown:
            assert_never(unknown)
    yield story.format(doctor=_one_line(telling.alert.doctor.name))
    if telling.purpose is Purpose.REMINDER:
        yield _("Nobody has answered this alert yet.")
    if telling.purpose is Purpose.CANCELLED:
        yield _("This alert has been cancelled.")
    elif is_unverified(telling):
        yield _("A button has cancelled it, but cannot prove who pressed: the alert goes on.")
    elif telling.purpose is Purpose.DOUBTED:
        yield _("It has been cancelled without the agreed PIN: the alert goes on.")
    elif telling.purpose is Purpose.ANSWERED:
        yield _("Somebody is on it.")
    elif telling.is_aged:
        how_old = age(telling, telling.press_age_s)
        if telling.has_age:
            yield _("This news is {age} old: the situation may have changed.").format(age=how_old)
        else:
            yield _("Nobody knows how old this news is: the situation may have changed.")


def _advice(telling: Telling) -> Iterator[str]:
    """What the reader should do. In France the check that an alert is real is the "levée de doute"."""
    _ = telling.translate
    phone = national(telling.alert.doctor.phone)
    if telling.purpose is Purpose.TESTED:
        yield _("Nothing: this is for you alone. Stay discreet.")
    elif telling.alert.kind is AlertKind.TEST:
        yield _("This is a drill: send nobody. Just check that this message is complete.")
    elif telling.purpose is Purpose.ANSWERED:
        yield _("Nothing: this is for you alone. Stay discreet.")
    elif telling.purpose is Purpose.DOUBTED:
        yield _("Treat the alert as real, and send help to the place below.")
        yield _("On the phone, never say that the cancellation is doubted: the attacker may be listening.")
    elif telling.purpose is Purpose.CANCELLED:
        yield _("A cancellation may have been forced. Call {phone} back to confirm it.").format(phone=phone)
        yield _("No answer, or an odd one: treat the alert as real.")
    else:
        yield _("Verify the alert: call {phone} back at once.").format(phone=phone)
        yield _("Ask questions that yes or no will answer: the attacker may be listening.")
        yield _("No answer, or an odd one: treat the alert as real, and send help to the place below.")


def _who(telling: Telling) -> Iterator[str]:
    _ = telling.translate
    doctor = telling.alert.doctor
    yield from _row(telling, _("Name"), doctor.name)
    yield from _row(telling, _("Call back"), f"{national(doctor.phone)} ({doctor.phone})")


def _when(telling: Telling) -> Iterator[str]:
    """Every time that matters, in the order of events."""
    _ = telling.translate
    alert = telling.alert
    first = _("Check-in due") if alert.kind is AlertKind.OVERDUE else _("Pressed")
    how_old = ago(telling, telling.alert_age_s)
    yield from _row(telling, first, f"{_moment(telling, alert.pressed_at)}, {how_old}")
    if telling.waited_in_button:
        yield from _row(telling, _("Kept in the button, out of reach"), _("yes"))
    yield from _row(telling, _("Learnt of by the bridge"), _moment(telling, alert.received_at))
    if telling.happened_at is not None:
        yield from _row(telling, _since(telling), _moment(telling, telling.happened_at))
        yield from _row(telling, _("By"), who(telling))
    yield from _row(telling, _("This message"), _moment(telling, telling.sent_at))


def _since(telling: Telling) -> str:
    """What happened after the alert, to stand before its time."""
    _ = telling.translate
    match telling.purpose:
        case Purpose.CANCELLED | Purpose.DOUBTED:
            return _("Cancelled")
        case Purpose.ANSWERED:
            return _("Answered")
        case Purpose.TESTED:
            return _("Message sent")
        case _other:
            return _("Pressed again")


def _answers(telling: Telling, ways: Ways) -> Iterator[str]:
    """How to answer: a page, whose buttons say what they do."""
    _ = telling.translate
    if ways.link:
        yield _("Say on this page that you are on it, and later whether the alert was real:")
        yield ways.link


def _moment(telling: Telling, at: datetime) -> str:
    """A time to the second, with its date and offset: `22/11/2026 à 14:02:10 (UTC+01:00)`."""
    _ = telling.translate
    if not is_credible(at):
        return _("unknown, the clock was not set")
    local = telling.local(at)
    fields = calendar(local) | {"time": local.time().isoformat("seconds")}
    moment = _("{year}-{month:02}-{day:02} at {time}").format_map(fields)
    return f"{moment} (UTC{local:%:z})"


def _where(telling: Telling) -> Iterator[str]:
    _ = telling.translate
    practice = telling.alert.practice
    yield from _row(telling, _("Practice"), practice.name)
    yield from _row(telling, _("Address"), practice.address)
    yield from _row(telling, _("Room"), practice.room)
    yield from _row(telling, _("Way in"), practice.access)
    yield from _position(telling)


def _position(telling: Telling) -> Iterator[str]:
    _ = telling.translate
    position, fix_at = telling.alert.position, telling.fix_at
    if position is None or fix_at is None:
        yield from _row(telling, _("Position"), _("unknown"))
        return
    yield from _row(telling, _("Position"), position.decimal())
    yield from _row(telling, _("Place"), position.label)
    if position.accuracy_m is not None:
        yield from _row(telling, _("Accuracy"), f"{position.accuracy_m:.0f} m")
    if position.age_s >= 1:
        yield from _row(telling, _("Position known at"), _moment(telling, fix_at))
    yield from _row(telling, _("Map"), map_link(position))
    yield position.geo_uri()


def map_link(position: Position) -> str:
    """Where to see the position on OpenStreetMap, with a marker."""
    latitude, longitude = f"{position.latitude_deg:.5f}", f"{position.longitude_deg:.5f}"
    where = f"mlat={latitude}&mlon={longitude}#map={MAP_ZOOM}/{latitude}/{longitude}"
    return f"https://www.openstreetmap.org/?{where}"


def _references(telling: Telling, attempt: int) -> Iterator[str]:
    """What helps to find this alert again, and to see why it came twice."""
    _ = telling.translate
    alert = telling.alert
    yield from _row(telling, _("Alert"), str(alert.id))
    yield from _row(telling, _("Button"), f"{alert.button} ({alert.gesture})")
    yield from _row(telling, _("Bridge"), alert.bridge)
    yield from _row(telling, _("Attempt"), str(attempt))
