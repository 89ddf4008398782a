"""A net for the names, numbers, places and secrets of one practice, in all forms they are written in. Pure.

It is the last net, below others that know what a value means: this one only knows the values. So it takes too
much rather than too little: the words of a name are caught one by one, and inside other words, too.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import Any, Final
from urllib.parse import quote, quote_plus

from flicbridge.logs import MASK

# Shorter ones are no names, and would take half of every text with them: a word of three letters is one only
# with a capital, like Zoé, unlike rue.
SHORTEST_WORD: Final = 4
SHORTEST_VALUE: Final = 3
# Shorter ones are only caught where they stand alone.
SHORTEST_INSIDE: Final = 5

PHONE: Final = re.compile(r"[+\d][\d\s().-]{7,24}")
# Of a number, so many digits at its end are the same in every way to write it.
SAME_DIGITS: Final = 8
_BETWEEN_DIGITS: Final = r"(?:[\s.()/\u00a0\u202f-]|%20|%C2%A0|%E2%80%AF|\\u00a0|\\u202f|\+|&nbsp;){0,3}"
_BEFORE_DIGITS: Final = r"(?:(?:\+|%2B|00)?\d{0,4}(?:[\s.()-]|%20){0,2}\d{0,3}(?:[\s.()-]|%20){0,2})"

# The provider behind a mail address is nobody's name, and often that of a server that is looked at here.
MAIL_DOMAIN: Final = re.compile(r"(?<=[\w.+-])@[A-Za-z0-9.-]+")

COORDINATE: Final = re.compile(r"(-?\d{1,3})\.(\d{2})\d*")


class Net:
    """Takes everything out of texts that is one of these values.

    Args:
        personal: names, numbers, addresses, positions: as they stand in the settings.
        secrets: caught as a whole only, however short.
        aliases: lower-case names, and what takes their place.
    """

    def __init__(
        self, personal: Iterable[str], secrets: Iterable[str] = (), aliases: Mapping[str, str] | None = None
    ) -> None:
        self._aliases = aliases or {}
        patterns = {pattern for value in personal for pattern in _patterns(value)}
        patterns |= {pattern for secret in secrets for pattern in _exactly(secret, shortest=1)}
        patterns |= {_standing_alone(name) for name in self._aliases}
        longest_first = sorted(patterns, key=lambda pattern: (-len(pattern), pattern))
        self._caught = re.compile("|".join(longest_first), re.IGNORECASE) if longest_first else None

    def clean(self, text: str) -> str:
        """The text without any of the values."""
        return text if self._caught is None else self._caught.sub(self._instead, text)

    def _instead(self, found: re.Match[str]) -> str:
        return self._aliases.get(found[0].lower(), MASK)

    def through(self, value: Any) -> Any:
        """JSON without any of the values, in keys or texts, or as a number."""
        match value:
            case str():
                return self.clean(value)
            case Mapping():
                return {self.clean(str(key)): self.through(item) for key, item in value.items()}
            case list() | tuple():
                return [self.through(item) for item in value]
            case float():
                return value if self.clean(str(value)) == str(value) else MASK
            case _:
                return value


def _patterns(value: str) -> Iterator[str]:
    """What to look for so that a personal value is found."""
    yield from _exactly(value)
    if PHONE.fullmatch(value.strip()):
        yield from _number(re.sub(r"\D", "", value))
    if found := COORDINATE.fullmatch(value):
        yield rf"{re.escape(found[1])}[.,]{found[2]}\d*"
    if "://" in value:
        return  # made of a protocol, a server and keys; who knows about settings asks for the keys one by one
    telling = MAIL_DOMAIN.sub("", value)
    for word in re.findall(r"\w+", telling):
        if len(word) >= SHORTEST_WORD or word.istitle():
            yield from _exactly(word)


def _number(digits: str) -> Iterator[str]:
    """A phone number, national or not, with or without anything between its digits."""
    yield _BEFORE_DIGITS + _BETWEEN_DIGITS.join(digits[-SAME_DIGITS:])


def _standing_alone(name: str) -> str:
    """A name of a recipient or button; a short one is a word of ours as well, such as `hub` in `hub-key`."""
    beside = r"\w" if len(name) >= SHORTEST_INSIDE else r"[\w-]"
    return rf"(?<!{beside}){''.join(map(_character, name))}(?!{beside})"


def _exactly(value: str, *, shortest: int = SHORTEST_VALUE) -> Iterator[str]:
    text = unicodedata.normalize("NFC", value.strip())
    spelt = "".join(map(_character, text))
    if len(text) >= SHORTEST_INSIDE:
        yield spelt
    elif len(text) >= shortest:
        yield rf"(?<!\w){spelt}(?!\w)"


@lru_cache(maxsize=1024)
def _character(character: str) -> str:
    """One character, large or small, with or without its accent, as JSON, addresses and pages write it."""
    plain = {character, character.lower(), character.upper()}
    plain |= {unicodedata.normalize("NFD", form) for form in plain} | {
        _without_accents(form) for form in plain
    }
    written = {write(form) for form in plain for write in _WRITTEN}
    if character in "'\"":
        written.add(f"\\{character}")  # as Python shows a text that has both
    longest_first = sorted(written, key=lambda form: (-len(form), form))
    return f"(?:{'|'.join(map(re.escape, longest_first))})"


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _as_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _as_ascii_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _quoted_wholly(text: str) -> str:
    return quote(text, safe="")


_WRITTEN: Final = (str, _as_json, _as_ascii_json, quote, _quoted_wholly, quote_plus, escape)
"""How a text is written elsewhere."""
