"""What people read, in their language: one gettext catalogue, English in the code, French beside it.

The compiled catalogue is kept in the repository next to its source, so that running needs no build step;
`make texts` renews both, and a test holds them together.
"""

import gettext
from functools import cache
from pathlib import Path
from typing import Final

DOMAIN: Final = "flicbridge"
LANGUAGES: Final = ("fr", "en")
LOCALE_DIR: Final = Path(__file__).parent / "locale"

__all__ = ["DOMAIN", "LANGUAGES", "LOCALE_DIR", "N_", "translator"]


def N_(text: str) -> str:  # noqa: N802 - what gettext's tools look for
    """Mark a text for the catalogue where its language is not known yet."""
    return text


@cache
def translator(language: str) -> gettext.NullTranslations:
    """The catalogue of one of `LANGUAGES`, read once; `.gettext` translates an English text.

    Raises:
        ValueError: there is no catalogue for that language; the message names those there are.
    """
    if language not in LANGUAGES:
        raise ValueError(f"no texts in {language!r}; there are: {', '.join(LANGUAGES)}")
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, LOCALE_DIR, languages=[language])
