"""The settings file as a whole: each stage's own settings, stacked."""

from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, SerializeAsAny, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from flicbridge.alert.desk import Reaction
from flicbridge.alert.drills import DrillsSettings
from flicbridge.alert.maintainer import MaintainerSettings
from flicbridge.alert.settings import AlertsSettings, DoctorSettings, PracticeSettings, StepSettings
from flicbridge.api.settings import ApiSettings
from flicbridge.config.places import default_state_dir
from flicbridge.durations import Duration
from flicbridge.errors import ConfigError
from flicbridge.fields import PathBeside, Slug, Table, shown
from flicbridge.gesture.settings import GestureSettings, Rhythm
from flicbridge.place.settings import SetupSettings
from flicbridge.press.settings import ButtonSettings as PressSettings
from flicbridge.press.settings import FlicdSettings, RadioSettings
from flicbridge.transport.base import ChannelOptions
from flicbridge.transport.registry import read_channel


class Language(StrEnum):
    """In which language messages are written."""

    FR = "fr"
    EN = "en"


def _zone(key: str) -> str:
    try:
        ZoneInfo(key)
    except (KeyError, ValueError, OSError) as error:  # OSError: "Europe" is a folder of the database
        near = get_close_matches(key, available_timezones(), n=1) or ["Europe/Paris"]
        raise ValueError(f'{shown(key)} is no time zone; write it like "{near[0]}"') from error
    return key


def _channel(table: Any, info: ValidationInfo) -> ChannelOptions:
    """Read a channel with the options model of its transport; complain at its key `transport`."""
    if isinstance(table, ChannelOptions):
        return table
    try:
        return read_channel(table, info.context)
    except ConfigError as error:
        problem = error.problems[0]
        complaint = PydanticCustomError(
            "transport", "{what}; {remedy}", {"what": problem.what, "remedy": problem.remedy}
        )
        details = InitErrorDetails(type=complaint, loc=("transport",), input=table["transport"])
        raise ValidationError.from_exception_data("channel", [details]) from error


Channel = Annotated[SerializeAsAny[ChannelOptions], BeforeValidator(_channel)]


class BridgeSettings(Table):
    """This bridge."""

    id: Slug = Field(
        description="What this bridge is called: it stands in every alert.", examples=["tilleuls-1"]
    )
    state_dir: PathBeside = Field(
        default_factory=default_state_dir,
        description="Folder for the database and the local API's socket; a relative path starts beside this"
        " file. Default: the platform's place for such things.",
        examples=["/var/lib/flicbridge"],
    )
    language: Language = Field(
        default=Language.FR, description="Language of the messages to recipients.", examples=["fr"]
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Europe/Paris",
        description="Local time of the practice, for times in messages.",
        examples=["Europe/Paris"],
    )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.timezone)


class ButtonSettings(PressSettings, GestureSettings):
    """One button: what it is, and what its gestures do."""

    gestures: dict[str, Reaction] = Field(
        min_length=1,
        description="What each gesture does: alert, cancel, test, acknowledge or none.",
        examples=[{"long": "alert", "double": "test"}],
    )
    small_gestures: dict[str, Reaction] = Field(
        default={},
        description="What the gestures of a Flic Duo's small button do; `gestures` are those of the big one."
        " Without this key the small button does nothing. No other button has one.",
        examples=[{"single": "alert"}],
    )

    def reactions(self) -> set[Reaction]:
        """Everything that this button can do."""
        return {*self.gestures.values(), *self.small_gestures.values()}


class Order(StrEnum):
    """How the channels of a recipient are used."""

    ALL = "all"
    IN_TURN = "in_turn"


class RecipientSettings(Table):
    """Somebody who can help."""

    name: Slug = Field(description="What this recipient is called here.", examples=["samu"])
    channels: tuple[Channel, ...] = Field(
        min_length=1,
        description="Ways to reach this recipient.",
        examples=[[{"transport": "http", "url": "https://alertes.example.fr/hook", "secret": "hub-key"}]],
    )
    order: Order = Field(
        default=Order.ALL,
        description='"all": every channel at once. "in_turn": the next one when the one before has failed for'
        " good, or has brought no answer within `next_after`.",
        examples=["in_turn"],
    )
    next_after: Duration = Field(
        default=timedelta(seconds=60),
        gt=timedelta(0),
        le=timedelta(hours=1),
        description='With order = "in_turn": how long an answer is waited for before the next channel.',
        examples=["60s"],
    )


class LogLevel(StrEnum):
    """From how bad on something is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogSettings(Table):
    """What is logged, and how."""

    level: LogLevel = Field(
        default=LogLevel.INFO, description="Least important lines to show.", examples=["info"]
    )
    format: LogFormat = Field(
        default=LogFormat.AUTO,
        description="json for machines, console for people, auto: console on a terminal, json elsewhere.",
        examples=["auto"],
    )


class Settings(Table):
    """Everything that an installer says, checked."""

    bridge: BridgeSettings = Field(description="This bridge.")
    doctor: DoctorSettings = Field(description="Who calls for help.")
    practice: PracticeSettings = Field(description="Where the doctor works.")
    alerts: AlertsSettings = Field(default=AlertsSettings(), description="How presses become alerts.")
    radio: RadioSettings = Field(default=RadioSettings(), description="The radio buttons are heard over.")
    flicd: FlicdSettings = Field(
        default=FlicdSettings(), description="The vendor's daemon, for buttons of the family flicd."
    )
    rhythms: dict[Slug, Rhythm] = Field(
        default={},
        description="Gestures of your own: a name, and a series of short and long presses.",
        examples=[{"sos": "short short long"}],
    )
    buttons: tuple[ButtonSettings, ...] = Field(min_length=1, description="The buttons, one table each.")
    recipients: tuple[RecipientSettings, ...] = Field(min_length=1, description="Who can help.")
    plan: tuple[StepSettings, ...] = Field(min_length=1, description="Who is told when, step by step.")
    maintainer: MaintainerSettings = Field(
        default=MaintainerSettings(), description="Who looks after this bridge."
    )
    drills: DrillsSettings = Field(
        default=DrillsSettings(), description="What the bridge tries out by itself."
    )
    api: ApiSettings = Field(default=ApiSettings(), description="The local API.")
    log: LogSettings = Field(default=LogSettings(), description="The log.")
    setup: SetupSettings = Field(default=SetupSettings(), description="The guided first run.")

    @classmethod
    def read(cls, raw: Mapping[str, Any], folder: Path) -> Self:
        """Take over a parsed file that lies in `folder`.

        Raises:
            pydantic.ValidationError: with every key that is missing, unknown or wrong in itself.
        """
        return cls.model_validate(raw, context={"folder": folder})

    @property
    def test_recipients(self) -> tuple[str, ...]:
        """Who gets test alerts."""
        return self.plan[0].notify if self.alerts.test_notify is None else self.alerts.test_notify

    @property
    def old_press_recipients(self) -> tuple[str, ...]:
        """Who is told of an old press, if people are only informed of those."""
        late = self.alerts.late
        return self.plan[0].notify if late is None or late.notify is None else late.notify
