"""What people type, made into what the settings hold; and why it cannot be, in their language."""

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from flicbridge.cli.setup.talk import Read
from flicbridge.cli.shared import Translate

if TYPE_CHECKING:
    from flicbridge.alert.settings import PositionSettings

# Decimals with a point or a comma, between them blanks, a comma or a semicolon.
_COORDINATES: Final = re.compile(r"(?:geo:)?\s*([+-]?\d+(?:[.,]\d+)?)\s*[;,\s]\s*([+-]?\d+(?:[.,]\d+)?)\s*")


def line(_: Translate) -> Read[str]:
    """A line of text."""
    from flicbridge.fields import LONGEST_LINE
    from flicbridge.fields import line as checked

    too_long = _("This has {length} characters; {longest} at most.")
    within = _checked(checked, _("Write something, on one line and without control keys."))

    def read(typed: str) -> str:
        if len(typed) > LONGEST_LINE:
            raise ValueError(too_long.format(length=len(typed), longest=LONGEST_LINE))
        return within(typed)

    return read


def phone(_: Translate) -> Read[str]:
    """A phone number, as people in France dial it or with its country code; E.164."""
    from flicbridge.alert.phone import as_dialled

    reason = _(
        "This is no phone number that can be called. Write it like 06 12 34 56 78, or with its country code"
        " like +33612345678. Short numbers such as 15 cannot be used."
    )
    return _checked(as_dialled, reason)


def name(_: Translate) -> Read[str]:
    """A short name, as the settings use them; made of what was typed, if it can be."""
    from flicbridge.fields import slug

    def read(typed: str) -> str:
        try:
            return slug(typed)
        except ValueError as error:
            near = str(error).rpartition('such as "')[2].removesuffix('"')
            reason = _('This name cannot be used: small letters, digits, - and _ only, such as "{near}".')
            raise ValueError(reason.format(near=near)) from error

    return read


def near_name(text: str) -> str:
    """The short name nearest to a text for people."""
    from flicbridge.fields import slug

    try:
        return slug(text)
    except ValueError as error:
        return str(error).rpartition('such as "')[2].removesuffix('"')


def mail(_: Translate) -> Read[str]:
    """A mail address."""
    from flicbridge.transport.email import checked_address

    return _checked(checked_address, _("This is no mail address. Write it like garde@example.fr."))


def url(_: Translate, example: str) -> Read[str]:
    """The address of a web server."""
    from flicbridge.transport.exchange import checked_url

    reason = _("This is no web address that can be used. Write it like {example}, without a password in it.")
    return _checked(checked_url, reason.format(example=example))


def host(_: Translate) -> Read[str]:
    """The name of a machine."""
    from flicbridge.press.settings import checked_host

    return _checked(checked_host, _("This is no name of a machine. Write it like smtp.example.fr."))


def port(_: Translate) -> Read[int]:
    """A TCP port."""

    def read(typed: str) -> int:
        if not typed.isdecimal() or not 1 <= int(typed) <= 65535:
            raise ValueError(_("Type a number from 1 to 65535."))
        return int(typed)

    return read


def wait(_: Translate) -> Read[str]:
    """How long after the press, as the settings write it."""
    from flicbridge.durations import parse, show

    def read(typed: str) -> str:
        try:
            after = parse(f"{typed}s" if typed.isdecimal() else typed)
        except ValueError as error:
            raise ValueError(_("Write a duration like 0s, 60s or 2m.")) from error
        if after.total_seconds() > 3600:
            raise ValueError(_("This is too late to help: an hour at most."))
        return show(after)

    return read


def coordinates(_: Translate) -> "Read[PositionSettings]":
    """Latitude and longitude, as maps show them."""
    from pydantic import ValidationError

    from flicbridge.alert.settings import PositionSettings

    reason = _("Write latitude and longitude as a map shows them, such as 45.83362, 1.26105.")

    def read(typed: str) -> PositionSettings:
        found = _COORDINATES.fullmatch(typed)
        if found is None:
            raise ValueError(reason)
        latitude, longitude = (float(number.replace(",", ".")) for number in found.groups())
        try:
            return PositionSettings(latitude=latitude, longitude=longitude)
        except ValidationError as error:
            raise ValueError(reason) from error

    return read


def far_from_france(latitude_deg: float, longitude_deg: float) -> bool:
    """Whether a place is nowhere near the mainland: most often latitude and longitude were swapped."""
    away_km = math.hypot(latitude_deg - 46.5, (longitude_deg - 2.5) * 0.69) * 111
    return away_km > 1000


def _checked(check: Callable[[str], str], reason: str) -> Read[str]:
    def read(typed: str) -> str:
        try:
            return check(typed)
        except ValueError as error:
            raise ValueError(reason) from error

    return read
