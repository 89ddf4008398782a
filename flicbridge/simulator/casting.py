"""Who plays which part: the buttons, gestures and channels of a scenario, found in the settings.

Scenarios say `reaction = "alert"` and `channel = "first"` rather than names, so that they can be played with
any practice's settings.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flicbridge.alert.alert import Alert
from flicbridge.alert.desk import Reaction
from flicbridge.alert.plan import Route
from flicbridge.config.explain import nearest
from flicbridge.config.finding import Finding
from flicbridge.config.plan import plan_of
from flicbridge.config.settings import ButtonSettings, Settings
from flicbridge.fields import shown
from flicbridge.gesture.script import finger_script
from flicbridge.gesture.settings import gesture_table
from flicbridge.press.settings import Family
from flicbridge.simulator.scenario import Heal, Key, OfButton, OrderFault, Press, Scenario

type FingerScript = Sequence[tuple[float, float]]
"""When the finger goes down and up, in seconds from now."""


class MiscastError(Exception):
    """The settings have nobody for a part.

    Attributes:
        key: the key of the step that cannot be played.
        what, remedy: as in `Finding`.
    """

    def __init__(self, key: str, what: str, remedy: str) -> None:
        self.key = key
        self.what = what
        self.remedy = remedy
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Part:
    """What a finger has to do.

    Attributes:
        button: which button.
        gesture: the gesture's name; None for a script of the scenario's own.
        script: the same for a finger.
        key: which key of a Duo: 0 the big one, 1 the small one.
    """

    button: ButtonSettings
    gesture: str | None
    script: FingerScript
    key: int = 0


def _first_turn(routes: Iterable[Route]) -> tuple[str, ...]:
    return tuple(route.channel for route in routes if not route.turn)


class Casting:
    """Finds parts in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._plan = plan_of(settings)
        self._buttons = {button.name: button for button in settings.buttons}
        self._transports = {
            f"{recipient.name}/{index}": options.transport
            for recipient in settings.recipients
            for index, options in enumerate(recipient.channels)
        }

    @property
    def channels(self) -> Sequence[str]:
        """All channels, in the order of the settings."""
        return tuple(self._transports)

    def told_first(self) -> tuple[str, ...]:
        """The channels of the first step of the plan, without those that are kept in reserve."""
        return _first_turn(self._plan.steps[0].routes)

    def told_tests(self) -> tuple[str, ...]:
        """The channels that tests go to, without those that are kept in reserve."""
        return _first_turn(self._plan.test_routes)

    def told_old(self) -> tuple[str, ...]:
        """The channels that old presses go to, if people are only informed of those."""
        old = self._plan.old_presses
        return () if old is None else _first_turn(old.routes)

    def only_informs_of(self, alert: Alert) -> bool:
        """True of an alert whose press was so old that there is no escalation."""
        return self._plan.only_informs_of(alert.pressed_at, alert.received_at)

    def told_later(self, by: timedelta) -> tuple[str, ...]:
        """The channels of steps that have come by then, other than the first, and those in reserve."""
        steps = self._plan.steps[1:]
        later = (route.channel for step in steps if step.after <= by for route in step.routes)
        return (*later, *(route.channel for step in self._plan.steps for route in step.routes if route.turn))

    def reactions(self) -> Mapping[tuple[str, int, str], str]:
        """What every gesture of every key of every button does."""
        return {
            (button.name, key, gesture): reaction.value
            for button in self._settings.buttons
            for key in (0, 1)
            for gesture, reaction in _gestures(button, key).items()
        }

    # -- the parts of a scenario ---------------------------------------------------------------------------

    def problems(self, scenario: Scenario) -> Iterator[Finding]:
        """Every part of a scenario for which the settings have nobody."""
        for index, step in enumerate(scenario.steps):
            try:
                match step:
                    case Press():
                        self.part(step)
                    case OfButton():
                        self.flic(step.button)
                    case OrderFault() | Heal():
                        self.meant(step.channel)
            except MiscastError as error:
                yield Finding(("steps", index, error.key), error.what, error.remedy)
        expect = scenario.expect
        yield from self._unmeant("messages", [each.channel for each in expect.messages])
        yield from self._unmeant("failed", [each.channel for each in expect.failed])

    def _unmeant(self, key: str, selectors: Sequence[str]) -> Iterator[Finding]:
        for index, selector in enumerate(selectors):
            try:
                self.meant(selector)
            except MiscastError as error:
                yield Finding(("expect", key, index, error.key), error.what, error.remedy)

    def part(self, step: Press) -> Part:
        """Who presses what. Raises MiscastError."""
        key = 1 if step.key is Key.SMALL else 0
        if step.script is not None:
            button = self.flic(step.button)
            self._find_key(button, key)
            script = [(d.total_seconds(), u.total_seconds()) for d, u in step.script]
            return Part(button, None, script, key)
        if step.reaction is not None:
            button, gesture = self._reacting(Reaction(step.reaction), step.button, key)
        else:
            button, gesture = self._button(step.button), step.gesture or ""
        gestures = self._find_key(button, key)
        table = gesture_table(gestures, self._settings.rhythms, button, contacts_bounce=False)
        if gesture not in table.patterns:
            known = ", ".join(gestures)
            what = f"button {shown(button.name)} has no gesture {shown(gesture)} in these settings"
            raise MiscastError("gesture", what, f"It has: {known}.")
        return Part(button, gesture, finger_script(table, gesture), key)

    def _find_key(self, button: ButtonSettings, key: int) -> Mapping[str, Reaction]:
        """The gestures of a key. Raises MiscastError if these settings do not know it."""
        if not (found := _gestures(button, key)):
            what = f"button {shown(button.name)} has no small button in these settings"
            raise MiscastError("key", what, "Give it small_gestures, or press the big one.")
        return found

    def flic(self, name: str | None) -> ButtonSettings:
        """A button on the radio. Raises MiscastError."""
        button = self._button(name)
        if button.family is Family.VIRTUAL:
            what = f"button {shown(button.name)} is a virtual one: it has no radio and no finger on it"
            raise MiscastError("button", what, 'Name a button of the family "flic2" or "flicd".')
        return button

    def meant(self, selector: str) -> tuple[str, ...]:
        """The channels that a scenario means. Raises MiscastError."""
        if selector == "all":
            return tuple(self._transports)
        if selector == "first":
            return self.told_first()[:1]
        exactly = [channel for channel in self._transports if channel == selector]
        of_recipient = [channel for channel in self._transports if channel.rpartition("/")[0] == selector]
        of_transport = [channel for channel, kind in self._transports.items() if kind == selector]
        if found := exactly or of_recipient or of_transport:
            return tuple(found)
        known = ["all", "first", *self._transports]
        near = nearest(selector, known)
        remedy = f'Did you mean "{near}"?' if near else f"There are: {', '.join(known)}."
        raise MiscastError("channel", f"no channel of these settings is called {shown(selector)}", remedy)

    def _button(self, name: str | None) -> ButtonSettings:
        if name is None:
            return self._reacting(Reaction.ALERT, None, 0)[0]
        if name not in self._buttons:
            known = ", ".join(self._buttons)
            what = f"no button of these settings is called {shown(name)}"
            raise MiscastError("button", what, f"There are: {known}. Without the key, the first that alerts.")
        return self._buttons[name]

    def _reacting(self, reaction: Reaction, name: str | None, key: int) -> tuple[ButtonSettings, str]:
        """The first gesture with a reaction, of one button or of all."""
        for button in self._settings.buttons if name is None else [self._button(name)]:
            for gesture, does in _gestures(button, key).items():
                if does is reaction:
                    return button, gesture
        what = f"no gesture of these settings does {shown(reaction.value)}"
        raise MiscastError("reaction", what, "Give a button such a gesture, or leave this scenario out.")


def _gestures(button: ButtonSettings, key: int) -> Mapping[str, Reaction]:
    return button.small_gestures if key else button.gestures
