"""A message about the bridge itself, for whoever looks after it: what, which bridge, since when, what to do.

ENTRETIEN tilleuls-1 : base de données : disque plein, depuis le 2026-11-22 à 14:02

What is new at one moment goes into one message, and that into one SMS: with as much as fits, the gravest
first. Mails and webhooks have all of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid5
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import NAMESPACE, Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.clock import is_credible
from flicbridge.texts import problems, translator
from flicbridge.texts.problems import Translate
from flicbridge.transport.base import Message
from flicbridge.transport.gsm import septets, transliterate

EXPIRES_AFTER: Final = timedelta(days=1)
SMS_SEPTETS: Final = 160
CUT: Final = "..."

VERDICT: Final = "not_protected"
"""The news that no press reaches anybody, or that one does again; all other news are problems of `status`."""


@dataclass(frozen=True, slots=True)
class House:
    """How this bridge speaks of itself: its id, the language, and the key of its time zone."""

    bridge: str
    language: str
    timezone: str


@dataclass(frozen=True, slots=True)
class News:
    """One thing that is told: a problem, the verdict, or that it is over.

    Attributes:
        part, problem: as in `status`; for the verdict `bridge` and `VERDICT`.
        since_at: since when, UTC; for what is over, when it was told.
        is_over: True for the all-clear.
        because: of the verdict, the part and problem behind it, if there is one.
    """

    part: str
    problem: str
    since_at: datetime
    is_over: bool
    because: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """Names what it is about, whether it is told or over."""
        return f"{self.part}/{self.problem}"


def compose_notice(
    house: House, news: Sequence[News], *, channel: str, at: datetime, sent_at: datetime
) -> Message:
    """Put what is new into words, as one message.

    Args:
        house: who speaks.
        news: one or more, the gravest first.
        channel: `recipient/index`; each has a message of its own.
        at: when it became worth telling; names the message for ever.
        sent_at: now, UTC.
    """
    speech = _Speech(house)
    about = "+".join(f"{item.key}/{item.is_over}" for item in news)
    key = uuid5(NAMESPACE, f"notice/{house.bridge}/{about}/{at.isoformat()}/{channel}")
    return Message(
        key=str(key),
        delivery=key,
        alert=_nobody(house.bridge, key_at=at, about=about),
        purpose=Purpose.ALERT,
        recipient=channel.rpartition("/")[0],
        attempt=1,
        sent_at=sent_at,
        expires_at=at + EXPIRES_AFTER,
        sms=speech.sms(news),
        subject=speech.subject(news),
        text=speech.text(news),
        data=_data(house, news),
        event="fr.flicbridge.maintenance." + ("over" if all(item.is_over for item in news) else "fault"),
    )


def _data(house: House, news: Sequence[News]) -> dict[str, Any]:
    """The same for a machine: the gravest by itself, for whoever looks no further, and all."""
    shown = [
        {
            "part": item.part,
            "problem": item.problem,
            "over": item.is_over,
            "since": item.since_at.isoformat(timespec="milliseconds"),
        }
        for item in news
    ]
    return {"kind": "maintenance", "bridge": house.bridge, **shown[0], "news": shown}


class _Speech:
    """The words of one bridge."""

    def __init__(self, house: House) -> None:
        self._bridge = house.bridge
        self._zone = ZoneInfo(house.timezone)
        self._: Translate = translator(house.language).gettext

    def subject(self, news: Sequence[News]) -> str:
        """The gravest, and how much else."""
        more = len(news) - 1
        return self._headline(news[0]) + (self._(" (and {number} more)").format(number=more) if more else "")

    def sms(self, news: Sequence[News]) -> str:
        """As much as fits into one segment."""
        first, todo = news[0], self._next(news[0])
        if len(news) == 1:
            return _longest_that_fits(
                [
                    *([f"{self._headline(first)}. {todo}"] if todo else []),
                    self._headline(first),
                    self._headline(first, dated=False),
                ]
            )
        tries = [self._listed(news, shown) for shown in range(len(news), 0, -1)]
        return _longest_that_fits([*tries, self._headline(first, dated=False)])

    def _listed(self, news: Sequence[News], shown: int) -> str:
        more = len(news) - shown
        pieces = [self._headline(news[0], dated=False), *map(self._piece, news[1:shown])]
        return "; ".join(pieces) + (self._(" (and {number} more)").format(number=more) if more else "")

    def text(self, news: Sequence[News]) -> str:
        """All of it, each with what to do, and what this is about."""
        _ = self._
        about = _("This is about the bridge itself. Nobody is calling for help.")
        more = _("On the bridge, `flicbridge status` says more.")
        return "\n\n".join([*self._paragraphs(news), f"{about}\n{more}"]) + "\n"

    def _paragraphs(self, news: Sequence[News]) -> Iterator[str]:
        for item in news:
            todo = self._next(item)
            yield f"{self._headline(item)}\n{todo}" if todo else self._headline(item)

    def _headline(self, item: News, *, dated: bool = True) -> str:
        """Which bridge, what, and since when."""
        _ = self._
        if item.problem == VERDICT:
            fault = _("NOT PROTECTED {bridge}: a press reaches nobody")
            over = _("PROTECTED AGAIN {bridge}: a press reaches help again")
        else:
            fault, over = _("MAINTENANCE {bridge}: {what}"), _("MAINTENANCE {bridge}: over: {what}")
        line = (over if item.is_over else fault).format(bridge=self._bridge, what=self._what(item))
        if item.is_over or not dated:
            return line
        return line + _(", since {moment}").format(moment=self._moment(item.since_at))

    def _piece(self, item: News) -> str:
        """One of several things."""
        return self._("over: {what}").format(what=self._what(item)) if item.is_over else self._what(item)

    def _what(self, item: News) -> str:
        return self._of_part(item.part, item.problem)

    def _of_part(self, part: str, problem: str) -> str:
        label, value = problems.part(part, self._), problems.problem(problem, self._)
        return self._("{label}: {value}").format(label=label, value=value)

    def _next(self, item: News) -> str:
        """What to do; of the verdict, what is behind it."""
        if item.is_over:
            return ""
        if item.problem != VERDICT:
            return problems.remedy(item.problem, self._)
        if item.because is None:
            return ""
        return f"{self._of_part(*item.because)}. {problems.remedy(item.because[1], self._)}"

    def _moment(self, at: datetime) -> str:
        _ = self._
        if not is_credible(at):
            return _("an unknown time")
        local = at.astimezone(self._zone)
        when = {"year": local.year, "month": local.month, "day": local.day, "time": f"{local:%H:%M}"}
        return _("{year}-{month:02}-{day:02} at {time}").format_map(when)


def _longest_that_fits(tries: Sequence[str]) -> str:
    """The first that is one SMS; the last one, cut, if none is."""
    texts = [transliterate(text.strip()) for text in tries]
    for text in texts:
        if septets(text) <= SMS_SEPTETS:
            return text
    return _cut(texts[-1])


def _cut(text: str) -> str:
    """As much of a text as is one SMS."""
    while septets(text) + len(CUT) > SMS_SEPTETS:
        text = text[:-1]
    return text.rstrip() + CUT


def _nobody(bridge: str, *, key_at: datetime, about: str) -> Alert:
    """Transports speak of an alert; in a notice there is none, and nothing of a person in its place."""
    return Alert(
        id=uuid5(NAMESPACE, f"notice/{bridge}/{about}"),
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
