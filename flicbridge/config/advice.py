"""What works but is unwise: shown by `flicbridge config check`, and no reason to refuse to start."""

from collections.abc import Iterator

from flicbridge.alert.desk import Reaction
from flicbridge.alert.settings import OldPressPlan
from flicbridge.config.finding import Finding, dotted
from flicbridge.config.settings import Order, RecipientSettings, Settings
from flicbridge.errors import Problem
from flicbridge.press.settings import Family, LinkMode


def warnings(settings: Settings) -> list[Problem]:
    """What an installer should think over."""
    looks = (_place, _tests, _old_presses, _radio, _buttons, _links, _holds, _recipients, _plan)
    found = [finding for look in looks for finding in look(settings)]
    return [Problem(dotted(finding.where), finding.what, finding.remedy) for finding in found]


def _radio(settings: Settings) -> Iterator[Finding]:
    if settings.radio.simulated:
        what = "the radio is simulated, so no real button is heard"
        yield Finding(("radio", "simulated"), what, "Remove it when the rehearsal is over.")
    if settings.radio.believe_test_key:
        what = "anybody can make a button that passes for one of yours: the test key is public"
        remedy = "This is for test benches. Remove it before anybody relies on this bridge, and pair again."
        yield Finding(("radio", "believe_test_key"), what, remedy)


def _buttons(settings: Settings) -> Iterator[Finding]:
    for index, button in enumerate(settings.buttons):
        where = ("buttons", index)
        if button.family is Family.FLIC2 and not button.serial:
            what = f'"{button.name}" is not paired yet, so it is not heard'
            yield Finding((*where, "serial"), what, f"Run: flicbridge pair {button.name}.")
        if Reaction.ALERT not in button.reactions():
            what = f'"{button.name}" raises no alert'
            yield Finding((*where, "gestures"), what, "Make sure that whoever carries it knows.")


def _links(settings: Settings) -> Iterator[Finding]:
    for index, button in enumerate(settings.buttons):
        where, sleeps = ("buttons", index), button.link is LinkMode.ON_PRESS
        if sleeps and button.family is not Family.FLIC2:
            what = f'"{button.name}" is no Flic 2, so link = "on_press" means nothing to it'
            yield Finding((*where, "link"), what, "Remove it.")
        elif sleeps and Reaction.ALERT in button.gestures.values():
            what = f'"{button.name}" sleeps, so nobody notices when it is gone or its battery is empty'
            yield Finding((*where, "link"), what, 'Test it by a press every day, or write link = "always".')
        elif not sleeps and "idle" in button.model_fields_set:
            what = f'"{button.name}" stays connected, so idle means nothing to it'
            yield Finding((*where, "idle"), what, 'Remove it, or write link = "on_press".')


def _holds(settings: Settings) -> Iterator[Finding]:
    """A hold is a hold, whatever came before it: that helps a doctor only if a hold calls for help."""
    for index, button in enumerate(settings.buttons):
        for key, gestures in (("gestures", button.gestures), ("small_gestures", button.small_gestures)):
            reaction = gestures.get("long", Reaction.ALERT)
            if reaction is not Reaction.ALERT and Reaction.ALERT in gestures.values():
                what = f'a tap that slips into a hold is taken for the hold, and here that is "{reaction}"'
                remedy = "Let the long press raise the alert, and another gesture do this."
                yield Finding(("buttons", index, key, "long"), what, remedy)


def _recipients(settings: Settings) -> Iterator[Finding]:
    told = _told(settings)
    for index, recipient in enumerate(settings.recipients):
        if recipient.name not in told:
            what = f'nobody ever tells "{recipient.name}" anything'
            remedy = "Name this recipient in a step of the plan, or remove it."
            yield Finding(("recipients", index), what, remedy)
        yield from _turns(("recipients", index), recipient)


def _told(settings: Settings) -> set[str]:
    """Everybody to whom anything is sent: by the plan, about the bridge, as a test."""
    lists = (
        *(step.notify for step in settings.plan),
        settings.maintainer.notify,
        settings.alerts.tell_doctor,
        settings.test_recipients,
        settings.old_press_recipients,
        *settings.drills.recipients().values(),
    )
    return {name for names in lists for name in names}


def _turns(where: tuple[str, int], recipient: RecipientSettings) -> Iterator[Finding]:
    """Settings about the order of channels that mean nothing."""
    in_turn = recipient.order is Order.IN_TURN
    if in_turn and len(recipient.channels) < 2:
        what = f'"{recipient.name}" has a single channel, so order = "in_turn" means nothing'
        yield Finding((*where, "order"), what, "Remove it, or add a channel for when the first one fails.")
    if not in_turn and "next_after" in recipient.model_fields_set:
        what = "the channels are used at once, so next_after means nothing"
        yield Finding((*where, "next_after"), what, 'Remove it, or write order = "in_turn".')


def _plan(settings: Settings) -> Iterator[Finding]:
    channels = {recipient.name: recipient.channels for recipient in settings.recipients}
    first = [channel for name in settings.plan[0].notify for channel in channels[name]]
    if len(first) < 2:
        what = "a single message carries the whole alert; if it is lost, nobody knows for now"
        yield Finding(("plan", 0, "notify"), what, "Add a second recipient, or a second channel.")
    for index, (before, step) in enumerate(zip(settings.plan, settings.plan[1:], strict=False), start=1):
        if step.after < before.after:
            what = "this step comes before the one above it"
            yield Finding(("plan", index, "after"), what, "Put the steps in the order of their times.")


def _old_presses(settings: Settings) -> Iterator[Finding]:
    late = settings.alerts.late
    if late is not None and late.notify is not None and late.plan is OldPressPlan.SAME:
        what = "everybody of the plan is told of old presses too, so this means nothing"
        yield Finding(("alerts", "late", "notify"), what, 'Remove it, or write plan = "inform".')


def _tests(settings: Settings) -> Iterator[Finding]:
    has_tests = any(Reaction.TEST in button.reactions() for button in settings.buttons)
    if has_tests and settings.alerts.test_notify is None:
        what = f"tests go to everybody in the first step: {', '.join(settings.test_recipients)}"
        remedy = "Name those who agreed to it: test_notify = [...]."
        yield Finding(("alerts", "test_notify"), what, remedy)


def _place(settings: Settings) -> Iterator[Finding]:
    if settings.practice.position is None:
        what = "helpers get an address, but no point on the map"
        yield Finding(("practice", "position"), what, "Add position = { latitude = ..., longitude = ... }.")
