"""One SMS: what, who, which number to call back, where, when; then whatever else fits.

    ALERTE AGRESSION Dr Anne Martin 06 12 34 56 78 GPS 45.83362,1.26105 à 14:02, Cabinet des Tilleuls,
    Cabinet 2, 1er étage, code 4321, 12 rue des Tilleuls, Limoges

The essentials (all before the first comma here, and the address where nobody knows the position) are never
shortened: should they alone need more than the segments allowed, they get them. Of the details, the least
important gives way first:

    1. the postcode before the town's name      6. the way in, from its end
    2. how to reply that it is real, or false   7. the address, from its end
    3. the name of the practice                 8. the name of the place, if it is not one of the above
    4. how to reply that somebody is on it      9. in a cancellation, the request to call back
    5. the room

Details give way by whole pieces between commas, so that no door code is cut in half. What then turns out to
fit after all, because something bulkier had to go, comes back, the most important first.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from flicbridge.alert.alert import AlertKind, Purpose
from flicbridge.alert.phone import national
from flicbridge.transport.gsm import segments, transliterate
from flicbridge.transport.phrases import opening, press_time, when
from flicbridge.transport.telling import Telling

BETWEEN_PIECES: Final = re.compile(r"[,;]\s+|[\r\n]+")
POSTCODE: Final = re.compile(r"^\d{5} (?=\S)")
JOINT: Final = ", "

# Better than these, a fix says "here and now" as well as a fixed place does.
OLD_FIX_S: Final = 60.0
VAGUE_FIX_M: Final = 100.0


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that is good to know.

    Attributes:
        reading_order: where it stands in the text.
        forms: how it can be said, the fullest first; the last is empty.
        trifles: how many steps down these forms cost so little that they are taken before any other's.
    """

    reading_order: int
    forms: tuple[str, ...]
    trifles: int = 0


def compose_sms(telling: Telling, *, max_segments: int = 1, code: str = "") -> str:
    """One text within the GSM 03.38 alphabet, in `max_segments` SMS unless the essentials alone need more."""
    if telling.purpose is Purpose.TESTED:
        return transliterate(opening(telling))
    essentials = _essentials(telling)
    allowed = max(max_segments, segments(essentials))
    name, *rest = _details(telling)
    return _fitted(essentials, [name, _reply(telling, code), *rest], allowed)


def _essentials(telling: Telling) -> str:
    doctor = telling.alert.doctor
    words = (opening(telling), doctor.name, national(doctor.phone), _where(telling), press_time(telling))
    return " ".join(plain for plain in map(transliterate, words) if plain)


def _where(telling: Telling) -> str:
    """The position, with what keeps it from being exact; the address if there is no position."""
    _ = telling.translate
    position = telling.alert.position
    if position is None:
        return JOINT.join((_("GPS unknown"), *_place_without_position(telling)))
    doubts = JOINT.join(_doubts(telling))
    return f"GPS {position.decimal()} ({doubts})" if doubts else f"GPS {position.decimal()}"


def _doubts(telling: Telling) -> list[str]:
    """What a patrol must know before it believes the position."""
    _ = telling.translate
    position, fix_at = telling.alert.position, telling.fix_at
    if position is None or fix_at is None:
        return []
    doubts = []
    if position.age_s >= OLD_FIX_S:
        doubts.append(_("fix {when}").format(when=when(telling, fix_at)))
    if position.accuracy_m is not None and position.accuracy_m >= VAGUE_FIX_M:
        doubts.append(f"+-{position.accuracy_m:.0f} m")
    return doubts


def _place_without_position(telling: Telling) -> tuple[str, ...]:
    practice = telling.alert.practice
    return _pieces(practice.address) or _pieces(practice.name)


def _details(telling: Telling) -> list[Detail]:
    """What is good to know and not yet said, the least important first."""
    practice, position = telling.alert.practice, telling.alert.position
    said = _place_without_position(telling) if position is None else ()
    texts = (practice.name, practice.room, practice.access, practice.address)
    name, room, access, address = (() if pieces == said else pieces for pieces in map(_pieces, texts))
    label = _pieces(position.label) if position else ()
    return [
        Detail(2, _shorter_and_shorter(name)),
        Detail(3, _shorter_and_shorter(room)),
        Detail(4, _shorter_and_shorter(access)),
        _address(address),
        Detail(1, _shorter_and_shorter(() if label in (name, room, address) else label)),
        Detail(0, _shorter_and_shorter(_request(telling))),
    ]


def _reply(telling: Telling, code: str) -> Detail:
    """What to reply; without it, everybody is told, and nothing is lost."""
    _ = telling.translate
    if not code:
        return Detail(9, ("",))
    every = _("answer OK {code} (on it), OUI {code} (real) or FAUX {code} (false alarm)").format(code=code)
    forms = (transliterate(every), transliterate(_("answer OK {code}").format(code=code)), "")
    return Detail(9, forms, trifles=1)


def _request(telling: Telling) -> tuple[str, ...]:
    """A cancellation may have been forced: only the doctor's voice can confirm it."""
    _ = telling.translate
    real = telling.alert.kind is not AlertKind.TEST
    return _pieces(_("call back to confirm")) if telling.purpose is Purpose.CANCELLED and real else ()


@lru_cache(maxsize=256)
def _pieces(text: str) -> tuple[str, ...]:
    """The pieces of a text that can stand alone, within the alphabet: between commas, or lines."""
    return tuple(plain for plain in map(transliterate, BETWEEN_PIECES.split(text)) if plain)


@lru_cache(maxsize=256)
def _shorter_and_shorter(pieces: tuple[str, ...]) -> tuple[str, ...]:
    """All the pieces, then all but the last, and so on down to nothing."""
    return tuple(JOINT.join(pieces[:count]) for count in range(len(pieces), -1, -1))


@lru_cache(maxsize=64)
def _address(pieces: tuple[str, ...]) -> Detail:
    """The address, a postcode being a trifle. Five digits that begin it are a house number, and stay."""
    towns = tuple(POSTCODE.sub("", piece) if at else piece for at, piece in enumerate(pieces))
    forms = _shorter_and_shorter(towns)
    if towns == pieces:
        return Detail(5, forms)
    return Detail(5, (JOINT.join(pieces), *forms), trifles=1)


def _fitted(essentials: str, details: Sequence[Detail], allowed: int) -> str:
    """The essentials with as much of the details as the allowed segments hold."""
    chosen = [0] * len(details)
    taken: list[tuple[int, int]] = []
    for index, form in _steps(details):
        if segments(_sentence(essentials, details, chosen)) <= allowed:
            break
        chosen[index] = form
        taken.append((index, form))
    for index, form in reversed(taken):
        fuller = [*chosen[:index], form - 1, *chosen[index + 1 :]]
        if chosen[index] == form and segments(_sentence(essentials, details, fuller)) <= allowed:
            chosen = fuller
    return _sentence(essentials, details, chosen)


def _steps(details: Sequence[Detail]) -> Iterator[tuple[int, int]]:
    """Which detail to take down to which form, one step after the other."""
    for index, detail in enumerate(details):
        yield from ((index, form) for form in range(1, detail.trifles + 1))
    for index, detail in enumerate(details):
        yield from ((index, form) for form in range(detail.trifles + 1, len(detail.forms)))


def _sentence(essentials: str, details: Sequence[Detail], chosen: Sequence[int]) -> str:
    said = [(detail.reading_order, detail.forms[form]) for detail, form in zip(details, chosen, strict=True)]
    return JOINT.join([essentials, *(text for _, text in sorted(said) if text)])
