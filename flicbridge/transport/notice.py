"""A message about the bridge itself, for whoever looks after it: what, which bridge, since when.

ENTRETIEN tilleuls-1 : disque plein, depuis 14:02
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid5
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import NAMESPACE, Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.clock import is_credible
from flicbridge.texts import N_, translator
from flicbridge.transport.base import Message
from flicbridge.transport.gsm import transliterate

EXPIRES_AFTER: Final = timedelta(days=1)

WHAT: Final = {
    "store_sick": N_("the database cannot be written, alerts are sent from memory only"),
    "disk_full": N_("the disk is full, only a small reserve is left"),
    "store_set_aside": N_("the database was damaged and has been set aside, a new one was begun"),
    "clock_wrong": N_("the clock is not set, times are unknown and secure connections fail"),
    "store_too_new": N_("the database is of a newer version, another one is used beside it"),
}


@dataclass(frozen=True, slots=True)
class House:
    """How this bridge speaks of itself: its id, the language, and the key of its time zone."""

    bridge: str
    language: str
    timezone: str


def compose_notice(
    house: House,
    problem: str,
    *,
    channel: str,
    since_at: datetime,
    at: datetime,
    sent_at: datetime,
    is_over: bool,
) -> Message:
    """Put one notice into words.

    Args:
        house: who speaks.
        problem: the code, as in `status`.
        channel: `recipient/index`; each has a message of its own.
        since_at: since when, UTC.
        at: when it became worth telling; names the message for ever.
        sent_at: now, UTC.
        is_over: True for the all-clear.
    """
    _ = translator(house.language).gettext
    what = _(WHAT[problem]) if problem in WHAT else problem
    then = at if is_over else since_at
    local = then.astimezone(ZoneInfo(house.timezone))
    when = {"year": local.year, "month": local.month, "day": local.day, "time": f"{local:%H:%M}"}
    dated, undated = _("{year}-{month:02}-{day:02} at {time}").format_map(when), _("an unknown time")
    moment = dated if is_credible(then) else undated
    fault, over = _("MAINTENANCE {bridge}: {what}, since {moment}"), _("MAINTENANCE {bridge}: over: {what}")
    line = over if is_over else fault
    subject = line.format(bridge=house.bridge, what=what, moment=moment)
    about = _("This is about the bridge itself. Nobody is calling for help.")
    more = _("On the bridge, `flicbridge status` says more.")
    key = uuid5(NAMESPACE, f"notice/{house.bridge}/{problem}/{at.isoformat()}/{is_over}/{channel}")
    return Message(
        key=str(key),
        delivery=key,
        alert=_nobody(house.bridge, key_at=at, problem=problem),
        purpose=Purpose.ALERT,
        recipient=channel.rpartition("/")[0],
        attempt=1,
        sent_at=sent_at,
        expires_at=at + EXPIRES_AFTER,
        sms=transliterate(subject),
        subject=subject,
        text=f"{subject}\n\n{about}\n{more}\n",
        data={
            "kind": "maintenance",
            "bridge": house.bridge,
            "problem": problem,
            "over": is_over,
            "since": since_at.isoformat(timespec="milliseconds"),
        },
        event="fr.flicbridge.maintenance." + ("over" if is_over else "fault"),
    )


def _nobody(bridge: str, *, key_at: datetime, problem: str) -> Alert:
    """Transports speak of an alert; in a notice there is none, and nothing of a person in its place."""
    return Alert(
        id=uuid5(NAMESPACE, f"notice/{bridge}/{problem}"),
        kind=AlertKind.TEST,
        bridge=bridge,
        button="",
        gesture="",
        pressed_at=key_at,
        received_at=key_at,
        was_queued=False,
        doctor=Doctor("", ""),
        practice=Practice("", ""),
        position=None,
    )
