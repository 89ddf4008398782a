"""What a helper's SMS says: a word and the code of an alert, however people write it. Pure.

    OK K7Q3      somebody is on it
    OUI K7Q3     it is real
    FAUX K7Q3    it is a false alarm

The word comes first and the code next; capitals, accents, punctuation and whatever follows do not matter.
Anything else is no answer, and nobody gets an answer to it: a stranger must not learn that there is a code.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from flicbridge.alert.alert import Happening
from flicbridge.alert.seal import ALPHABET, CODE_LENGTH

WORDS: Final = {
    "OK": Happening.ACKNOWLEDGED,
    "OUI": Happening.CONFIRMED,
    "YES": Happening.CONFIRMED,
    "FAUX": Happening.FALSE_ALARM,
    "FALSE": Happening.FALSE_ALARM,
}

# People quote and greet; but a code deep inside a text may be part of what they quote.
PATTERN: Final = re.compile(
    rf"\W*(?P<word>{'|'.join(WORDS)})\W*\b(?P<code>[{ALPHABET}]{{{CODE_LENGTH}}})\b", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody said of the alert with a code."""

    code: str
    what: Happening


def read_reply(text: str) -> Reply | None:
    """Read an SMS; None if it is no answer to an alert."""
    found = PATTERN.match(_plain(text))
    return None if found is None else Reply(found["code"], WORDS[found["word"]])


def _plain(text: str) -> str:
    """In capitals of the plain alphabet: phones put accents and full-width letters where nobody asked."""
    decomposed = unicodedata.normalize("NFKD", text[:200])
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).upper()
