"""What the words of the API are called by people, in the language of the settings.

Every function takes the translation as `_`. A word that is not known here, from a bridge of another version,
is shown as it came.
"""

from flicbridge.cli.shared import Translate
from flicbridge.texts.problems import drill as drill
from flicbridge.texts.problems import part as part
from flicbridge.texts.problems import problem as problem
from flicbridge.texts.problems import remedy as remedy


def duration(seconds: float, _: Translate) -> str:
    """A duration in the two units that matter, rounded down."""
    minutes, whole_s = divmod(int(seconds), 60)
    hours, whole_min = divmod(minutes, 60)
    days, whole_h = divmod(hours, 24)
    if days:
        return _("{days} d {hours} h").format(days=days, hours=whole_h)
    if hours:
        return _("{hours} h {minutes:02} min").format(hours=hours, minutes=whole_min)
    if minutes:
        return _("{minutes} min").format(minutes=minutes)
    return _("{seconds} s").format(seconds=whole_s)


def exactly(seconds: float, _: Translate) -> str:
    """A duration that somebody plans with: in all its units, without any loss down to the millisecond."""
    whole_s, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, whole_s = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [
        _("{days} d").format(days=days) if days else "",
        _("{hours} h").format(hours=hours) if hours else "",
        _("{minutes} min").format(minutes=minutes) if minutes else "",
        _("{seconds} s").format(seconds=whole_s) if whole_s or not seconds else "",
        _("{milliseconds} ms").format(milliseconds=milliseconds) if milliseconds else "",
    ]
    return " ".join(part for part in parts if part)


def labelled(label: str, value: str, _: Translate) -> str:
    """A value after what it is the value of; French puts a space before the colon."""
    return _("{label}: {value}").format(label=label, value=value)


def drill_result(result: str, _: Translate) -> str:
    """What came of a drill."""
    known = {
        "running": _("under way"),
        "ok": _("passed"),
        "sent": _("sent, no handset has confirmed it"),
        "partly": _("passed in part"),
        "failed": _("FAILED"),
        "interrupted": _("interrupted, says nothing"),
        "acknowledged": _("passed and answered"),
    }
    return known.get(result, result)


def radio(state: str, _: Translate) -> str:
    """How the radio is doing."""
    known = {"scanning": _("listening"), "silent": _("hears nothing"), "off": _("does not work")}
    return known.get(state, state)


def radio_step(step: str, _: Translate) -> str:
    """What the radio did last to hear something again."""
    known = {
        "scanner_restarted": _("search restarted"),
        "power_cycled": _("adapter switched off and on"),
        "not_power_cycled": _("adapter could not be switched off and on"),
        "reported": _("silence reported"),
    }
    return known.get(step, step)


def power_cycle(outcome: str, _: Translate) -> str:
    """Why the adapter could not be switched off and on."""
    known = {
        "no_adapter": _("there is none"),
        "switched_off": _("it is switched off"),
        "refused": _("not allowed for this user"),
        "blocked": _("blocked by rfkill"),
        "no_bus": _("the system's message bus cannot be reached"),
        "no_service": _("the Bluetooth service is not running"),
        "no_answer": _("no answer"),
        "failed": _("it failed"),
        "stays_off": _("it does not come on again, still trying"),
    }
    return known.get(outcome, outcome)


def link(state: str, _: Translate) -> str:
    """How a button is connected."""
    known = {
        "up": _("connected"),
        "waiting": _("not in reach"),
        "connecting": _("connecting"),
        "asleep": _("asleep until it is pressed"),
        "refused": _("refuses this bridge, pair it again"),
        "not_paired": _("not paired"),
    }
    return known.get(state, state)


def channel(state: str, _: Translate) -> str:
    """How a channel is doing."""
    known = {
        "ok": _("works"),
        "failing": _("fails, still trying"),
        "refused": _("refuses"),
        "unused": _("not used yet"),
    }
    return known.get(state, state)


