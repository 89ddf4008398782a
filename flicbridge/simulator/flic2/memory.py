"""What a Flic 2 remembers: who it is, whom it knows, and the events that nobody has acknowledged yet.

Everything here survives as JSON, so that a simulated button does not forget when our process ends. On a
battery change it loses what a genuine button keeps in RAM: clock, counter, queue and advertising settings.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from pydantic import ConfigDict, TypeAdapter

from flicbridge.press.flic2.crypto import x25519_public
from flicbridge.press.flic2.duo import Swipe
from flicbridge.press.flic2.wire.presses import TICKS_PER_S, UNLIMITED_AGE_S, UNLIMITED_PACKETS, QueueLimits
from flicbridge.simulator.flic2.fingers import Encoded

COUNTS: Final = 2**32
_AS_JSON: Final = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex", extra="forbid")
KEEPS_ADVERTISING_FIRMWARE: Final = 19  # older firmware forgets the advertising settings at a reboot

# The event count says by its remainder modulo 4 what kind of event it numbers.
_REMAINDER: Final = {
    Encoded.DOWN: 1,
    Encoded.SECOND_DOWN: 1,
    Encoded.HOLD: 2,
    Encoded.SECOND_HOLD: 2,
    Encoded.TIMEOUT: 0,
}
_UP_REMAINDER: Final = 3


def next_count(count: int, encoded: Encoded) -> int:
    """Return the number of an event that follows event `count`: the next with the right remainder."""
    remainder = _REMAINDER.get(encoded, _UP_REMAINDER)
    return (count + 1 + (remainder - count - 1) % 4) % COUNTS


def is_after(count: int, other: int) -> bool:
    """Compare two event counts that wrap around."""
    return 0 < (count - other) % COUNTS < COUNTS // 2


@dataclass(frozen=True, slots=True)
class Identity:
    """What the factory burns into a button.

    Attributes:
        address: `80:E4:DA:70:00:01`.
        address_type: 0 public, as all genuine ones have; 1 static random.
        private_key: X25519, 32 bytes.
        uuid: 16 bytes.
        serial: 11 characters; that of a Duo begins with D.
    """

    __pydantic_config__ = _AS_JSON

    address: str
    address_type: int
    private_key: bytes = field(repr=False)
    uuid: bytes
    serial: str

    @classmethod
    def made_for(cls, name: str, *, duo: bool = False) -> Self:
        """Make the one button of that name: the same on every call and every machine."""
        model, letter = (b"Duo", "D") if duo else (b"2", "B")
        seed = hashlib.sha256(b"simulated Flic " + model + b": " + name.encode()).digest()
        number = int.from_bytes(seed[:4], "big")
        return cls(
            address=bytes([0x80, 0xE4, 0xDA, *seed[4:7]]).hex(":").upper(),
            address_type=0,
            private_key=hashlib.sha256(seed + b"key").digest(),
            uuid=hashlib.sha256(seed + b"uuid").digest()[:16],
            serial=f"{letter}S{number % 100:02}-A{number // 100 % 100_000:05}",
        )

    @property
    def is_duo(self) -> bool:
        """It has two keys."""
        return self.serial.startswith("D")

    @property
    def public_key(self) -> bytes:
        return x25519_public(self.private_key)


@dataclass(frozen=True, slots=True)
class AdvertisingSettings:
    """How one host wants the button to make itself heard after a lost link."""

    is_active: bool
    first_interval_s: float
    second_interval_s: float
    timeout_s: int


@dataclass(slots=True)
class Host:
    """Somebody the button is paired with.

    Attributes:
        material: identifier (4 bytes) and key (16).
        acknowledged: the event count up to which this host needs nothing more.
        small_acknowledged: the same for the small key of a Duo.
        advertising: its wishes, if it has said any in this boot.
    """

    __pydantic_config__ = _AS_JSON

    material: bytes = field(repr=False)
    acknowledged: int
    advertising: AdvertisingSettings | None = None
    small_acknowledged: int = 0

    def needs(self, event: "Event") -> bool:
        """Tell whether this host has not said yet that it has an event."""
        return is_after(event.count, self.small_acknowledged if event.key else self.acknowledged)

    @property
    def identifier(self) -> bytes:
        return self.material[:4]

    @property
    def key(self) -> bytes:
        return self.material[4:]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, as the button keeps it.

    Attributes:
        count: among those of its key.
        at_ticks: on the button's clock, 32768 to the second.
        encoded: what.
        key: of a Duo: 0 the big one, 1 the small one.
        swipe: a Duo's opinion of how it was moved.
    """

    count: int
    at_ticks: int
    encoded: Encoded
    key: int = 0
    swipe: Swipe | None = None


