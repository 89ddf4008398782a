"""Step 7: each button is pressed as in an emergency, and the alert goes all the way, as a drill.

What happens meanwhile is in `trial`.
"""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flicbridge.cli import measures, phrases
from flicbridge.cli.beside import warning
from flicbridge.cli.faults import as_sentence
from flicbridge.cli.setup import start_command
from flicbridge.cli.setup.evidence import PressFact, ReachedFact
from flicbridge.cli.setup.findings import press_of
from flicbridge.cli.setup.reasons import worded
from flicbridge.cli.setup.site import Site
from flicbridge.cli.setup.trial import rehearse_press
from flicbridge.cli.shared import Translate, wait_for
from flicbridge.errors import ConfigError, FlicbridgeError

if TYPE_CHECKING:
    from uuid import UUID

    from flicbridge.config import ButtonSettings, Settings


def try_presses(site: Site) -> None:
    """Have every button pressed whose press was not proven yet."""
    _, talk = site.words, site.talk
    settings = _whole(site)
    if settings is None:
        return
    for button in _real(settings):
        known = press_of(button, site.evidence.read())
        if known is not None:
            said = _("{button}: pressed on {day:%Y-%m-%d}, recognised as {gesture}.")
            talk.say(said.format(button=button.name, day=known.at, gesture=known.gesture))
        question = _("Try the button {button} now? The alert says DRILL and goes to {names}.")
        names = ", ".join(settings.test_recipients)
        while talk.agrees(question.format(button=button.name, names=names), default=known is None):
            if _is_proven(site, settings, button):
                break


def _whole(site: Site) -> "Settings | None":
    """The settings, if they are complete and somebody agreed to drills; otherwise says what is missing."""
    from flicbridge.config import load

    _, talk = site.words, site.talk
    if missing := site.draft.missing():
        said = _("Not answered yet, so nothing can be tried: {parts}.")
        talk.say(said.format(parts=", ".join(missing)))
        return None
    if site.draft.get("alerts", "test_notify") is None:
        talk.say(_("Nobody agreed to drills, so no press can be tried to its end: NOT PROVEN."))
        return None
    try:
        settings = load(site.draft.path)
    except ConfigError as error:
        talk.say(str(error))
        return None
    if not _real(settings):
        talk.say(_("No button is paired: there is nothing to press."))
    return settings


def _heard(settings: "Settings") -> "list[ButtonSettings]":
    """The buttons that keep what is pressed while nobody hears them."""
    from flicbridge.press.settings import Family

    return [
        button
        for button in settings.buttons
        if (button.family is Family.FLIC2 and button.serial) or button.family is Family.FLICD
    ]


def _real(settings: "Settings") -> "list[ButtonSettings]":
    """The buttons that a finger can press for help and that can be heard."""
    from flicbridge.alert.desk import Reaction

    return [button for button in _heard(settings) if Reaction.ALERT in button.gestures.values()]


def _is_proven(site: Site, settings: "Settings", button: "ButtonSettings") -> bool:
    """Try one button; show and note what came of it."""
    from flicbridge.clock import SystemClock
    from flicbridge.credentials import Credentials

    _, talk = site.words, site.talk
    gesture = next(name for name, reaction in button.gestures.items() if reaction.value == "alert")
    if others := [other.name for other in _heard(settings) if other != button]:
        talk.say(warning(others, _))
    said = _("A press that {button} has kept from before now is no test: it calls for help.")
    talk.say(said.format(button=button.name))
    credentials, guide = Credentials.beside(site.draft.path), _Guide(site, button.name, gesture)
    try:
        fact = wait_for(rehearse_press(settings, credentials, button, gesture, guide, SystemClock()))
    except FlicbridgeError as error:
        talk.say(f"  → {as_sentence(_why(error, _))}")
        return False
    talk.say(_told(fact, _))
    for reached in fact.reached:
        talk.say(_line(reached, _))
    site.evidence.note_one("presses", button.name, fact)
    return any(reached.after_s is not None for reached in fact.reached)


@dataclass(frozen=True, slots=True)
class _Guide:
    """What the person at the button reads."""

    site: Site
    button: str
    gesture: str

    def invite(self) -> None:
        _, talk = self.site.words, self.site.talk
        said = _("{button} is connected. Now: {gesture}.")
        talk.say(said.format(button=self.button, gesture=_how(self.gesture, _)))

    def warn(self, age_s: float) -> None:
        _, talk = self.site.words, self.site.talk
        said = _("! {button} was pressed {age} ago, before this trial: a REAL ALERT, which leaves now.")
        talk.say(said.format(button=self.button, age=phrases.duration(age_s, _)))

    def tell(self, alert: "UUID", reached: tuple[ReachedFact, ...]) -> None:
        _, talk = self.site.words, self.site.talk
        for each in reached:
            talk.say(_line(each, _))
        settings, is_rehearsal = self.site.draft.path, self.site.draft.settings().radio.simulated
        talk.say(_("See at once who needs help. The bridge goes on with the alert when it is started:"))
        talk.show(start_command(settings, is_rehearsal=is_rehearsal))
        talk.say(_("If it was a mistake, cancel the alert then, so that everybody who was told knows it:"))
        talk.show(f"flicbridge alerts cancel {str(alert)[:8]} --config {shlex.quote(str(settings))}")


def _why(error: FlicbridgeError, _: Translate) -> str:
    known = {
        "running": _("the bridge is running: stop it for this test (`sudo systemctl stop flicbridge`)"),
        "unheard": _("the button is not heard: bring it closer, and press it once to wake it"),
        "unpressed": _("no such press was recognised in time"),
        "unready": _("the bridge did not start in time"),
        "called": _("the trial was broken off, for somebody may need help"),
    }
    return known.get(str(error), str(error))


def _how(gesture: str, _: Translate) -> str:
    known = {
        "long": _("hold it down for two seconds"),
        "single": _("press it once, shortly"),
        "double": _("press it twice, quickly"),
        "triple": _("press it three times, quickly"),
    }
    return known.get(gesture, gesture)


def _told(fact: PressFact, _: Translate) -> str:
    said = _("Recognised {seconds} after the finger went down: {gesture}, whose reaction is {reaction}.")
    return said.format(
        seconds=measures.exactly(fact.known_after_s, _), gesture=fact.gesture, reaction=fact.reaction
    )


def _line(reached: ReachedFact, _: Translate) -> str:
    if reached.after_s is None:
        said = _("{channel}: {state}. {detail}")
        state = phrases.delivery(reached.state, _)
        return (
            "  "
            + said.format(channel=reached.channel, state=state, detail=worded(reached.detail, _)).rstrip()
        )
    said = _("{channel}: taken by the other side {seconds} after the press.")
    return "  " + said.format(channel=reached.channel, seconds=measures.exactly(reached.after_s, _))
