"""What recipients and buttons are called in a bundle: by a number, for many are called like people. Pure.

Those of the settings are numbered in their order. Others, of settings that have changed since, are only known
from what the bridge says itself: they get no number.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flicbridge.logs import MASK
from flicbridge.selfcheck.kept import KEPT, WORD, pattern_of, recipient
from flicbridge.selfcheck.leaves import leaves

NAMING: Final = frozenset({"button", "channel", "recipient"})
"""Keys of status and log under which a name stands; also before a colon in a text."""
PREFIXED: Final = re.compile(rf"\b(?:{'|'.join(sorted(NAMING))}):({WORD.pattern})")
BARE: Final = re.compile(rf"({WORD.pattern})(?:/\w+)?")
"""A name alone, or that of a channel (`samu/0`), or of the small button of a Duo."""

RECIPIENTS: Final = "recipients.*.name"
BUTTONS: Final = "buttons.*.name"


def aliases(raw: Mapping[str, Any]) -> dict[str, str]:
    """By name, what it is called instead: `recipient-1`, `button-2`."""
    called: dict[str, str] = {}
    for kind, names in (("recipient", _recipients(raw)), ("button", _at(BUTTONS, raw))):
        for number, name in enumerate(dict.fromkeys(names), start=1):
            called.setdefault(name, f"{kind}-{number}")
    return called


def _recipients(raw: Mapping[str, Any]) -> Iterator[str]:
    """Those that there are; then those that somebody only thinks there are."""
    yield from _at(RECIPIENTS, raw)
    for key, shape in KEPT.items():
        if shape is recipient:
            yield from _at(key, raw)


def _at(key: str, raw: Mapping[str, Any]) -> Iterator[str]:
    for leaf in leaves(raw):
        if pattern_of(leaf.where) == key and isinstance(leaf.value, str) and WORD.fullmatch(leaf.value):
            yield leaf.value


def unlisted(said: Any, known: Mapping[str, str]) -> dict[str, str]:
    """Names that a status or a log says and the settings do not: they are masked."""
    return {name: MASK for name in _named(said, "") if name not in known}


def _named(value: Any, key: str) -> Iterator[str]:
    match value:
        case Mapping():
            for inner, item in value.items():
                is_button = key == "buttons" and inner == "name"
                yield from _named(item, "button" if is_button else str(inner))
        case list() | tuple():
            for item in value:
                yield from _named(item, key)
        case str():
            yield from PREFIXED.findall(value)
            if key in NAMING and (found := BARE.fullmatch(value)):
                yield found[1]
