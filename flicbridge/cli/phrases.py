"""What the words of the API are called by people, in the language of the settings.

Every function takes the translation as `_`. A word that is not known here, from a bridge of another version,
is shown as it came.
"""

from flicbridge.cli.shared import Translate


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


def labelled(label: str, value: str, _: Translate) -> str:
    """A value after what it is the value of; French puts a space before the colon."""
    return _("{label}: {value}").format(label=label, value=value)


def part(subject: str, _: Translate) -> str:
    """A part of the bridge, such as `button:poche`."""
    kind, _colon, name = subject.partition(":")
    known = {
        "radio": _("Bluetooth radio"),
        "button": _("button {name}"),
        "channel": _("channel {name}"),
        "store": _("database"),
        "api": _("local API"),
    }
    return known[kind].format(name=name) if kind in known else subject


def problem(code: str, _: Translate) -> str:
    """What is wrong with a part."""
    known = {
        "radio_off": _("does not work, no real button is heard"),
        "not_paired": _("not paired, so it is not heard; run `flicbridge pair`"),
        "not_connected": _("out of reach, or its battery is empty"),
        "battery_low": _("battery low, change it soon"),
        "battery_critical": _("battery nearly empty, change it today"),
        "tampering": _("somebody tried to pass for it"),
        "presses_lost": _("presses were lost before they reached this computer"),
        "channel_failing": _("messages cannot be sent at the moment, still trying"),
        "channel_refused": _("messages are refused, a person must mend this"),
        "api_impaired": _("cannot be reached in every way that was asked for"),
        "store_sick": _("cannot be written, alerts are sent from memory only"),
    }
    return known.get(code, code)


def link(state: str, _: Translate) -> str:
    """How a button is connected."""
    known = {
        "up": _("connected"),
        "waiting": _("not in reach"),
        "connecting": _("connecting"),
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


def kind(alert_kind: str, _: Translate) -> str:
    """Why help is called."""
    known = {"emergency": _("emergency"), "test": _("test"), "overdue": _("missed check-in")}
    return known.get(alert_kind, alert_kind)


def state(alert_state: str, _: Translate) -> str:
    """Where an alert stands in its life."""
    known = {
        "raised": _("raised, nobody told yet"),
        "notified": _("help was told"),
        "acknowledged": _("acknowledged"),
        "confirmed": _("confirmed"),
        "false_alarm": _("false alarm"),
        "cancelled": _("cancelled"),
        "closed": _("closed"),
    }
    return known.get(alert_state, alert_state)


def actor(by: str, _: Translate) -> str:
    """Who made something happen, such as `button:poche`."""
    who, _colon, name = by.partition(":")
    known = {
        "button": _("button {name}"),
        "recipient": _("{name} reached"),
        "api": _("through the local API"),
        "bridge": _("by itself"),
    }
    return known[who].format(name=name) if who in known else by


def happening(what: str, _: Translate) -> str:
    """One line of an alert's history."""
    known = {"raised": _("alert raised"), "pressed_again": _("pressed again"), "notified": _("help was told")}
    return known.get(what) or state(what, _)


def delivery(delivery_state: str, _: Translate) -> str:
    """Where a message stands."""
    known = {
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
    return _("failed, will be tried again") if after_try == "queued" else delivery(after_try, _)


def purpose(delivery_purpose: str, _: Translate) -> str:
    """What a message tells."""
    known = {"alert": _("alert"), "again": _("pressed again"), "cancelled": _("cancellation")}
    return known.get(delivery_purpose, delivery_purpose)
