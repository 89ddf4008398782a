"""Settings of the place: which service says where an address is. Asked during the setup, and never after."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema

from flicbridge.fields import Table, shown

GEOPLATEFORME: Final = "https://data.geopf.fr/geocodage"
"""The French national address base, since api-adresse.data.gouv.fr was closed in January 2026.

Source: geoservices.ign.fr, "Géocodage".
"""


def checked_service(text: str) -> str:
    """Return the address of a geocoder, without a slash at its end.

    Raises:
        ValueError: it is none.
    """
    advice = f'write it like "{GEOPLATEFORME}"'
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{shown(text)} is no address of a geocoder; {advice}")
    return text.strip().rstrip("/")


ServiceAddress = Annotated[
    str, AfterValidator(checked_service), WithJsonSchema({"type": "string", "format": "uri"})
]


class SetupSettings(Table):
    """What `flicbridge setup` needs, and nothing else does."""

    geocoder: ServiceAddress = Field(
        default=GEOPLATEFORME,
        description="Where `flicbridge setup` asks for the coordinates of the practice: a service with the"
        " search of the Base Adresse Nationale. An alert never waits for it.",
        examples=[GEOPLATEFORME],
    )
