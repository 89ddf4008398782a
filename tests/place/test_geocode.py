"""Where an address is, asked of a double of the national address base on a real socket."""

import subprocess
import sys
from collections.abc import AsyncGenerator

import pytest

from flicbridge.errors import LookupRefusedError
from flicbridge.place.geocode import Candidate, Precision, find_address
from flicbridge.place.position import Position
from flicbridge.simulator.ban import FakeBan, Known
from flicbridge.simulator.gateways import Fault

ADDRESS = "12 rue des Tilleuls, 87000 Limoges"


@pytest.fixture
async def ban() -> AsyncGenerator[FakeBan]:
    async with FakeBan() as ban:
        yield ban


async def refusal(ban: FakeBan, timeout_s: float = 2.0) -> str:
    with pytest.raises(LookupRefusedError) as raised:
        await find_address(ADDRESS, ban.service, timeout_s=timeout_s)
    return raised.value.reason


async def test_candidates_come_best_first_with_all_that_a_person_needs_to_choose(ban: FakeBan) -> None:
    best, *others = await find_address(ADDRESS, ban.service)
    position = Position(45.83362, 1.26105)
    label = "12 Rue des Tilleuls 87000 Limoges"
    assert best == Candidate(label, "87000 Limoges", 1.0, Precision.HOUSE, position)
    assert [each.precision for each in others] == [Precision.STREET, Precision.HOUSE]
    assert [each.score for each in others] == sorted((each.score for each in others), reverse=True)
    assert ban.received == [ADDRESS]


async def test_an_address_that_is_not_known_has_no_candidates(ban: FakeBan) -> None:
    assert await find_address("Avenida da Liberdade, Lisboa", ban.service) == []


@pytest.mark.parametrize("nothing", ["", " a "])
async def test_what_the_service_would_refuse_is_not_asked(ban: FakeBan, nothing: str) -> None:
    assert await find_address(nothing, ban.service) == []
    assert ban.attempts == 0


async def test_a_very_long_address_is_cut_rather_than_refused(ban: FakeBan) -> None:
    assert await find_address(ADDRESS + ", au fond de la cour" * 20, ban.service) != []
    assert [len(query) for query in ban.received] == [200]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(kind="status", status=429), "too_often"),
        (Fault(kind="status", status=503), "no_answer"),
        (Fault(kind="status", status=500), "refused"),
        (Fault(kind="hang"), "no_answer"),
        (Fault(kind="reset"), "unreachable"),
        (Fault(kind="refuse"), "unreachable"),
        (Fault(kind="captive"), "refused"),
    ],
)
async def test_a_service_that_fails_is_told_apart(ban: FakeBan, fault: Fault, reason: str) -> None:
    ban.fault = fault
    assert await refusal(ban) == reason


@pytest.mark.parametrize("latitude_deg", [91.0, float("nan")])
async def test_a_place_that_is_not_on_earth_is_not_believed(latitude_deg: float) -> None:
    nowhere = Known("12", "Rue des Tilleuls", "87000", "Limoges", "87085", "87", latitude_deg, 1.0)
    async with FakeBan([nowhere]) as ban:
        assert await refusal(ban) == "nonsense"


async def test_another_path_is_not_the_service(ban: FakeBan) -> None:
    with pytest.raises(LookupRefusedError) as raised:
        await find_address(ADDRESS, f"{ban.url}/elsewhere")
    assert raised.value.reason == "refused"


@pytest.mark.real_time
def test_the_bridge_does_not_even_know_how_to_ask() -> None:
    """The lookup is for the setup: nothing on the path of an alert can wait for it."""
    script = "import sys, flicbridge.bridge, flicbridge.cli.run; sys.exit('geopy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
