"""Settings of stage 2: the gestures that an installer invents, and what tells presses apart on a button."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from flicbridge.durations import Duration
from flicbridge.fields import Table, shown
from flicbridge.gesture.table import COMMON, GestureTable, Pattern, Thresholds, parse_rhythm

CONTACT_BOUNCE: Final = timedelta(milliseconds=30)
"""How long the contacts of a simple push-button may chatter, where the button does not see to it itself."""


def _rhythm(text: str) -> str:
    parse_rhythm(text)
    return text


Rhythm = Annotated[str, AfterValidator(_rhythm)]
"""A rhythm as text, such as `short short long`."""


class GestureSettings(Table):
    """What tells presses apart on one button."""

    long_press: Duration = Field(
        default=timedelta(seconds=1),
        gt=timedelta(0),
        le=timedelta(seconds=10),
        description="A press that lasts as long as this is a long one.",
        examples=["1s"],
    )
    double_window: Duration = Field(
        default=timedelta(milliseconds=500),
        gt=timedelta(0),
        le=timedelta(seconds=5),
        description="The next press of a double, a triple or a rhythm begins at most this long after the"
        " beginning of a short press, or after the end of a long one.",
        examples=["500ms"],
    )
    debounce: Duration | None = Field(
        default=None,
        le=timedelta(seconds=1),
        description="A release shorter than this is a bounce of the contacts. Without this key, what the"
        " family needs: nothing for a Flic, which sees to it itself.",
        examples=["30ms"],
    )

    def thresholds(self, *, contacts_bounce: bool) -> Thresholds:
        """The same, in seconds.

        Args:
            contacts_bounce: whether the family of this button hands on the bounces of its contacts.
        """
        usual = CONTACT_BOUNCE if contacts_bounce else timedelta(0)
        return Thresholds(
            long_s=self.long_press.total_seconds(),
            window_s=self.double_window.total_seconds(),
            debounce_s=(usual if self.debounce is None else self.debounce).total_seconds(),
        )


def find_pattern(name: str, rhythms: Mapping[str, str]) -> Pattern:
    """Return what a gesture consists of.

    Args:
        name: a common gesture, one of the installer's own, or a rhythm spelt out.
        rhythms: the installer's own, as text by name.

    Raises:
        ValueError: it is none of these; the message says why, then `"; "`, then what to write.
    """
    if name in COMMON:
        return COMMON[name]
    if name in rhythms:
        return parse_rhythm(rhythms[name])
    if {"short", "long"} & set(name.lower().split()):
        return parse_rhythm(name)
    known = [*COMMON, *rhythms]
    near = get_close_matches(name.lower(), known, n=1)
    advice = f'do you mean "{near[0]}"?' if near else f"use {', '.join(known)}, or spell out a rhythm"
    raise ValueError(f"there is no gesture {shown(name)}; {advice}")


def gesture_table(
    names: Iterable[str],
    rhythms: Mapping[str, str],
    settings: GestureSettings,
    *,
    contacts_bounce: bool,
) -> GestureTable:
    """Build the table of one button.

    Args:
        names: the gestures that do something on this button.
        rhythms: the installer's own gestures, as text by name.
        settings: what tells presses apart on this button.
        contacts_bounce: whether the family of this button hands on the bounces of its contacts.

    Raises:
        ValueError: one of the names is no gesture (see `find_pattern`).
    """
    patterns = {name: find_pattern(name, rhythms) for name in names}
    return GestureTable(patterns, settings.thresholds(contacts_bounce=contacts_bounce))