@dataclass(slots=True)
class Memory:
    """All that a button remembers.

    Attributes:
        clock_ticks: the clock at the moment of writing the memory down; see `SimulatedFlic2.ticks`.
        event_count: of all events; of those of its big key, if it is a Duo.
        small_count: of the events of a Duo's small key.
        hosts: oldest pairing first.
        queue: events that some host has not acknowledged, oldest first.
        queue_size: older events are lost when there are more. 16 in the sister product Twist.
        max_hosts: the oldest pairing is lost when there are more.
    """

    __pydantic_config__ = _AS_JSON

    identity: Identity
    name: str
    name_utc_ms: int = 0
    firmware: int = 10
    battery_raw: int = 860  # 3023 mV: a new cell
    boot_id: int = 1
    clock_ticks: int = 0
    event_count: int = 0
    hosts: list[Host] = field(default_factory=list)
    queue: list[Event] = field(default_factory=list)
    queue_size: int = 16
    max_hosts: int = 8
    small_count: int = 0

    @property
    def counts(self) -> tuple[int, int]:
        """The event count of each key."""
        return self.event_count, self.small_count

    def to_json(self) -> str:
        """Write everything down, secrets included."""
        return _JSON.dump_json(self, indent=1).decode()

    @staticmethod
    def from_json(text: str) -> "Memory":
        """Read what `to_json` wrote.

        Raises:
            pydantic.ValidationError: it is something else.
        """
        return _JSON.validate_json(text)

    # -- hosts ---------------------------------------------------------------------------------------------

    def find_host(self, identifier: bytes) -> Host | None:
        return next((host for host in self.hosts if host.identifier == identifier), None)

    def add_host(self, material: bytes) -> Host:
        """Keep a new pairing, at the cost of the oldest if there is no room. Its past begins now."""
        host = Host(material, acknowledged=self.event_count, small_acknowledged=self.small_count)
        self.hosts = [*self.hosts, host][-self.max_hosts :]
        return host

    # -- events --------------------------------------------------------------------------------------------

    def keep(self, encoded: Encoded, at_ticks: int, key: int = 0, swipe: Swipe | None = None) -> Event:
        """Number an event and put it into the queue."""
        count = next_count(self.counts[key], encoded)
        if key:
            self.small_count = count
        else:
            self.event_count = count
        event = Event(count, at_ticks, encoded, key, swipe)
        self.queue = [*self.queue, event][-self.queue_size :]
        return event

    def waiting(self, host: Host, base: tuple[int, ...], limits: QueueLimits, now_ticks: int) -> list[Event]:
        """Return what a host that has processed everything up to `base` still has to hear, oldest first.

        Args:
            host: who asks.
            base: a count for each key that it knows of.
            limits: how much of the past it wants.
            now_ticks: the button's clock.
        """
        if limits.max_queued_packets == 0:
            return []
        events = [
            event
            for event in self.queue
            if event.key < len(base)
            and is_after(event.count, base[event.key])
            and host.needs(event)
            and (
                limits.max_queued_age_s == UNLIMITED_AGE_S
                or now_ticks - event.at_ticks <= limits.max_queued_age_s * TICKS_PER_S
            )
        ]
        if limits.max_queued_packets == UNLIMITED_PACKETS:
            return events
        presses = list(dict.fromkeys(map(_press, events)))[-limits.max_queued_packets :]
        return [event for event in events if _press(event) in presses]

    def acknowledge(self, host: Host, count: int, small_count: int = 0) -> None:
        """Note that a host needs nothing up to there any more; what nobody needs is forgotten."""
        if is_after(count, host.acknowledged) and not is_after(count, self.event_count):
            host.acknowledged = count
        if is_after(small_count, host.small_acknowledged) and not is_after(small_count, self.small_count):
            host.small_acknowledged = small_count
        self.queue = [event for event in self.queue if any(each.needs(event) for each in self.hosts)]

    # -- catastrophes --------------------------------------------------------------------------------------

    def boot(self, boot_id: int) -> None:
        """Begin a new boot: all that lived in RAM is gone."""
        self.boot_id = boot_id
        self.clock_ticks = self.event_count = self.small_count = 0
        self.queue = []
        for host in self.hosts:
            host.acknowledged = host.small_acknowledged = 0
            if self.firmware < KEEPS_ADVERTISING_FIRMWARE:
                host.advertising = None


def _press(event: Event) -> tuple[int, int]:
    """Which press of which key an event belongs to: all four of one press have counts 4k+1 to 4k+4."""
    return event.key, (event.count - 1) % COUNTS // 4


_JSON: Final = TypeAdapter(Memory)
