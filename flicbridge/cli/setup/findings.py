"""What is open after the setup: everything that was not proven, in words. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flicbridge.cli.setup.evidence import ChannelFact, Evidence, PressFact, fingerprint, identity
from flicbridge.cli.setup.reasons import worded
from flicbridge.cli.shared import Translate

if TYPE_CHECKING:
    from flicbridge.config import ButtonSettings

type Channels = dict[str, dict[str, object]]
"""The tables of the settings' channels, by `recipient/index`."""


def proof_of(name: str, channels: Channels, evidence: Evidence) -> ChannelFact | None:
    """What was proven of a channel as it is now."""
    known = evidence.channels.get(name)
    return known if known is not None and known.of == fingerprint(channels[name]) else None


def press_of(button: "ButtonSettings", evidence: Evidence) -> PressFact | None:
    """What was proven of a button as it is now: by this very one, with a gesture that calls for help."""
    from flicbridge.alert.desk import Reaction

    known = evidence.presses.get(button.name)
    if known is None or not known.serial or known.serial != identity(button):
        return None
    return known if button.gestures.get(known.gesture) is Reaction.ALERT else None


def open_points(
    buttons: "tuple[ButtonSettings, ...]", channels: Channels, evidence: Evidence, _: Translate
) -> Iterator[str]:
    """Everything that nobody can rely on yet."""
    if evidence.radio is None or not evidence.radio.works:
        yield _("The Bluetooth radio did not work, or was not tried.")
    yield from _of_buttons(buttons, evidence, _)
    yield from _of_channels(channels, evidence, _)
    if not evidence.rooms:
        yield _("Nobody walked through the rooms: dead zones are not known.")
    elif dead := list(dict.fromkeys(room.room for room in evidence.rooms if room.verdict != "good")):
        said = _("Rooms where the button is heard badly or not at all: {rooms}.")
        yield said.format(rooms=", ".join(dead))


def _of_buttons(buttons: "tuple[ButtonSettings, ...]", evidence: Evidence, _: Translate) -> Iterator[str]:
    from flicbridge.press.settings import Family

    real = [button for button in buttons if button.family is not Family.VIRTUAL]
    if not real:
        yield _("There is no button.")
    for button in real:
        if button.family is Family.FLIC2 and not button.serial:
            yield _("The button {button} is not paired.").format(button=button.name)
            continue
        press = press_of(button, evidence)
        if press is None:
            yield _("The button {button} was not tried to the end: no press, no alert.").format(
                button=button.name
            )
        elif missed := [reached.channel for reached in press.reached if reached.after_s is None]:
            said = _("A press on {button} did not reach {channels}.")
            yield said.format(button=button.name, channels=", ".join(missed))


def _of_channels(channels: Channels, evidence: Evidence, _: Translate) -> Iterator[str]:
    if not channels:
        yield _("Nobody is told anything: there is no channel.")
    for name in channels:
        proof = proof_of(name, channels, evidence)
        if proof is None or proof.outcome == "skipped":
            yield _("{channel} was not tried: NOT PROVEN.").format(channel=name)
        elif proof.outcome == "failed":
            yield _("{channel} failed: {error}").format(channel=name, error=worded(proof.detail, _))
        elif not proof.seen:
            yield _("{channel}: nobody saw the test message arrive.").format(channel=name)
