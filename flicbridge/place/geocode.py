"""Where an address is, by the French national address base (BAN). For the setup; no alert ever waits for it.

Sources: geoservices.ign.fr, "Géocodage" (search, 50 requests a second, then 429 for five seconds); the fields
of an answer: adresse.data.gouv.fr, "API Adresse".
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from geopy.adapters import AioHTTPAdapter  # type: ignore[import-untyped]
from geopy.exc import (  # type: ignore[import-untyped]
    GeocoderRateLimited,
    GeocoderTimedOut,
    GeocoderUnavailable,
    GeopyError,
)
from geopy.geocoders import BANFrance  # type: ignore[import-untyped]

from flicbridge import __version__
from flicbridge.errors import LookupRefusedError
from flicbridge.place.position import Position

TIMEOUT_S: Final = 10.0
MOST: Final = 5
# The service refuses longer and shorter questions.
LONGEST_QUERY: Final = 200
SHORTEST_QUERY: Final = 3


class Precision(StrEnum):
    """What was found."""

    HOUSE = "housenumber"
    STREET = "street"
    LOCALITY = "locality"
    TOWN = "municipality"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that an address may mean.

    Attributes:
        label: the whole address, as the base writes it.
        city: with its postcode.
        score: from 0 to 1, how well it fits what was asked for.
        precision: whether the door itself was found, or only its street.
        position: where that is.
    """

    label: str
    city: str
    score: float
    precision: Precision
    position: Position


async def find_address(address: str, service: str, *, timeout_s: float = TIMEOUT_S) -> list[Candidate]:
    """Ask where an address is; return what it may mean, best first.

    Args:
        address: as people write it.
        service: the address of the geocoder, from `SetupSettings`.
        timeout_s: the longest wait.

    Raises:
        LookupRefusedError: it could not be asked, or what it said makes no sense; `reason` says which.
    """
    query = address.strip()[:LONGEST_QUERY]
    if len(query) < SHORTEST_QUERY:
        return []
    parts = urlsplit(service)
    ban = BANFrance(
        domain=f"{parts.netloc}{parts.path}",
        scheme=parts.scheme,
        timeout=timeout_s,
        user_agent=f"flicbridge/{__version__}",
        adapter_factory=AioHTTPAdapter,
    )
    try:
        async with ban:
            with warnings.catch_warnings():  # of coordinates that are none: they are refused below
                warnings.filterwarnings("ignore", module="geopy")
                found = await ban.geocode(query, limit=MOST, exactly_one=False)
        return [_candidate(place.raw) for place in found or []]
    except GeopyError as error:
        raise LookupRefusedError(_reason(error), str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise LookupRefusedError("nonsense", type(error).__name__) from error


def _candidate(feature: Mapping[str, Any]) -> Candidate:
    """One feature of the answer, checked: it ends up in a message to people who drive there."""
    facts = feature["properties"]
    longitude_deg, latitude_deg = (float(degrees) for degrees in feature["geometry"]["coordinates"][:2])
    if not (-90 <= latitude_deg <= 90 and -180 <= longitude_deg <= 180):
        raise ValueError("no place on earth")
    kind = str(facts.get("type", ""))
    return Candidate(
        label=str(facts["label"]),
        city=" ".join(str(facts[key]) for key in ("postcode", "city") if facts.get(key)),
        score=float(facts.get("score", 0.0)),
        precision=Precision(kind) if kind in list(Precision) else Precision.UNKNOWN,
        position=Position(latitude_deg, longitude_deg),
    )


def _reason(error: GeopyError) -> str:
    match error:
        case GeocoderRateLimited():
            return "too_often"
        case GeocoderTimedOut():
            return "no_answer"
        case GeocoderUnavailable():
            return "unreachable"
    return "refused"
