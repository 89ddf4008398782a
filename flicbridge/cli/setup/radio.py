"""Step 1: is there a radio that buttons can be heard over?"""

import sys
from typing import TYPE_CHECKING, Final

from flicbridge.cli.setup.evidence import RadioFact
from flicbridge.cli.setup.site import Site, now_at
from flicbridge.cli.shared import Translate, wait_for

if TYPE_CHECKING:
    from flicbridge.config import Settings

# A scan begins within a second or two, a slow bus included.
PATIENCE_S: Final = 8.0
LOOK_EVERY_S: Final = 0.2


def check_radio(site: Site) -> None:
    """Try the radio, and say how to mend it, until it works or is left for later."""
    _, talk = site.words, site.talk
    settings = site.draft.settings()
    while True:
        error = wait_for(_try(settings))
        site.evidence.note(radio=RadioFact(at=now_at(), works=error is None, detail=error or ""))
        if error is None:
            break
        talk.say(_("The Bluetooth radio does not work: {error}.").format(error=error.rstrip(".")))
        talk.say(f"  → {_remedy(settings, _)}")
        if not talk.agrees(_("Try again?"), default=True):
            talk.say(_("Without a radio no button is heard. Run `flicbridge setup` again when it works."))
            return
    if settings.radio.simulated:
        talk.say(_("The radio is simulated: this is a rehearsal, no real button is heard."))
    else:
        talk.say(_("The Bluetooth radio works."))


async def _try(settings: "Settings") -> str | None:
    """Let the radio listen; return what keeps it from that."""
    import asyncio

    from flicbridge.clock import LoopClock
    from flicbridge.room import open_room

    clock = LoopClock(asyncio.get_running_loop())
    until_s = clock.now_s() + PATIENCE_S
    async with open_room(settings, clock=clock, observe=lambda _observation: None) as room:
        while room.radio.error is not None and clock.now_s() < until_s:
            await clock.sleep(LOOK_EVERY_S)
        return room.radio.error


def _remedy(settings: "Settings", _: Translate) -> str:
    from flicbridge.press.power import examine

    if settings.radio.simulated or sys.platform != "linux":
        return _("Switch Bluetooth on in the system settings, and allow this program to use it.")
    known = {
        "no_adapter": _("There is no Bluetooth adapter: plug one in, such as a USB dongle."),
        "switched_off": _(
            "It is switched off: run `rfkill unblock bluetooth`, then `bluetoothctl power on`."
        ),
        "refused": _("This user may not use it: run `sudo usermod -aG bluetooth $USER`, and log in again."),
        "no_bus": _("The system's message bus cannot be reached: run `sudo systemctl start dbus`."),
        "no_service": _(
            "The Bluetooth service does not run: install the package bluez, and run"
            " `sudo systemctl enable --now bluetooth`."
        ),
    }
    why = wait_for(examine()).value
    return known.get(why, _("Run `sudo systemctl restart bluetooth`, or plug the adapter out and in again."))
