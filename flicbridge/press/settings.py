"""Settings of stage 1: which buttons there are, and over which radio they are heard."""

import ipaddress
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StrictBool, StrictInt, WithJsonSchema, model_validator

from flicbridge.durations import Duration
from flicbridge.fields import Slug, Table, shown

# `AA00-A00000` on every Flic 2 seen so far; other models of the family only share the alphabet.
SERIAL_PATTERN: Final = r"^[A-Z0-9][A-Z0-9-]{3,31}$"


class Family(StrEnum):
    """What kind of button it is."""

    FLIC2 = "flic2"
    FLICD = "flicd"
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


ADDRESS_PATTERN: Final = r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"


def checked_address(text: str) -> str:
    """Return a Bluetooth address in capitals; nothing for a button that needs none.

    Raises:
        ValueError: it is not one.
    """
    address = text.strip()
    if address and not re.fullmatch(ADDRESS_PATTERN, address):
        raise ValueError(
            f"{shown(text)} is no Bluetooth address; write it as flicd's tools show it, such as"
            ' "80:e4:da:71:b2:c3"'
        )
    return address.upper()


Address = Annotated[
    str,
    AfterValidator(checked_address),
    WithJsonSchema({"type": "string", "pattern": f"^$|{ADDRESS_PATTERN}", "examples": ["80:e4:da:71:b2:c3"]}),
]


def checked_host(text: str) -> str:
    """Return the name or address of a machine.

    Raises:
        ValueError: it is neither.
    """
    host = text.strip()
    if _is_ip(host) or re.fullmatch(r"(?!.{254})([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?)+", host):
        return host
    raise ValueError(f'{shown(text)} is no machine; write a name or an IP address, such as "127.0.0.1"')


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class FlicdSettings(Table):
    """The vendor's Linux daemon flicd, for buttons of the family `flicd`."""

    host: Annotated[str, AfterValidator(checked_host)] = Field(
        default="127.0.0.1", description="The machine it runs on.", examples=["127.0.0.1"]
    )
    port: StrictInt = Field(default=5551, ge=1, le=65535, description="Its TCP port.", examples=[5551])
    i_accept_spoofing: StrictBool = Field(
        default=False,
        description="Believe a flicd on another machine: its protocol has neither keys nor encryption, so"
        " whoever is on the network between can invent presses and swallow real ones.",
    )

    @property
    def is_here(self) -> bool:
        """Tell whether it runs on this very machine, so that nobody is in between."""
        return self.host.lower() == "localhost" or (
            _is_ip(self.host) and ipaddress.ip_address(self.host).is_loopback
        )

    @model_validator(mode="after")
    def _nobody_is_in_between(self) -> Self:
        if not (self.is_here or self.i_accept_spoofing):
            raise ValueError(
                f"nothing proves that presses from {shown(self.host)} are real: flicd's protocol has neither"
                " keys nor encryption; run the bridge on the machine of flicd, or write i_accept_spoofing ="
                " true if nobody else can be on the network between"
            )
        return self


class RadioSettings(Table):
    """The radio that buttons are heard over."""

    simulated: StrictBool = Field(
        default=False,
        description="Use a radio inside this process instead of Bluetooth: for rehearsals, no real button is"
        " heard. Needs the extra `simulator`.",
    )
    silence: Duration = Field(
        default=timedelta(seconds=90),
        ge=timedelta(seconds=30),
        le=timedelta(days=1),
        description="Nothing heard for so long, neither from a button nor from any other device around: the"
        " radio is suspected. Scanning is restarted, then the adapter switched off and on, then `flicbridge"
        " status` reports it. Longer where no other Bluetooth device is ever near.",
        examples=["90s"],
    )
    power_cycle: StrictBool = Field(
        default=True,
        description="Switch the Bluetooth adapter off and on (Linux) when the radio stays silent, at most"
        " every 15 minutes. That cuts the Bluetooth connections of other programs, too: write false if a"
        " keyboard or a medical device hangs on the same adapter.",
    )
    believe_test_key: StrictBool = Field(
        default=False,
        description="Believe buttons that prove themselves with the public test key, over real Bluetooth: for"
        " test benches only, as anybody can make such a button. Genuine buttons cannot be paired meanwhile.",
    )


class LinkMode(StrEnum):
    """Whether a button stays connected."""

    ALWAYS = "always"
    ON_PRESS = "on_press"


class ButtonSettings(Table):
    """One button."""

    name: Slug = Field(description="What this button is called here.", examples=["poche"])
    family: Family = Field(
        description="What kind of button it is: flic2, a Flic 2 over Bluetooth; flicd, a Flic 1 or any other"
        " that the vendor's daemon flicd speaks with; virtual, pressed through the local API.",
        examples=["flic2"],
    )
    serial: Serial = Field(
        default="",
        description="The button's serial number, written here by `flicbridge pair`; empty until then.",
    )
    address: Address = Field(
        default="",
        description="The button's Bluetooth address, for the family flicd.",
        examples=["80:e4:da:71:b2:c3"],
    )
    simulated: StrictBool = Field(
        default=False,
        description="Believe a button that proves itself with the public test key: for rehearsals and"
        " test benches, with [radio] simulated or believe_test_key only.",
    )
    link: LinkMode = Field(
        default=LinkMode.ALWAYS,
        description="always: the button stays connected, so a press is heard soonest, and a button that is"
        " gone or empty is noticed. on_press: it sleeps until it is pressed, which saves its battery; each"
        " first press waits for a connection, and nothing can be known of a button that sleeps. Flic 2 only.",
        examples=["always"],
    )
    idle: Duration = Field(
        default=timedelta(seconds=10),
        ge=timedelta(seconds=5),
        le=timedelta(minutes=8),
        description="With link = on_press: the button may sleep when everything has been quiet, and written"
        " down, for so long.",
        examples=["10s"],
    )
