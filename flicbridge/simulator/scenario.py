"""What a scenario file says: what happens, when, and what must come of it.

title = "Agression"
[[steps]]
at = "1s"
do = "press"
reaction = "alert"
[expect]
alerts = 1
within = "3s"
"""

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from flicbridge.alert.alert import AlertState
from flicbridge.durations import Duration
from flicbridge.fields import Line, OptionalLine, Slug, Table
from flicbridge.simulator.gateways.fault import Fault

WATCHED_AFTER_LAST: Final = timedelta(seconds=10)
"""How long a scenario goes on after its last step, unless that is a `wait`."""

_BUTTON: Final = "Name of a button; by default the one whose press raises an alert."
_CHANNEL: Final = (
    'Which channels: "all", "first" (the first one of the first step of the plan), a recipient ("samu"), one'
    ' of its channels ("samu/0"), or a transport ("email").'
)


class Key(StrEnum):
    """Which of the two buttons of a Flic Duo; any other button has but a big one."""

    BIG = "big"
    SMALL = "small"


class _Step(Table):
    """Something that happens."""

    at: Duration = Field(
        le=timedelta(days=7), description="When, from the beginning of the scenario.", examples=["2s"]
    )


class Press(_Step):
    """A finger presses a button."""

    do: Literal["press"]
    button: Slug | None = Field(default=None, description=_BUTTON, examples=["poche"])
    reaction: Literal["alert", "test", "cancel", "acknowledge"] | None = Field(
        default=None,
        description="Make the first gesture of the settings that does this.",
        examples=["alert"],
    )
    gesture: Line | None = Field(default=None, description="Make this gesture.", examples=["double"])
    key: Key = Field(
        default=Key.BIG, description="Which of the two buttons of a Flic Duo.", examples=["small"]
    )
    script: tuple[tuple[Duration, Duration], ...] | None = Field(
        default=None,
        min_length=1,
        description="When the finger goes down and up again, counted from `at`. Not for virtual buttons.",
        examples=[[["0ms", "120ms"], ["300ms", "420ms"]]],
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = [key for key in ("reaction", "gesture", "script") if getattr(self, key) is not None]
        if len(said) != 1:
            what = (
                f"{' and '.join(said)} contradict each other" if said else "nothing says what the finger does"
            )
            raise ValueError(f'{what}; write one of reaction, gesture and script, such as reaction = "alert"')
        times = [instant for press in self.script or () for instant in press]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("the times of the script do not rise; write down, up, down, up in their order")
        return self


class OrderFault(_Step):
    """A fake gateway begins to misbehave."""

    do: Literal["fault"]
    channel: Line = Field(default="all", description=_CHANNEL, examples=["samu"])
    fault: Fault = Field(description="What goes wrong.", examples=[{"kind": "status", "status": 503}])


class Heal(_Step):
    """A fake gateway works again."""

    do: Literal["heal"]
    channel: Line = Field(default="all", description=_CHANNEL, examples=["samu"])


class Network(_Step):
    """The way out of the house breaks down, or is there again."""

    do: Literal["network_down", "network_up"]


class OfButton(_Step):
    """A button is carried out of the radio's reach, comes back, or gets a new cell."""

    do: Literal["out_of_range", "back_in_range", "change_battery"]
    button: Slug | None = Field(default=None, description=_BUTTON, examples=["poche"])


class SwitchRadio(_Step):
    """The Bluetooth adapter is switched."""

    do: Literal["radio_off", "radio_on"]


class Crash(_Step):
    """The bridge's machine loses its power: nothing is finished, nobody is told."""

    do: Literal["crash"]
    upon_commit: StrictBool = Field(
        default=False,
        description="Not at that time, but as soon as the next press after it has been written to disk:"
        " before any message has arrived, and before the button is told.",
    )


class Start(_Step):
    """The power is back, the bridge starts again on what is on its disk."""

    do: Literal["start"]


class Answer(_Step):
    """Somebody acknowledges or cancels all open alerts through the local API."""

    do: Literal["acknowledge", "cancel"]


class Wait(_Step):
    """Nothing: a scenario that ends with it is watched up to then, and no longer."""

    do: Literal["wait"]


type Step = Press | OrderFault | Heal | Network | OfButton | SwitchRadio | Crash | Start | Answer | Wait


class ExpectedMessages(Table):
    """What arrives on some channels instead of what all others get."""

    channel: Line = Field(description=_CHANNEL, examples=["first"])
    alert: StrictInt = Field(default=0, ge=0, description="How many alerts and tests arrive.")
    again: StrictInt = Field(default=0, ge=0, description="How many messages tell of further presses.")
    cancelled: StrictInt = Field(
        default=0, ge=0, description="How many cancellations arrive, those that are doubted included."
    )


class ExpectedFailure(Table):
    """A message that is refused for good, as it should be."""

    channel: Line = Field(description=_CHANNEL, examples=["first"])
    reason: OptionalLine = Field(
        default="", description="Words of the reason that is written down.", examples=["HTTP 410"]
    )


class Expect(Table):
    """What must come of it, exactly: whatever else happens fails the scenario."""

    alerts: StrictInt = Field(
        ge=0, description="How many alerts are raised, tests not counted.", examples=[1]
    )
    tests: StrictInt = Field(default=0, ge=0, description="How many tests are raised.")
    joined: StrictInt = Field(default=0, ge=0, description="How many presses join an open alert.")
    again: StrictInt = Field(
        default=0, ge=0, description="How many messages about further presses each recipient gets."
    )
    cancelled: StrictInt = Field(
        default=0,
        ge=0,
        description="How many cancellations each recipient gets, those that are doubted included.",
    )
    messages: tuple[ExpectedMessages, ...] = Field(
        default=(), description="Channels on which something else arrives."
    )
    within: Duration | None = Field(
        default=None,
        gt=timedelta(0),
        description="The first message of each channel arrives this soon after the finger went down.",
        examples=["3s"],
    )
    after_fault: StrictBool = Field(
        default=False, description="Count `within` from the end of the last fault instead."
    )
    state: AlertState | None = Field(
        default=None, description="How every alert stands in the end.", examples=["notified"]
    )
    late: StrictBool | None = Field(
        default=None,
        description="Whether the messages call the press late and say how old it is; unchecked if absent.",
    )
    text_contains: tuple[Line, ...] = Field(
        default=(), description="Words that stand in every SMS and mail.", examples=[["Dr Anne Martin"]]
    )
    failed: tuple[ExpectedFailure, ...] = Field(
        default=(), description="Messages that are refused for good, and why."
    )
    duplicates: StrictInt = Field(
        default=0, ge=0, description="How often a recipient is told the same thing once more."
    )
    undelivered: StrictInt = Field(default=0, ge=0, description="How many messages still wait in the end.")
    errors: tuple[Line, ...] = Field(
        default=(),
        description="Errors that the bridge reports in its log, by name.",
        examples=[["presses_lost"]],
    )


class Scenario(Table):
    """One scenario."""

    title: Line = Field(description="What it is about, in one line.", examples=["Agression"])
    about: str = Field(default="", description="More about it, for people.")
    settings: dict[str, Any] | None = Field(
        default=None,
        description="Settings that this scenario needs, laid over the built-in practice. A scenario with"
        " settings of its own is not played with yours.",
    )
    steps: tuple[Annotated[Step, Field(discriminator="do")], ...] = Field(
        min_length=1, description="What happens, in order of time."
    )
    expect: Expect = Field(description="What must come of it.")

    @property
    def ends(self) -> timedelta:
        """When it is over."""
        last = self.steps[-1]
        return last.at if isinstance(last, Wait) else last.at + WATCHED_AFTER_LAST
