"""Which settings may leave the house, key by key, and in which shape. Pure.

What is not listed here is masked, and so is a key that is added tomorrow. What is listed is masked too when
it does not have the shape that the list expects: in a file with mistakes anything may stand anywhere.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, unquote_plus, urlsplit
from zoneinfo import available_timezones

from flicbridge.alert.cadence import Cadence
from flicbridge.config.lines import Where
from flicbridge.durations import parse
from flicbridge.press.settings import ADDRESS_PATTERN, SERIAL_PATTERN
from flicbridge.selfcheck.settings import without_home

type Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
type Shape = Callable[[object], Json]
"""Returns what may be shown of a value; None if it does not have the shape."""

WORD: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
RHYTHM: Final = re.compile(r"(?:short|long)(?: (?:short|long)){0,15}")
HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}")


def word(value: object) -> Json:
    """The name of a bridge or button, and any choice between words."""
    return value if isinstance(value, str) and WORD.fullmatch(value) else None


def recipient(value: object) -> Json:
    """The name of a recipient."""
    return word(value)


def secret(value: object) -> Json:
    """The name of a secret; what names none may be the secret itself (see `redacted_settings`)."""
    return word(value)


def number(value: object) -> Json:
    """A number, or a yes or no."""
    return value if isinstance(value, bool | int | float) else None


def duration(value: object) -> Json:
    """Such as `10m`."""
    try:
        parse(value)
    except ValueError:
        return None
    return str(value)


def recurring(value: object) -> Json:
    """Such as `sun 18:00`, or `off`."""
    if not isinstance(value, str):
        return None
    try:
        if value != "off":
            Cadence.parse(value)
    except ValueError:
        return None
    return value


def zone(value: object) -> Json:
    """Such as `Europe/Paris`."""
    return value if isinstance(value, str) and value in available_timezones() else None


def host(value: object) -> Json:
    """The name or address of a machine."""
    return value if isinstance(value, str) and HOST.fullmatch(value) else None


def server(value: object) -> Json:
    """Of a web address the server alone: who logs in, the path and the question may be keys."""
    try:
        url = urlsplit(str(value))
        place, port = url.hostname or "", url.port
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or not HOST.fullmatch(place):
        return None
    where = f"[{place}]" if ":" in place else place
    return f"{url.scheme}://{where}{'' if port is None else f':{port}'}{'/***' if _says_more(url) else ''}"


def _says_more(url: SplitResult) -> bool:
    return bool(url.path.strip("/") or url.query or url.fragment or url.username or url.password)


def hidden_in(value: object) -> list[str]:
    """The parts of a web address that `server` leaves out."""
    try:
        url = urlsplit(str(value))
        parts = (url.username, url.password, url.path, url.query, url.fragment)
    except ValueError:
        return [str(value)]
    pieces = [piece for part in parts for piece in re.split(r"[/&=]", part or "")]
    return [piece for text in pieces for piece in {text, unquote_plus(text)} if piece]


def path(value: object) -> Json:
    """A file or folder, without whose home it is in."""
    return without_home(value) if isinstance(value, str) and "\n" not in value else None


def matching(pattern: str) -> Shape:
    """Text of a shape that people do not have."""
    shape = re.compile(pattern)
    return lambda value: value if isinstance(value, str) and shape.fullmatch(value) else None


CHANNEL: Final = "recipients.*.channels.*"

KEPT: Final[dict[str, Shape]] = {
    "bridge.id": word,
    "bridge.state_dir": path,
    "bridge.language": word,
    "bridge.timezone": zone,
    "alerts.join_within": duration,
    "alerts.renotify_every": duration,
    "alerts.fresh": duration,
    "alerts.tell_doctor.*": recipient,
    "alerts.duress_pin": secret,
    "alerts.late.after": duration,
    "alerts.late.plan": word,
    "alerts.late.notify.*": recipient,
    "alerts.give_up_after": duration,
    "alerts.keep_days": number,
    "alerts.test_notify.*": recipient,
    "radio.simulated": number,
    "radio.silence": duration,
    "radio.power_cycle": number,
    "radio.believe_test_key": number,
    "flicd.host": host,
    "flicd.port": number,
    "flicd.i_accept_spoofing": number,
    "rhythms.*": lambda value: value if isinstance(value, str) and RHYTHM.fullmatch(value) else None,
    "buttons.*.name": word,
    "buttons.*.family": word,
    "buttons.*.serial": matching(SERIAL_PATTERN),
    "buttons.*.address": matching(ADDRESS_PATTERN),
    "buttons.*.simulated": number,
    "buttons.*.link": word,
    "buttons.*.idle": duration,
    "buttons.*.long_press": duration,
    "buttons.*.double_window": duration,
    "buttons.*.debounce": duration,
    "buttons.*.gestures.*": word,
    "buttons.*.small_gestures.*": word,
    "recipients.*.name": recipient,
    "recipients.*.order": word,
    "recipients.*.next_after": duration,
    f"{CHANNEL}.transport": word,
    f"{CHANNEL}.timeout": duration,
    f"{CHANNEL}.patience": duration,
    f"{CHANNEL}.expires_after": duration,
    f"{CHANNEL}.url": server,
    f"{CHANNEL}.secret": secret,
    f"{CHANNEL}.ca_file": path,
    f"{CHANNEL}.host": host,
    f"{CHANNEL}.port": number,
    f"{CHANNEL}.security": word,
    f"{CHANNEL}.i_accept_cleartext": number,
    f"{CHANNEL}.sim": number,
    "plan.*.after": duration,
    "plan.*.notify.*": recipient,
    "plan.*.unless": word,
    "plan.*.repeat": duration,
    "plan.*.times": number,
    "drills.self_test": recurring,
    "drills.own.notify.*": recipient,
    "drills.own.at": recurring,
    "drills.exercise.notify.*": recipient,
    "drills.exercise.at": recurring,
    "maintainer.notify.*": recipient,
    "maintainer.heartbeat": secret,
    "maintainer.heartbeat_every": duration,
    "setup.geocoder": server,
    "api.listen": host,
    "api.metrics_token": secret,
    "api.public_url": server,
    "log.level": word,
    "log.format": word,
}
"""By key; a star stands for a place in a list, or for a name in a table that has free ones."""

FREE_TABLES: Final = frozenset({"rhythms", "buttons.*.gestures", "buttons.*.small_gestures"})
"""Tables whose keys are the installer's own words, or the names of gestures."""


def pattern_of(where: Where) -> str:
    """The way to a value as it stands in `KEPT`."""
    pattern = ""
    for step in where:
        is_free = isinstance(step, int) or pattern in FREE_TABLES
        pattern += "." * bool(pattern) + ("*" if is_free else str(step))
    return pattern


def personal(where: Where, value: object) -> list[str]:
    """What must not be shown of the value at this place, as it stands there."""
    shape = KEPT.get(pattern_of(where))
    if isinstance(value, bool) or value == "" or shape is path:
        return []
    if shape is server and shape(value) is not None:
        return hidden_in(value)
    if shape is not None and shape(value) == value:
        return []
    return [str(value), *(hidden_in(value) if "://" in str(value) else [])]


def shown(where: Where, value: object) -> Json:
    """What may be shown of the value at this place; None if nothing."""
    shape = KEPT.get(pattern_of(where))
    return None if shape is None else shape(value)
