"""What one connection to flicd tells the bridge."""

from dataclasses import dataclass
from enum import StrEnum

from flicbridge.press.flicd.events import (
    Clicked,
)


class Health(StrEnum):
    """How the daemon is doing."""

    CONNECTED = "connected"
    RADIO_OFF = "radio_off"
    """It has lost its Bluetooth controller, and tries to get it back."""
    FULL = "full"
    """No further button can connect."""


class Link(StrEnum):
    """How the daemon and a button are connected; the words of `status`."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    UP = "up"
    REFUSED = "refused"
    NOT_PAIRED = "not_paired"


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """Said once the daemon has answered, and whenever it changes."""

    health: Health


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """How a button is connected, and in a few words why, if that is not as it should be."""

    address: str
    link: Link
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button event, of any of the four ways of looking at presses."""

    address: str
    clicked: Clicked


@dataclass(frozen=True, slots=True)
class Identified:
    """Who a button says it is."""

    address: str
    serial: str
    firmware: int


@dataclass(frozen=True, slots=True)
class BatteryRead:
    """How full a button's battery is."""

    address: str
    percent: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The connection is of no use any more. Nothing follows."""

    why: str


type Report = HealthChanged | LinkChanged | Pressed | Identified | BatteryRead | Failed
