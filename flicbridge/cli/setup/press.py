"""Step 7: each button is pressed as in an emergency, and the alert goes all the way, as a drill.

What happens meanwhile is in `trial`.
"""

from typing import TYPE_CHECKING

from flicbridge.cli import measures, phrases
from flicbridge.cli.faults import as_sentence
from flicbridge.cli.setup.evidence import PressFact, ReachedFact
from flicbridge.cli.setup.site import Site
from flicbridge.cli.setup.trial import rehearse_press
from flicbridge.cli.shared import Translate, wait_for
from flicbridge.errors import ConfigError, FlicbridgeError

if TYPE_CHECKING:
    from flicbridge.config import ButtonSettings, Settings


def try_presses(site: Site) -> None:
    """Have every button pressed whose press was not proven yet."""
    _, talk = site.words, site.talk
    settings = _whole(site)
    if settings is None:
        return
    for button in _real(settings):
        known = site.evidence.read().presses.get(button.name)
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


def _real(settings: "Settings") -> "list[ButtonSettings]":
    """The buttons that a finger can press for help and that can be heard."""
    from flicbridge.alert.desk import Reaction
    from flicbridge.press.settings import Family

    return [
        button
        for button in settings.buttons
        if ((button.family is Family.FLIC2 and button.serial) or button.family is Family.FLICD)
        and Reaction.ALERT in button.gestures.values()
    ]


def _is_proven(site: Site, settings: "Settings", button: "ButtonSettings") -> bool:
    """Try one button; show and note what came of it."""
    from flicbridge.clock import SystemClock
    from flicbridge.credentials import Credentials

    _, talk = site.words, site.talk
    gesture = next(name for name, reaction in button.gestures.items() if reaction.value == "alert")

    def invite() -> None:
        talk.say(
            _("{button} is connected. Now: {gesture}.").format(button=button.name, gesture=_how(gesture, _))
        )

    try:
        fact = wait_for(
            rehearse_press(
                settings, Credentials.beside(site.draft.path), button, gesture, invite, SystemClock()
            )
        )
    except FlicbridgeError as error:
        talk.say(f"  → {as_sentence(_why(error, _))}")
        return False
    talk.say(_told(fact, _))
    for reached in fact.reached:
        talk.say(_line(reached, _))
    site.evidence.note_one("presses", button.name, fact)
    return any(reached.after_s is not None for reached in fact.reached)


def _why(error: FlicbridgeError, _: Translate) -> str:
    known = {
        "running": _("the bridge is running: stop it for this test (`sudo systemctl stop flicbridge`)"),
        "unheard": _("the button is not heard: bring it closer, and press it once to wake it"),
        "unpressed": _("no such press was recognised in time"),
        "unready": _("the bridge did not start in time"),
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
        return "  " + said.format(channel=reached.channel, state=state, detail=reached.detail).rstrip()
    said = _("{channel}: taken by the other side {seconds} after the press.")
    return "  " + said.format(channel=reached.channel, seconds=measures.exactly(reached.after_s, _))
