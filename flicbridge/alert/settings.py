"""Settings of stage 3: who calls for help, from where, and who is told when."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt

from flicbridge.alert.alert import Doctor, Practice
from flicbridge.alert.phone import checked
from flicbridge.credentials import SecretName
from flicbridge.durations import Duration
from flicbridge.fields import Line, OptionalLine, Table
from flicbridge.place.position import Position

Phone = Annotated[str, AfterValidator(checked)]


class DoctorSettings(Table):
    """Who calls for help."""

    name: Line = Field(description="Name, as helpers shall read it.", examples=["Dr Anne Martin"])
    phone: Phone = Field(
        description="Number on which helpers call back, with country code.", examples=["+33612345678"]
    )

    def value(self) -> Doctor:
        """The same, as alerts carry it."""
        return Doctor(self.name, self.phone)


class PositionSettings(Table):
    """A point on the map, WGS 84."""

    latitude: float = Field(
        ge=-90,
        le=90,
        allow_inf_nan=False,
        strict=True,
        description="Degrees north, negative in the south.",
        examples=[45.83362],
    )
    longitude: float = Field(
        ge=-180,
        le=180,
        allow_inf_nan=False,
        strict=True,
        description="Degrees east, negative in the west.",
        examples=[1.26105],
    )
    accuracy_m: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        allow_inf_nan=False,
        strict=True,
        description="How far off it may be, in metres.",
        examples=[10],
    )


class PracticeSettings(Table):
    """Where the doctor works: what a patrol needs to find the right door."""

    name: Line = Field(description="Name of the practice.", examples=["Cabinet des Tilleuls"])
    address: Line = Field(
        description="Postal address, on one line.", examples=["12 rue des Tilleuls, 87000 Limoges"]
    )
    position: PositionSettings | None = Field(
        default=None,
        description="The practice on the map.",
        examples=[{"latitude": 45.83362, "longitude": 1.26105}],
    )
    room: OptionalLine = Field(default="", description="Which room.", examples=["Cabinet 2"])
    access: OptionalLine = Field(
        default="", description="How to get in: floor, door code.", examples=["1er etage, code 4321"]
    )

    def value(self) -> Practice:
        """The same, as alerts carry it."""
        return Practice(self.name, self.address, self.room, self.access)

    def place(self) -> Position | None:
        """The practice as a fixed position, or None if the map is not known."""
        if self.position is None:
            return None
        return Position(
            self.position.latitude, self.position.longitude, self.position.accuracy_m, label=self.room
        )


class OldPressPlan(StrEnum):
    """What is done about an old press."""

    SAME = "same"
    INFORM = "inform"


class LateSettings(Table):
    """Presses that are old on arrival: a button keeps them while it is out of reach. None is dropped."""

    after: Duration = Field(
        default=timedelta(minutes=10),
        gt=timedelta(0),
        le=timedelta(days=30),
        description="A press that was older than this on arrival is an old one, and called so.",
        examples=["10m"],
    )
    plan: OldPressPlan = Field(
        default=OldPressPlan.SAME,
        description='"same": as for any press. "inform": some are told, once; no later steps, no reminders.',
        examples=["inform"],
    )
    notify: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description='Recipients to tell with plan = "inform"; without this key, those of the first step.',
        examples=[["colleague"]],
    )


class AlertsSettings(Table):
    """How presses become alerts."""

    join_within: Duration = Field(
        default=timedelta(minutes=10),
        le=timedelta(days=1),
        description='A press this soon after the last one joins the open alert. "0s": every press is an alert'
        " of its own.",
        examples=["10m"],
    )
    renotify_every: Duration = Field(
        default=timedelta(seconds=60),
        le=timedelta(days=1),
        description="Recipients are told of further presses at most this often.",
        examples=["60s"],
    )
    fresh: Duration = Field(
        default=timedelta(seconds=60),
        gt=timedelta(0),
        le=timedelta(days=1),
        description="A press that was older on arrival is called late in the messages.",
        examples=["60s"],
    )
    tell_doctor: tuple[str, ...] = Field(
        default=(),
        description="Recipients that are the doctor's own devices: they are told when somebody is on it, and"
        " never that a cancellation is doubted; and when a press would reach nobody, and does again. Silence"
        " is up to the device: no message can ask for it.",
        examples=[["doctor"]],
    )
    duress_pin: SecretName | None = Field(
        default=None,
        description="Name of the secret with the PIN without which no cancellation here is believed.",
        examples=["duress-pin"],
    )
    late: LateSettings | None = Field(
        default=None,
        description="What is done about presses that are old on arrival; by default nothing.",
        examples=[{"after": "10m", "plan": "inform", "notify": ["colleague"]}],
    )
    give_up_after: Duration = Field(
        default=timedelta(hours=2),
        gt=timedelta(0),
        le=timedelta(days=1),
        description="Nothing new is sent for an alert that nobody has answered for so long, and"
        " `flicbridge status` says so.",
        examples=["2h"],
    )
    keep_days: StrictInt = Field(
        default=90, ge=1, le=3650, description="Closed alerts are forgotten after this many days."
    )
    test_notify: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Recipients of test alerts; without this key, those of the first step of the plan.",
        examples=[["colleague"]],
    )

    @property
    def old(self) -> timedelta | None:
        """From what age on arrival a press is called old, if there is a policy for such presses."""
        return None if self.late is None else self.late.after


class StepSettings(Table):
    """One step of the plan."""

    after: Duration = Field(
        le=timedelta(days=1),
        description='How long after the press. "0s" in the first step.',
        examples=["60s"],
    )
    notify: tuple[str, ...] = Field(
        min_length=1, description="Recipients to tell in this step.", examples=[["colleague"]]
    )
    unless: Literal["acknowledged"] | None = Field(
        default=None,
        description="Skip this step if the alert has been acknowledged by then. Not in the first step.",
    )
    repeat: Duration | None = Field(
        default=None,
        ge=timedelta(seconds=30),
        le=timedelta(days=1),
        description="Remind the recipients of this step so often, while nobody has acknowledged the alert.",
        examples=["5m"],
    )
    times: StrictInt | None = Field(
        default=None,
        ge=1,
        le=100,
        description="How many reminders at most; without this key, until the alert is given up.",
        examples=[3],
    )
