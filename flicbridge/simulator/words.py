"""The sentences of the timeline and of the verdict, in the language of the reader.

Every function takes the translation as `_`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flicbridge import durations
from flicbridge.alert.alert import Purpose
from flicbridge.simulator.timeline import Moment, What
from flicbridge.simulator.verdict import Check, Rule

type Translate = Callable[[str], str]

NOTHING: Final = "-"
SHOWN_OF_ID: Final = 8


def instant(at_s: float, _: Translate) -> str:
    """A time of the timeline: minutes, seconds, milliseconds."""
    whole_ms = max(0, round(at_s * 1000))
    minutes, rest_ms = divmod(whole_ms, 60_000)
    return _decimal(f"{minutes:02}:{rest_ms / 1000:06.3f}", _)


def span(seconds: float | None, _: Translate) -> str:
    """How long something took."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return _("{milliseconds} ms").format(milliseconds=round(seconds * 1000))
    if seconds < 120:
        return _("{seconds} s").format(seconds=_decimal(f"{seconds:.1f}", _))
    minutes, whole_s = divmod(round(seconds), 60)
    return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=whole_s)


def _decimal(number: str, _: Translate) -> str:
    # The decimal mark is a text like any other.
    return number.replace(".", _("."))


def sentence(moment: Moment, _: Translate) -> str:
    """What happened, in one line."""
    facts = moment.facts
    match moment.what:
        case What.GESTURE:
            does = reaction(facts["reaction"], _)
            words = _("{button}: gesture “{gesture}” recognised: {reaction}")
            return words.format(button=facts["button"], gesture=facts["gesture"], reaction=does)
        case What.TAKEN:
            return _taken(facts, _)
        case What.ARRIVED:
            return _arrived(facts, _)
        case What.DELIVERED:
            words = _("{recipient} ({channel}): on the phone, says the provider, {took} after the press")
            return words.format_map({**facts, "took": span(facts["took_s"], _)})
        case What.FAULT:
            kind = facts["kind"] if facts["status"] is None else f"{facts['kind']} {facts['status']}"
            return _("{channel}: the gateway misbehaves ({kind})").format(channel=facts["channel"], kind=kind)
        case What.MOVED:
            return _moved(facts, _)
        case What.OBSTACLE:
            return _obstacle(facts, _)
        case what:
            return _plain(what, _).format_map(facts)


def _plain(what: What, _: Translate) -> str:
    """The sentences that need nothing but their facts."""
    return {
        What.FINGER_DOWN: _("{button}: the finger goes down"),
        What.FINGER_UP: _("{button}: the finger lifts"),
        What.FAILED_TRY: _("{recipient} ({channel}): try {attempt} fails: {detail}"),
        What.REFUSED: _("{recipient} ({channel}): {detail}; trying again would not help"),
        What.GIVEN_UP: _("{recipient} ({channel}): {detail}"),
        What.WITHDRAWN: _("{recipient} ({channel}): not sent, no longer needed"),
        What.HEALED: _("{channel}: the gateway works again"),
        What.NETWORK_DOWN: _("the network breaks down"),
        What.NETWORK_UP: _("the network is back"),
        What.OUT_OF_RANGE: _("{button}: out of the radio's reach"),
        What.BACK_IN_RANGE: _("{button}: back in reach"),
        What.BATTERY_CHANGED: _("{button}: gets a new battery"),
        What.LINK_UP: _("{button}: connected"),
        What.LINK_LOST: _("{button}: connection lost"),
        What.RADIO_OFF: _("the Bluetooth adapter is switched off"),
        What.RADIO_ON: _("the Bluetooth adapter is switched on"),
        What.CRASHED: _("power cut: the bridge is dead"),
        What.STARTED: _("the power is back, the bridge starts"),
        What.ERROR: _("error in the log: {event} ({detail})"),
    }[what]


def _taken(facts: Mapping[str, Any], _: Translate) -> str:
    known = {
        "raised": _("alert {alert} is on disk, in {took}"),
        "joined": _("press no. {number} joins alert {alert}, on disk in {took}"),
        "cancelled": _("alert {alert} is cancelled, on disk in {took}"),
        "acknowledged": _("alert {alert} is acknowledged, on disk in {took}"),
        "known": _("the button repeats a press that is known: still alert {alert}"),
        "nothing": _("the press changes nothing"),
    }
    alert = (facts["alert"] or "")[:SHOWN_OF_ID]
    words = known[facts["effect"]].format(alert=alert, number=facts["number"], took=span(facts["took_s"], _))
    if facts["queued"]:
        words += _(" (the button had kept the press for {age})").format(age=span(facts["age_s"], _))
    return words if facts["safe"] else words + _(" - NOT ON DISK, it is sent from memory")


