"""Which geocoder the setup asks."""

import pytest

from flicbridge.place.settings import GEOPLATEFORME, SetupSettings


def test_the_present_home_of_the_national_address_base_is_asked() -> None:
    assert SetupSettings().geocoder == GEOPLATEFORME == "https://data.geopf.fr/geocodage"


def test_a_practice_may_ask_its_own(tmp_path: object) -> None:
    assert SetupSettings(geocoder=" http://127.0.0.1:7878/ ").geocoder == "http://127.0.0.1:7878"


@pytest.mark.parametrize(
    "address",
    ["", "data.geopf.fr/geocodage", "ftp://data.geopf.fr", "https://", "https://a.fr/?q=1", "https://u:p@a.fr",
     "https://a.fr:99999", "https://[::1"],
)  # fmt: skip
def test_what_is_no_geocoder_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(ValueError, match=r"write it like \"https://data\.geopf\.fr/geocodage\""):
        SetupSettings(geocoder=address)
