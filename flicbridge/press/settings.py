"""Settings of stage 1: which buttons there are, and over which radio they are heard."""

import re
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StrictBool, WithJsonSchema

from flicbridge.fields import Slug, Table, shown

# `AA00-A00000` on every Flic 2 seen so far; other models of the family only share the alphabet.
SERIAL_PATTERN: Final = r"^[A-Z0-9][A-Z0-9-]{3,31}$"


class Family(StrEnum):
    """What kind of button it is."""

    FLIC2 = "flic2"
    VIRTUAL = "virtual"


def checked_serial(text: str) -> str:
    """Return a serial number as the button itself writes it; nothing for a button that is not paired yet.

    Raises:
        ValueError: it is not one.
    """
    number = text.strip().upper()
    if number and not re.fullmatch(SERIAL_PATTERN, number):
        raise ValueError(
            f"{shown(text)} is no serial number; leave it to `flicbridge pair`, or copy it from the button's"
            ' back, such as "BF12-A34567"'
        )
    return number


Serial = Annotated[
    str,
    AfterValidator(checked_serial),
    WithJsonSchema({"type": "string", "pattern": f"^$|{SERIAL_PATTERN}", "examples": ["BF12-A34567"]}),
]


class RadioSettings(Table):
    """The radio that buttons are heard over."""

    simulated: StrictBool = Field(
        default=False,
        description="Use a radio inside this process instead of Bluetooth: for rehearsals, no real button is"
        " heard. Needs the extra `simulator`.",
    )


class ButtonSettings(Table):
    """One button."""

    name: Slug = Field(description="What this button is called here.", examples=["poche"])
    family: Family = Field(
        description="What kind of button it is: a Flic 2, or a virtual one, pressed through the local API.",
        examples=["flic2"],
    )
    serial: Serial = Field(
        default="",
        description="The button's serial number, written here by `flicbridge pair`; empty until then.",
    )
    simulated: StrictBool = Field(
        default=False,
        description="Believe a button that proves itself with the public test key: for rehearsals, with"
        " [radio] simulated only.",
    )
