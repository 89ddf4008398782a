"""Step 4 of the setup: an address and its point on the map belong together."""

import re
import tomllib
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from flicbridge.cli.setup import place
from flicbridge.cli.setup.site import Site
from flicbridge.simulator.gateways import Fault


class Person(Protocol):
    site: Site
    shown: str


type Typing = Callable[..., Person]


def raw(site: Site) -> dict[str, Any]:
    return tomllib.loads(site.draft.path.read_text(encoding="utf-8"))


@pytest.mark.real_time
def test_a_base_that_cannot_be_reached_does_not_stop_the_setup(person: Typing, ban: Any) -> None:
    ban.fault = Fault(kind="status", status=503)
    somebody = person("12 rue des Tilleuls, 87000 Limoges", "2", "45.83362, 1.26105")
    place.ask_place(somebody.site)
    assert "does not answer" in somebody.shown
    assert raw(somebody.site)["practice"]["position"] == {"latitude": 45.83362, "longitude": 1.26105}


@pytest.mark.real_time
def test_another_spelling_is_searched_for_and_goes_with_its_point(person: Typing, ban: Any) -> None:
    somebody = person("Chez Anne, Limoges", "1", "Rue des Tilleuls 87000 Limoges", "1")
    place.ask_place(somebody.site)
    practice = raw(somebody.site)["practice"]
    assert practice["address"] == "Rue des Tilleuls 87000 Limoges"
    assert practice["position"] == {"latitude": 45.83401, "longitude": 1.26044}
    assert "This is not the door itself." in somebody.shown


@pytest.mark.real_time
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("again", "answers", "address"),
    [
        ("12 rue des Tilleuls, 87000 Limoges", [], "12 rue des Tilleuls, 87000 Limoges"),
        ("12 tilleuls limoges", ["o"], "12 Rue des Tilleuls 87000 Limoges"),
        ("12 tilleuls limoges", ["n"], "12 tilleuls limoges"),
    ],
)
def test_the_point_of_one_town_never_stands_beside_the_address_of_another(
    person: Typing, ban: Any, language: str, again: str, answers: list[str], address: str
) -> None:
    first = "12 rue des Tilleuls, 87350 Panazol"  # for which the base has three candidates
    somebody = person(first, "4", again, "1", *answers, language=language)
    place.ask_place(somebody.site)
    practice = raw(somebody.site)["practice"]
    assert practice["address"] == address
    assert practice["position"] == LIMOGES
    assert re.search(f"{address} ?; .*45.83362,1.26105", somebody.shown), "both are shown, side by side"


LIMOGES = {"latitude": 45.83362, "longitude": 1.26105}


@pytest.fixture
def on_the_map(person: Typing, ban: Any) -> None:
    """The practice has an address and its point."""
    place.ask_place(person("12 rue des Tilleuls 87000 Limoges", "1").site)


@pytest.mark.real_time
@pytest.mark.usefixtures("on_the_map")
def test_a_changed_address_without_a_point_takes_the_old_point_away(person: Typing) -> None:
    somebody = person("Lieu-dit Les Bordes", "3")
    place.ask_place(somebody.site)
    assert "Helpers get the address alone." in somebody.shown
    assert raw(somebody.site)["practice"] == {"address": "Lieu-dit Les Bordes"}


@pytest.mark.real_time
@pytest.mark.usefixtures("on_the_map")
def test_a_changed_address_has_no_point_while_it_is_searched_for(person: Typing) -> None:
    """Somebody who stops there, and takes what is offered the next time, does not send helpers astray."""
    somebody = person("3 place de l'Église, 87350 Panazol")
    with pytest.raises(EOFError):
        place.ask_place(somebody.site)
    assert raw(somebody.site)["practice"] == {"address": "3 place de l'Église, 87350 Panazol"}
    place.ask_place(person("", "1").site)
    assert raw(somebody.site)["practice"]["position"]["latitude"] == 45.8388


@pytest.mark.real_time
@pytest.mark.usefixtures("on_the_map")
def test_a_point_that_is_not_kept_and_not_replaced_is_gone(person: Typing) -> None:
    somebody = person("", "n", "6")
    place.ask_place(somebody.site)
    assert raw(somebody.site)["practice"] == {"address": "12 rue des Tilleuls 87000 Limoges"}


@pytest.mark.real_time
@pytest.mark.usefixtures("on_the_map")
def test_the_point_that_is_offered_again_is_shown_with_its_address(person: Typing) -> None:
    somebody = person("", "")
    place.ask_place(somebody.site)
    assert "Address: 12 rue des Tilleuls 87000 Limoges; on the map: 45.83362,1.26105. Keep" in somebody.shown
    assert raw(somebody.site)["practice"]["position"] == LIMOGES


@pytest.mark.real_time
@pytest.mark.parametrize(("answer", "address"), [("y", "Les Bordes, Bujaleuf"), ("n", "Lieu-dit Les Bordes")])
def test_a_point_typed_by_hand_goes_with_the_address_that_was_agreed_on(
    person: Typing, ban: Any, answer: str, address: str
) -> None:
    somebody = person("Lieu-dit Les Bordes", "1", "Les Bordes, Bujaleuf", "2", answer, "45.79123, 1.63001")
    place.ask_place(somebody.site)
    assert raw(somebody.site)["practice"] == {
        "address": address,
        "position": {"latitude": 45.79123, "longitude": 1.63001},
    }
    assert f"Address: {address}; on the map: 45.79123,1.63001." in somebody.shown


@pytest.mark.real_time
def test_nobody_has_to_be_on_the_map(person: Typing, ban: Any) -> None:
    somebody = person("Lieu-dit Les Bordes", "3")
    place.ask_place(somebody.site)
    assert "position" not in raw(somebody.site)["practice"]


@pytest.mark.real_time
def test_an_address_that_changed_is_looked_up_again(person: Typing, ban: Any) -> None:
    place.ask_place(person("12 rue des Tilleuls 87000 Limoges", "1").site)
    somebody = person("3 place de l'Église, 87350 Panazol", "1")
    place.ask_place(somebody.site)
    assert len(ban.received) == 2
    assert raw(somebody.site)["practice"]["position"]["latitude"] == 45.8388
