"""Phone numbers: E.164 in the settings, the way people dial them in texts."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

HOW_TO_WRITE: Final = 'write it with + and the country code, digits only, such as "+33612345678"'

# France and the territories that share its dialling plan: from any of them, the national form reaches
# the others. Every other number keeps its country code, or it would ring at a stranger's.
FRENCH_PLAN: Final = frozenset({33, 262, 508, 590, 594, 596})

# Where a number that is dialled with 0 may be at home, besides the mainland.
OVERSEAS: Final = ("GP", "GF", "MQ", "RE", "YT")
# These heads belong to them alone, though the library's tables of the mainland let some of them pass.
# Source: the French numbering plan (Arcep).
OVERSEAS_ALONE: Final = re.compile(r"0(?:26[239]|59[046])\d{6}")

SHORT_NUMBER: Final = re.compile(r"\+?\d{1,6}")


@lru_cache(maxsize=256)
def national(e164: str) -> str:
    """An E.164 number as a person in France dials it: `06 12 34 56 78`, or `+32 470 12 34 56` for abroad.

    Never fails: what is no phone number comes back unchanged, for a text with a strange number in it is
    better than no text.
    """
    number = _parsed(e164)
    if number is None:
        return e164
    at_home = number.country_code in FRENCH_PLAN
    form = PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form)


def checked(e164: str) -> str:
    """Hand back an E.164 number, if it is one that can be called.

    Raises:
        ValueError: it is not; the message says what is wrong and how to write it.
    """
    if SHORT_NUMBER.fullmatch(e164):
        raise ValueError(
            f'short numbers such as "15" or "114" cannot be used, and {e164!r} looks like one: give the full '
            f"number that was agreed on with whoever answers there, and {HOW_TO_WRITE}"
        )
    number = _parsed(e164)
    if number is None or not e164.startswith("+"):
        raise ValueError(
            f"{e164!r} does not start with + and a country code that exists; {_suggestion(e164)}"
        )
    if not phonenumbers.is_valid_number(number):
        raise ValueError(f"{e164!r} {_flaw(number)}; {HOW_TO_WRITE}")
    if _e164(number) != e164:
        raise ValueError(f"{e164!r} is not plain E.164; {_suggestion(e164)}")
    return e164


def as_dialled(text: str) -> str:
    """The E.164 number that a person in France means by what they typed, such as `06 12 34 56 78`.

    Overseas they type theirs the same way: `0690 12 34 56`.

    Raises:
        ValueError: it is none that can be called; see `checked`.
    """
    typed = _typed(text)
    number = None if SHORT_NUMBER.fullmatch(typed) else _meant(typed)
    is_plain = number is not None and not any(map(str.isalpha, typed))
    return checked(_e164(number) if number is not None and is_plain else typed)


def is_same_number(sender: str, e164: str) -> bool:
    """Tell whether a sender, as its network writes it (`06 12 34 56 78`, `0033612345678`), is this number.

    A number without a country code is one of the country that we write to. A name is nobody's number.
    """
    known = _parsed(e164)
    if known is None:
        return False
    country = phonenumbers.region_code_for_number(known)
    found = _parsed(sender, country)
    return found is not None and not any(map(str.isalpha, sender)) and _e164(found) == e164


def _typed(text: str) -> str:
    """The text as typed on a keyboard: what is pasted may have special blanks and invisible marks in it."""
    plain = (" " if c.isspace() else c for c in text if unicodedata.category(c) != "Cf")
    return "".join(plain).strip()


def _meant(typed: str) -> PhoneNumber | None:
    """The number that is reached in France by dialling this; if none can be called, one of the mainland."""
    regions = ["FR", *OVERSEAS]
    if OVERSEAS_ALONE.fullmatch(re.sub(r"\D", "", typed)):
        regions.reverse()
    found = (_parsed(typed, region) for region in regions)
    called = (number for number in found if number is not None and phonenumbers.is_valid_number(number))
    return next(called, None) or _parsed(typed, "FR")


def _parsed(text: str, region: str | None = None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


def _e164(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _flaw(number: PhoneNumber) -> str:
    """What keeps a number from being called."""
    match phonenumbers.is_possible_number_with_reason(number):
        case phonenumbers.ValidationResult.TOO_SHORT:
            return "has too few digits"
        case phonenumbers.ValidationResult.TOO_LONG:
            return "has too many digits"
        case phonenumbers.ValidationResult.INVALID_COUNTRY_CODE:
            return "has a country code that does not exist"
        case _:
            return "is not in use as a phone number in its country"


def _suggestion(text: str) -> str:
    """How to write it, with this very number if it can be guessed: most installers are in France."""
    number = _meant(_typed(text))
    if number is None or not phonenumbers.is_valid_number(number):
        return HOW_TO_WRITE
    return f'write it with + and the country code, digits only: "{_e164(number)}"'
