"""A place on earth, as it is shown and sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A WGS 84 position.

    Attributes:
        latitude_deg: -90 to 90, north positive.
        longitude_deg: -180 to 180, east positive.
        accuracy_m: radius of confidence in metres, or None if nobody knows.
        age_s: how old the fix was when it was taken over; 0 for a fixed place.
        label: what people call it, such as "Cabinet 2".
    """

    latitude_deg: float
    longitude_deg: float
    accuracy_m: float | None = None
    age_s: float = 0.0
    label: str = ""

    def geo_uri(self) -> str:
        """The position as a `geo:` URI with five decimals (about a metre). Source: RFC 5870, section 3."""
        uncertainty = "" if self.accuracy_m is None else f";u={self.accuracy_m:g}"
        return f"geo:{self.latitude_deg:.5f},{self.longitude_deg:.5f}{uncertainty}"

    def decimal(self) -> str:
        """Latitude and longitude as a person can type them into a map: `45.83362,1.26105`."""
        return f"{self.latitude_deg:.5f},{self.longitude_deg:.5f}"