def health(state: str, _: Translate) -> str:
    """How the other side of a channel says it is."""
    known = {"well": _("well"), "weak": _("not well"), "sick": _("does not work")}
    return known.get(state, state)


def kind(alert_kind: str, _: Translate) -> str:
    """Why help is called."""
    known = {"emergency": _("emergency"), "test": _("test"), "overdue": _("missed check-in")}
    return known.get(alert_kind, alert_kind)


def state(alert_state: str, _: Translate, *, alert_kind: str = "emergency") -> str:
    """Where an alert stands in its life."""
    known = {
        "raised": _("raised, nobody told yet"),
        "notified": _("test message sent") if alert_kind == "test" else _("help was told"),
        "acknowledged": _("acknowledged"),
        "confirmed": _("confirmed"),
        "false_alarm": _("false alarm"),
        "cancelled": _("cancelled"),
        "unanswered": _("given up, nobody answered"),
        "closed": _("closed"),
    }
    return known.get(alert_state, alert_state)


def actor(by: str, _: Translate, *, reached: bool = False) -> str:
    """Who made something happen, such as `button:poche`; or who was reached by it."""
    who, _colon, name = by.partition(":")
    if who == "button" and name.endswith("/small"):
        return _("small button of {name}").format(name=name.removesuffix("/small"))
    known = {
        "button": _("button {name}"),
        "recipient": _("{name} reached") if reached else "{name}",
        "api": _("through the local API"),
        "cli": _("on the command line"),
        "bridge": _("by itself"),
        "drill": drill(name, _),
    }
    return known[who].format(name=name) if who in known else by


def way(how: str, _: Translate) -> str:
    """How it reached us that a person did something; nothing for ways that go without saying."""
    known = {"link": _("with the link in the message"), "sms": _("by SMS")}
    return known.get(how, "")


def fact(name: str, _: Translate) -> str:
    """One of the five facts about an alert."""
    known = {
        "accepted_by_us": _("accepted by this bridge"),
        "accepted_by_provider": _("accepted by a provider"),
        "delivered_to_handset": _("delivered to a handset"),
        "acknowledged_by_person": _("acknowledged by a person"),
        "doubt_cleared": _("doubt cleared"),
    }
    return known.get(name, name)


def happening(what: str, _: Translate) -> str:
    """One line of an alert's history."""
    known = {
        "raised": _("alert raised"),
        "pressed_again": _("pressed again"),
        "notified": _("help was told"),
        "doubted": _("cancelled without the PIN, not believed"),
        "doubted_answer": _("acknowledged without the PIN, not believed"),
    }
    return known.get(what) or state(what, _)


def delivery(delivery_state: str, _: Translate) -> str:
    """Where a message stands."""
    known = {
        "reserve": _("in reserve, for when the channel before it fails"),
        "queued": _("waiting"),
        "sending": _("being sent"),
        "sent": _("sent"),
        "delivered": _("delivered"),
        "failed": _("failed for good"),
        "expired": _("given up, too old"),
        "withdrawn": _("not sent, no longer needed"),
    }
    return known.get(delivery_state, delivery_state)


def outcome(after_try: str, _: Translate) -> str:
    """What came of one try to send a message."""
    known = {
        "queued": _("failed, will be tried again"),
        "temporary": _("failed, will be tried again"),
        "rate_limited": _("asked to come later, will be tried again"),
        "unknown": _("not answered, may have arrived; will be tried again"),
        "permanent": _("refused for good"),
    }
    return known[after_try] if after_try in known else delivery(after_try, _)


def purpose(delivery_purpose: str, _: Translate) -> str:
    """What a message tells."""
    known = {
        "alert": _("alert"),
        "again": _("pressed again"),
        "reminder": _("reminder"),
        "cancelled": _("cancellation"),
        "doubted": _("doubted cancellation"),
        "answered": _("somebody is on it"),
        "tested": _("what became of the test"),
    }
    return known.get(delivery_purpose, delivery_purpose)