def _arrived(facts: Mapping[str, Any], _: Translate) -> str:
    place = {"medium": medium(facts["medium"], _), "recipient": facts["recipient"]}
    if facts["purpose"] is None and facts["explained"]:
        return _("{medium} to {recipient}: about the bridge itself").format_map(place)
    if facts["purpose"] is None:
        return _("{medium} to {recipient}, which no alert of this scenario owes").format_map(place)
    told, took = purpose(facts["purpose"], _), span(facts["took_s"], _)
    words = _("{medium} to {recipient}: {purpose}, {took} after the press")
    return words.format_map({**place, "purpose": told, "took": took})


def _moved(facts: Mapping[str, Any], _: Translate) -> str:
    known = {
        "acknowledged": _("alert {alert} is acknowledged by a person"),
        "cancelled": _("alert {alert} is cancelled by a person"),
    }
    by_itself = _("alert {alert}: {state}")
    words, stands = known.get(facts["happening"], by_itself), state(facts["happening"], _)
    return words.format(alert=facts["alert"][:SHOWN_OF_ID], state=stands)


def _obstacle(facts: Mapping[str, Any], _: Translate) -> str:
    known = {
        "bridge_is_dead": _("the bridge is not running"),
        "nothing_committed": _("nothing was committed, so the power was not cut"),
        "press_refused": _("the bridge refused the press"),
    }
    words = _("this step could not be played: {reason} ({detail})")
    return words.format(reason=known.get(facts["reason"], facts["reason"]), detail=facts["detail"])


def medium(name: str, _: Translate) -> str:
    """In which form a message comes."""
    return {"sms": _("SMS"), "webhook": _("Webhook"), "mail": _("Mail")}[name]


def purpose(name: str, _: Translate) -> str:
    """What a message tells."""
    return {
        Purpose.ALERT: _("alert"),
        Purpose.AGAIN: _("pressed again"),
        Purpose.REMINDER: _("reminder"),
        Purpose.CANCELLED: _("cancellation"),
        Purpose.DOUBTED: _("doubted cancellation"),
        Purpose.ANSWERED: _("somebody is on it"),
        Purpose.TESTED: _("what became of the test"),
    }[Purpose(name)]


def reaction(name: str, _: Translate) -> str:
    """What a gesture does."""
    known = {
        "alert": _("alert"),
        "test": _("test"),
        "cancel": _("cancellation"),
        "acknowledge": _("acknowledgement"),
        "none": _("nothing"),
    }
    return known.get(name, name)


# -- the verdict ---------------------------------------------------------------------------------------------


def rule(check: Check, _: Translate) -> str:
    """What is expected, in a few words."""
    known = {
        Rule.ALERTS: _("alerts raised"),
        Rule.TESTS: _("tests raised"),
        Rule.JOINED: _("presses that joined an alert"),
        Rule.MESSAGES: _("{about}: messages"),
        Rule.WITHIN: _("{about}: first message, after the press"),
        Rule.IN_TIME_AFTER_FAULT: _("{about}: first message, after the fault"),
        Rule.STATE: _("the alerts end as"),
        Rule.LATE: _("{about}: calls the press late, and says how late"),
        Rule.IN_TIME: _("{about}: calls the press late"),
        Rule.ESSENTIALS: _("every text says who, where, and whom to call back"),
        Rule.TEXT: _("every text says"),
        Rule.DUPLICATES: _("messages acted upon twice"),
        Rule.STRANGERS: _("messages that nobody owes"),
        Rule.SIGNATURES: _("forged webhooks"),
        Rule.FAILED: _("{about}: refused for good") if check.about else _("refusals"),
        Rule.UNDELIVERED: _("messages still waiting"),
        Rule.ERRORS: _("errors in the log"),
        Rule.PLAYED: _("steps that could not be played"),
    }
    return known[check.rule].format(about=check.about)


def value(check: Check, text: str, _: Translate) -> str:
    """What was expected or found."""
    if text == NOTHING:
        return _("none")
    if check.rule is Rule.MESSAGES:
        return ", ".join(_counted(each, _) for each in text.split())
    if check.rule in (Rule.WITHIN, Rule.IN_TIME_AFTER_FAULT):
        return span(durations.parse(text).total_seconds(), _)
    if check.rule is Rule.STATE:
        return ", ".join(state(each, _) for each in text.split(", "))
    known = {"yes": _("yes"), "no": _("no"), "wrong age": _("wrong age"), "all": _("all of it")}
    return known.get(text, text)


def state(name: str, _: Translate) -> str:
    """Where an alert stands in its life."""
    known = {
        "raised": _("raised, nobody told yet"),
        "notified": _("help was told"),
        "acknowledged": _("acknowledged"),
        "confirmed": _("confirmed"),
        "false_alarm": _("false alarm"),
        "cancelled": _("cancelled"),
        "unanswered": _("given up, nobody answered"),
        "closed": _("closed"),
    }
    return known.get(name, name)


def _counted(text: str, _: Translate) -> str:
    name, _colon, count = text.partition(":")
    return f"{count} × {purpose(name, _)}"


def is_about_nothing(check: Check) -> bool:
    """Tell whether a check is only that something did not happen, and it did not."""
    return check.ok and check.expected in ("0", NOTHING)
