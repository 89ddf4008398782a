"""Step 2: the buttons. Each is named, paired, pressed once, and given the gesture that calls for help."""

from typing import TYPE_CHECKING, Final

from flicbridge.cli.beside import refuse_two_worlds
from flicbridge.cli.faults import as_sentence
from flicbridge.cli.pairing import Done, Wish, carry_out
from flicbridge.cli.pairings import is_paired, pairings, read_records
from flicbridge.cli.setup import answers
from flicbridge.cli.setup.evidence import ButtonFact
from flicbridge.cli.setup.site import Site, now_at
from flicbridge.cli.shared import wait_for
from flicbridge.errors import FlicbridgeError

if TYPE_CHECKING:
    from flicbridge.outbox.button import ButtonRecord

PAIRING_TIMEOUT_S: Final = 60.0
GESTURES: Final = ("long", "single", "double")


def pair_buttons(site: Site) -> None:
    """Pair as many buttons as there are."""
    _, talk = site.words, site.talk
    settings = site.draft.settings()
    records = wait_for(read_records(settings.bridge.state_dir))
    waiting = [b["name"] for b in _flics(site) if not is_paired(str(b.get("serial", "")), records)]
    for button in _flics(site):
        if button["name"] not in waiting:
            said = _("The button {button} is paired with this bridge already ({serial}).")
            talk.say(said.format(button=button["name"], serial=button["serial"]))
    is_first = len(waiting) == len(_flics(site))
    while talk.agrees(_("Pair a button now?") if is_first else _("Pair another button?"), default=is_first):
        proposed = waiting.pop(0) if waiting else ("poche" if is_first else "")
        name = talk.ask(_("What is this button called?"), answers.name(_), proposed)
        if _pair(site, name):
            is_first = False
            _ask_gesture(site, name)


def _flics(site: Site) -> list[dict[str, str]]:
    return [table for table in site.draft.tables("buttons") if table.get("family") == "flic2"]


def _pair(site: Site, name: str) -> bool:
    """Pair one button, as often as it takes; return whether it is paired."""
    _, talk = site.words, site.talk
    while True:
        try:
            done = wait_for(carry_out(_wish(site, name)))
        except FlicbridgeError as error:
            talk.say(f"  → {as_sentence(str(error))}")
            if not talk.agrees(_("Try again?"), default=True):
                return False
            continue
        site.evidence.note_one("buttons", name, _fact(done))
        return True


def _wish(site: Site, name: str) -> Wish:
    settings = site.draft.settings()
    refuse_two_worlds(settings)
    records: dict[str, ButtonRecord] = wait_for(read_records(settings.bridge.state_dir))
    before = next((button.serial for button in settings.buttons if button.name == name), "")
    return Wish(
        settings=settings,
        button=name,
        before=before if is_paired(before, records) else "",
        others={other: kept for other, kept in pairings(settings, records).items() if other != name},
        file=site.draft.path,
        timeout_s=PAIRING_TIMEOUT_S,
        with_proof=True,
        screen=site.talk.screen,
        words=site.words,
        in_setup=True,
    )


def _fact(done: Done) -> ButtonFact:
    paired = done.paired
    return ButtonFact(
        at=now_at(),
        serial=paired.pairing.serial,
        product="Flic Duo" if paired.pairing.is_duo else "Flic 2",
        firmware=paired.firmware,
        battery_mv=paired.battery_mv,
        rssi_dbm=paired.rssi_dbm,
        heard_after_s=done.heard_after_s,
    )


def _ask_gesture(site: Site, name: str) -> None:
    """Ask what calls for help, unless the installer has written gestures of their own."""
    _ = site.words
    index = next(place for place, table in enumerate(site.draft.tables("buttons")) if table["name"] == name)
    given = site.draft.get("buttons", index, "gestures") or {}
    if len(given) > 1 or set(given.values()) - {"alert"}:
        return
    choices = [
        _("a long press, of one second (rarely by mistake)"),
        _("a single press (quickest, also by mistake)"),
        _("a double press"),
    ]
    before = next(iter(given), "long")
    default = GESTURES.index(before) if before in GESTURES else 0
    chosen = GESTURES[site.talk.choose(_("What shall call for help"), choices, default)]
    if given != {chosen: "alert"}:
        site.draft.put("buttons", index, "gestures", value={chosen: "alert"})
