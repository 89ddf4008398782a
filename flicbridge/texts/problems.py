"""What is wrong with a bridge, and what to do about it, in words: for the terminal and for messages alike.

Each problem is said after the name of its part, "button poche: battery low", and its remedy is a sentence.
A test holds this together with the rules (`guard/protection.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from flicbridge.texts import N_

type Translate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Wording:
    """How one problem is spoken of, in English.

    Attributes:
        what: what is wrong, as it stands after the part's name; nothing of a person.
        remedy: what to do; a sentence.
    """

    what: str
    remedy: str


MEND_BLUETOOTH: Final = N_("Plug in or switch on the Bluetooth adapter; `flicbridge selfcheck` says more.")
RESTART: Final = N_(
    "Start flicbridge again; if it comes back, send whoever helps you what"
    " `flicbridge selfcheck --bundle FILE` writes."
)
START_FLICD: Final = N_("Look whether flicd runs and has a Bluetooth adapter of its own.")
CHANGE_BATTERY: Final = N_("Put in a new CR2032 battery, then press the button once to try it.")
BEWARE: Final = N_("Press the button to try it; if this goes on, have somebody look for the sender.")
MAKE_ROOM: Final = N_("Make room on the disk.")
SET_CLOCK: Final = N_("Give this machine network time, or set its clock by hand.")
TRY_CHANNEL: Final = N_(
    "Send a test message over it: `flicbridge test own` to those in drills.own, `flicbridge test exercise` to"
    " those in drills.exercise, the gesture for tests to those in alerts.test_notify. Add whoever is in none"
    " of them to drills.own first, or, once they have agreed, to drills.exercise."
)
MEND_CHANNEL: Final = N_(
    "Look at its address, its password and the network; `flicbridge status` says what it was."
)

PROBLEMS: Final[Mapping[str, Wording]] = {
    # the bridge itself
    "rehearsing": Wording(
        N_("is a rehearsal, nothing is sent"), N_("End it and start `flicbridge run` without --dry-run.")
    ),
    "pipeline_stuck": Wording(N_("a press would not get through"), RESTART),
    "vital_part_failing": Wording(
        N_("a part breaks again and again, without which no alert leaves"), RESTART
    ),
    "part_failing": Wording(N_("a part breaks again and again"), RESTART),
    "loop_lagging": Wording(
        N_("reacts slowly"), N_("Look what else keeps this machine busy, or give it a faster one.")
    ),
    "api_impaired": Wording(
        N_("cannot be reached in every way that was asked for"),
        N_("Look whether another program uses its address, then start flicbridge again."),
    ),
    "watched_by_nobody": Wording(
        N_("the outside watch does not hear it"),
        N_("Look at the URL in the secret of maintainer.heartbeat, and at the network."),
    ),
    # radio and buttons
    "radio_off": Wording(N_("does not work, no real button is heard"), MEND_BLUETOOTH),
    "radio_silent": Wording(
        N_("hears nothing, neither a button nor any other device"),
        N_("Press a button to try it; if nothing is heard, unplug the Bluetooth adapter and plug it in."),
    ),
    "test_key_believed": Wording(
        N_("believes false buttons (believe_test_key); not for a practice"),
        N_("Remove believe_test_key from the settings."),
    ),
    "flicd_unreachable": Wording(
        N_("the vendor's daemon cannot be reached, its buttons are not heard"), START_FLICD
    ),
    "flicd_radio_off": Wording(
        N_("the vendor's daemon has no Bluetooth, its buttons are not heard"), START_FLICD
    ),
    "flicd_full": Wording(
        N_("the vendor's daemon cannot connect any more buttons"),
        N_("Remove buttons from flicd that nobody uses, or use an adapter that takes more."),
    ),
    "not_paired": Wording(N_("not paired, so it is not heard"), N_("Run `flicbridge pair`.")),
    "not_connected": Wording(
        N_("out of reach, or its battery is empty"),
        N_("Bring it nearer and press it; if it stays silent, change its battery."),
    ),
    "paused": Wording(
        N_("let go of for a while, so that another command may talk to it; it is not heard"),
        N_("Wait until the other command has ended."),
    ),
    "battery_low": Wording(N_("battery low"), CHANGE_BATTERY),
    "battery_critical": Wording(N_("battery nearly empty"), CHANGE_BATTERY),
    "battery_will_be_low": Wording(
        N_("battery will be low within three weeks"), N_("Have a new CR2032 battery ready.")
    ),
    "presses_lost": Wording(
        N_("presses were lost before they reached this computer"),
        N_("Ask the doctor whether help was called; the button held too many presses while out of reach."),
    ),
    "no_small_button": Wording(
        N_("is no Flic Duo: it has no small button, and small_gestures do nothing"),
        N_("Remove small_gestures from the settings, or use a Flic Duo."),
    ),
    "impostor": Wording(N_("somebody else answered in its place, and was not believed"), BEWARE),
    "tampering": Wording(N_("somebody changed its packets on the air, and was not believed"), BEWARE),
    "garbage": Wording(N_("somebody sends it packets without sense"), BEWARE),
    "unproven": Wording(
        N_("what calls does not prove to be it: a very weak link, or somebody in its place"), BEWARE
    ),
    "advertisement_flood": Wording(N_("somebody floods the air with advertisements"), BEWARE),
    # the way out
    "channel_unproven": Wording(N_("never carried a message yet"), TRY_CHANNEL),
    "channel_failing": Wording(N_("messages cannot be sent at the moment, still trying"), MEND_CHANNEL),
    "channel_refused": Wording(N_("messages are refused, a person must mend this"), MEND_CHANNEL),
    "channel_sick": Wording(
        N_("its gateway or server cannot be reached, or cannot send"),
        N_(
            "Look at the gateway phone (network, SIM card, app), the login of the mail server, or the web"
            " server (does it run, is its certificate good); `flicbridge selfcheck` says more."
        ),
    ),
    "channel_weak": Wording(
        N_("the phone that sends its messages is not well"),
        N_("Look at the gateway phone: put it on its charger, look at its reception."),
    ),
    "replies_unread": Wording(
        N_("helpers' replies cannot be read, so they count for nothing"),
        N_("Look at the gateway phone, its address and its password."),
    ),
    "alert_unanswered": Wording(
        N_("nobody answered it, and nothing new is sent"),
        N_(
            "Ask what came of it. Then `flicbridge alerts ack ID` says that somebody is on it,"
            " `flicbridge alerts close ID` that it is over."
        ),
    ),
    # what it all stands on
    "store_sick": Wording(
        N_("cannot be written, alerts are sent from memory only"),
        N_("Look at the disk; `flicbridge selfcheck` says more."),
    ),
    "disk_full": Wording(N_("has hardly any room left on its disk"), MAKE_ROOM),
    "store_set_aside": Wording(
        N_("was damaged and is kept aside, a new one is used"),
        N_("Look at the damaged file, then remove it."),
    ),
    "store_too_new": Wording(
        N_("is of a newer flicbridge, another one is used"), N_("Install that newer version again.")
    ),
    "clock_wrong": Wording(
        N_("not set: times in messages are unknown, and secure connections fail"), SET_CLOCK
    ),
    "clock_stepped": Wording(
        N_("was set; times shown from before may be wrong"), N_("Nothing: it passes within a day.")
    ),
    "clock_unsynchronised": Wording(N_("its clock is not kept right by the network"), SET_CLOCK),
    "disk_low": Wording(N_("its disk has little room left"), MAKE_ROOM),
    "disk_read_only": Wording(
        N_("its disk cannot be written"), N_("Look at the disk or memory card; it may have to be replaced.")
    ),
    "memory_short": Wording(
        N_("its memory is nearly used up"), N_("End what else runs on it, or give it more memory.")
    ),
    "host_hot": Wording(
        N_("it is too hot, and slows down"), N_("Give it air, or a place away from the heating.")
    ),
    "under_voltage": Wording(
        N_("its power supply is too weak"), N_("Use the maker's own power supply and cable, then restart it.")
    ),
    # drills
    "self_test_failed": Wording(
        N_("failed: a press may not get through"), N_("Run `flicbridge test --list`: it says at which step.")
    ),
    "drill_failed": Wording(
        N_("did not get through"), N_("Run `flicbridge test --list`, and mend the channel it names.")
    ),
    "drill_overdue": Wording(
        N_("overdue"),
        N_("Hold it now: `flicbridge test self`, `flicbridge test own` or `flicbridge test exercise`."),
    ),
}


def problem(code: str, _: Translate) -> str:
    """What is wrong with a part; a code of another version as it came."""
    return _(PROBLEMS[code].what) if code in PROBLEMS else code


def remedy(code: str, _: Translate) -> str:
    """What to do about it; nothing for a code of another version."""
    return _(PROBLEMS[code].remedy) if code in PROBLEMS else ""


def part(subject: str, _: Translate) -> str:
    """A part of the bridge, such as `button:poche`."""
    kind, _colon, name = subject.partition(":")
    known = {
        "bridge": _("bridge"),
        "radio": _("Bluetooth radio"),
        "flicd": _("buttons through flicd"),
        "button": _("button {name}"),
        "channel": _("channel {name}"),
        "store": _("database"),
        "clock": _("clock of this machine"),
        "host": _("this machine"),
        "heartbeat": _("outside watch"),
        "recipient": _("recipient {name}"),
        "alert": _("alert {name}"),
        "api": _("local API"),
        "drill": drill(name, _),
    }
    return known[kind].format(name=name) if kind in known else subject


def drill(kind: str, _: Translate) -> str:
    """What is tried out."""
    known = {"self": _("self-test"), "own": _("message to oneself"), "exercise": _("exercise")}
    return known.get(kind, kind)
