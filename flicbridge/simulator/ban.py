"""Stands in for the search of the Base Adresse Nationale, as the Géoplateforme offers it.

Sources: adresse.data.gouv.fr, "API Adresse" (the fields); geoservices.ign.fr, "Géocodage" (where it is now).
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from flicbridge.clock import Clock
from flicbridge.simulator.gateways.web import Reply, Request, WebGateway

PATH: Final = "/geocodage/search"
USUAL_LIMIT: Final = 5
LEAST_SCORE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Known:
    """An address that the base knows.

    Attributes:
        housenumber: empty for a street as a whole.
        context: number and name of the département, name of the region.
    """

    housenumber: str
    street: str
    postcode: str
    city: str
    citycode: str
    context: str
    latitude_deg: float
    longitude_deg: float

    @property
    def name(self) -> str:
        """What stands on the letter above the town."""
        return f"{self.housenumber} {self.street}".strip()

    @property
    def label(self) -> str:
        """The whole address."""
        return f"{self.name} {self.postcode} {self.city}"


LIMOGES: Final = "87, Haute-Vienne, Nouvelle-Aquitaine"
USUAL: Final = (
    Known("12", "Rue des Tilleuls", "87000", "Limoges", "87085", LIMOGES, 45.83362, 1.26105),
    Known("12", "Rue des Tilleuls", "87350", "Panazol", "87114", LIMOGES, 45.83991, 1.32102),
    Known("", "Rue des Tilleuls", "87000", "Limoges", "87085", LIMOGES, 45.83401, 1.26044),
    Known("3", "Place de l'Église", "87350", "Panazol", "87114", LIMOGES, 45.83880, 1.31010),
)


class FakeBan(WebGateway[str]):
    """The service, with a few addresses.

    Args:
        known: the addresses.
        clock: as for every WebGateway.

    Attributes:
        received: what was asked for.
    """

    def __init__(self, known: Iterable[Known] = USUAL, *, clock: Clock | None = None) -> None:
        super().__init__(clock=clock)
        self._known = tuple(known)

    @property
    def service(self) -> str:
        """What belongs into `[setup] geocoder`."""
        return f"{self.url}{PATH.removesuffix('/search')}"

    def answer(self, request: Request) -> Reply:
        target = urlsplit(request.path)
        if request.method != "GET" or target.path != PATH:
            return _json(404, {"code": 404, "message": "Not found"})
        asked = parse_qs(target.query)
        query = asked.get("q", [""])[0]
        if not 3 <= len(query) <= 200:
            detail = ["q: must contain between 3 and 200 chars and start with a number or a letter"]
            return _json(400, {"code": 400, "message": "Failed parsing query", "detail": detail})
        self._arrived(query)
        limit = int(asked.get("limit", [str(USUAL_LIMIT)])[0])
        found = self._found(query, limit)
        return _json(200, {"type": "FeatureCollection", "features": found, "query": query})

    def _found(self, query: str, limit: int) -> list[dict[str, Any]]:
        scored = [(likeness(query, known.label), known) for known in self._known]
        best = sorted((pair for pair in scored if pair[0] >= LEAST_SCORE), key=lambda pair: -pair[0])
        return [_feature(known, score) for score, known in best[:limit]]


def likeness(query: str, label: str) -> float:
    """From 0 to 1: the share of words that both have. The real score weighs more; its order is like this."""
    asked, known = _words(query), _words(label)
    return len(asked & known) / max(1, len(asked | known))


def _words(text: str) -> set[str]:
    plain = unicodedata.normalize("NFD", text.lower())
    return set(re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c))))


def _feature(known: Known, score: float) -> dict[str, Any]:
    is_house = bool(known.housenumber)
    properties: dict[str, Any] = {
        "label": known.label,
        "score": round(score, 6),
        "id": f"{known.citycode}_0001" + (f"_{int(known.housenumber):05}" if is_house else ""),
        "name": known.name,
        "postcode": known.postcode,
        "citycode": known.citycode,
        "city": known.city,
        "context": known.context,
        "type": "housenumber" if is_house else "street",
        "importance": 0.5,
        "street": known.street,
        "_type": "address",
    }
    if is_house:
        properties["housenumber"] = known.housenumber
    point = {"type": "Point", "coordinates": [known.longitude_deg, known.latitude_deg]}
    return {"type": "Feature", "geometry": point, "properties": properties}


def _json(status: int, value: dict[str, Any]) -> Reply:
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": "application/json; charset=utf-8"})
