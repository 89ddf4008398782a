"""The alphabet of SMS: what it holds, what takes the place of the rest, how much fits into a message.

One character outside of it turns a whole message into UCS-2, and 160 characters into 70.
Source: 3GPP TS 23.038, section 6.2.1 (default alphabet and its extension table).
"""

import unicodedata
from functools import lru_cache
from typing import Final

from anyascii import anyascii
from gsm0338 import Codec  # type: ignore[import-untyped]

SINGLE_SEPTETS: Final = 160
PART_SEPTETS: Final = 153
"""What one part of a longer message holds: the header that joins the parts takes seven septets."""

ESCAPE: Final = 0x1B
_CODEC: Final = Codec()


def _decoded(*code: int) -> str:
    """The character behind one code, or nothing where the table has a gap."""
    text, _ = _CODEC.decode(bytes(code), "ignore")
    return str(text)


# Printable characters only. The codec also takes the escape itself, which would turn whatever follows into
# something else, and line and page breaks, which have no place in one line of text.
ALPHABET: Final = frozenset(
    character
    for code in range(128)
    for character in (_decoded(code), _decoded(ESCAPE, code))
    if character and character.isprintable()
)
EXTENSION: Final = "".join(sorted(c for c in ALPHABET if len(_CODEC.encode(c)[0]) == 2))

# Where the general transliteration reads oddly in French ("n°" as "ndeg", « as <<) or leaves the alphabet.
_BETTER: Final = {"°": "o", "«": '"', "»": '"', "`": "'"}


@lru_cache(maxsize=512)
def transliterate(text: str) -> str:
    """The same text on one line within the alphabet: é and à stay, ê and ç lose their accents.

    A visible character that nothing stands for becomes `?`, so that the reader knows something was there;
    what cannot be seen goes, and any white space becomes one space.
    """
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if ALPHABET.issuperset(line):
        return line
    return " ".join("".join(map(_replaced, line)).split())


def _replaced(character: str) -> str:
    if character in ALPHABET:
        return character
    plain = _BETTER.get(character) or anyascii(character)
    fitting = "".join(c if c in ALPHABET else _BETTER.get(c, "") for c in plain)
    return fitting if fitting or _is_invisible(character) else "?"


def _is_invisible(character: str) -> bool:
    """Tell controls, joiners and marks from what a reader would miss; the unassigned may be visible."""
    return unicodedata.category(character) in {"Cc", "Cf", "Mn", "Mc", "Me"}


def encode(text: str) -> bytes:
    """One byte per septet, an extension character as escape and code.

    Raises:
        UnicodeEncodeError: a character is outside the alphabet.
    """
    for at, character in enumerate(text):
        if character not in ALPHABET:
            raise UnicodeEncodeError(_CODEC.NAME, text, at, at + 1, "not in the GSM 03.38 alphabet")
    code, _ = _CODEC.encode(text)
    return bytes(code)


def septets(text: str) -> int:
    """How much room a text within the alphabet takes: two septets for [ ] { } ^ ~ | \\ and €, else one."""
    return len(text) + sum(map(text.count, EXTENSION))


def segments(text: str) -> int:
    """How many SMS a text within the alphabet becomes. No extension character is split between two."""
    if septets(text) <= SINGLE_SEPTETS:
        return 1
    parts = 0
    while text:
        parts += 1
        text = text[len(_first_part(text)) :]
    return parts


def _first_part(text: str) -> str:
    """As much of a text as fits into one part of several."""
    part = text[:PART_SEPTETS]
    while (excess := septets(part) - PART_SEPTETS) > 0:
        part = part[: -((excess + 1) // 2)]  # each character that goes frees one septet or two
    return part
