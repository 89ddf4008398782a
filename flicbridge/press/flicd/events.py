"""What flicd says, as values, and the words that its packets are made of.

Source: ProtocolDocumentation.md of the vendor's repository fliclib-linux-hci, as of 2023.
"""

from dataclasses import dataclass
from enum import IntEnum


class Latency(IntEnum):
    """How long an event may take over the air."""

    NORMAL = 0
    LOW = 1
    HIGH = 2


class Status(IntEnum):
    """How a button is connected to the daemon."""

    DISCONNECTED = 0
    CONNECTED = 1
    """The two prove themselves to each other."""
    READY = 2


class DisconnectReason(IntEnum):
    """Why a button is no longer connected."""

    UNSPECIFIED = 0
    CONNECTION_ESTABLISHMENT_FAILED = 1
    TIMED_OUT = 2
    BONDING_KEYS_MISMATCH = 3


class RemovedReason(IntEnum):
    """Why a channel is gone."""

    REMOVED_BY_THIS_CLIENT = 0
    FORCE_DISCONNECTED_BY_THIS_CLIENT = 1
    FORCE_DISCONNECTED_BY_OTHER_CLIENT = 2
    BUTTON_IS_PRIVATE = 3
    VERIFY_TIMEOUT = 4
    INTERNET_BACKEND_ERROR = 5
    INVALID_DATA = 6
    COULDNT_LOAD_DEVICE = 7
    DELETED_BY_THIS_CLIENT = 8
    DELETED_BY_OTHER_CLIENT = 9
    BUTTON_BELONGS_TO_OTHER_PARTNER = 10
    DELETED_FROM_BUTTON = 11


class Controller(IntEnum):
    """How the daemon's Bluetooth controller is doing."""

    DETACHED = 0
    RESETTING = 1
    ATTACHED = 2


class Click(IntEnum):
    """What a button event says."""

    DOWN = 0
    UP = 1
    CLICK = 2
    """Held for at most one second."""
    SINGLE = 3
    """No second press came within half a second."""
    DOUBLE = 4
    HOLD = 5
    """Held for at least one second."""


# ---- events


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """Whether a channel was created; `accepted` is False if the controller has no room for another button."""

    conn_id: int
    accepted: bool
    status: Status


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """A button's connection changed; `reason` is None unless it ended, and for a reason we know."""

    conn_id: int
    status: Status
    reason: DisconnectReason | None


@dataclass(frozen=True, slots=True)
class ChannelRemoved:
    """A channel is gone; `reason` is None if it is one we do not know."""

    conn_id: int
    reason: RemovedReason | None


@dataclass(frozen=True, slots=True)
class Clicked:
    """A button event.

    Attributes:
        conn_id: of which channel.
        opcode: which of the four ways of looking at presses: UP_OR_DOWN and so on.
        click: what happened; fits the opcode.
        was_queued: it happened while the button was not connected.
        age_s: how long ago, in whole seconds.
    """

    conn_id: int
    opcode: int
    click: Click
    was_queued: bool
    age_s: int


@dataclass(frozen=True, slots=True)
class NewlyVerified:
    """The daemon has paired with a button."""

    address: str


@dataclass(frozen=True, slots=True)
class Info:
    """How the daemon is doing; `is_full` is True if no further button can connect."""

    controller: Controller
    is_full: bool
    verified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpaceChanged:
    """Whether a further button can connect."""

    is_full: bool


@dataclass(frozen=True, slots=True)
class ControllerChanged:
    """The Bluetooth controller came or went."""

    controller: Controller


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""

    ping_id: int


@dataclass(frozen=True, slots=True)
class ButtonInfo:
    """Who a button is; `serial` is empty and `uuid` all zeros if the daemon has not paired with it."""

    address: str
    uuid: bytes
    serial: str
    model: int
    firmware: int

    @property
    def is_verified(self) -> bool:
        """Tell whether the daemon has paired with it."""
        return any(self.uuid)


@dataclass(frozen=True, slots=True)
class Deleted:
    """The daemon has forgotten a button."""

    address: str


@dataclass(frozen=True, slots=True)
class Battery:
    """How full a button's battery is; None if nobody knows yet."""

    listener_id: int
    percent: int | None


@dataclass(frozen=True, slots=True)
class Other:
    """Something that we never ask for, or that was invented after us."""

    opcode: int


@dataclass(frozen=True, slots=True)
class Malformed:
    """What cannot have come from a flicd."""

    why: str


type Event = (
    ChannelAnswer
    | StatusChanged
    | ChannelRemoved
    | Clicked
    | NewlyVerified
    | Info
    | SpaceChanged
    | ControllerChanged
    | Pong
    | ButtonInfo
    | Deleted
    | Battery
    | Other
)
