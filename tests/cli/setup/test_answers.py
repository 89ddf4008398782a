"""What people type, and what the settings hold."""

from collections.abc import Callable
from typing import Any

import pytest

from flicbridge.cli.setup import answers


def same(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("read", "typed", "meant"),
    [
        (answers.phone, "06 12 34 56 78", "+33612345678"),
        (answers.phone, "06.12.34.56.78", "+33612345678"),
        (answers.phone, "0033 6 12 34 56 78", "+33612345678"),
        (answers.phone, "+32 470 12 34 56", "+32470123456"),
        (answers.phone, "06\u202f12\u202f34\u202f56\u202f78", "+33612345678"),
        (answers.phone, "0690 12 34 56", "+590690123456"),
        (answers.line, "x" * 200, "x" * 200),
        (answers.name, "poche", "poche"),
        (answers.mail, "garde@example.fr", "garde@example.fr"),
        (answers.host, "smtp.example.fr", "smtp.example.fr"),
        (answers.port, "587", 587),
        (answers.wait, "60", "1m"),
        (answers.wait, "0s", "0s"),
        (answers.wait, "90s", "1m30s"),
    ],
)
def test_what_can_be_meant_is_taken(read: Callable[..., Any], typed: str, meant: object) -> None:
    assert read(same)(typed) == meant


@pytest.mark.parametrize(
    ("read", "typed", "reason"),
    [
        (answers.line, "  ", "Write something"),
        (answers.line, "Dr \x1b[D Martin", "without control keys"),
        (answers.line, "x" * 201, "This has 201 characters; 200 at most."),
        (answers.phone, "15", "Short numbers such as 15"),
        (answers.phone, "114", "Short numbers such as 15"),
        (answers.phone, "06 12 34", "no phone number"),
        (answers.phone, "0612 CALL ME", "no phone number"),
        (answers.name, "Poche à gauche", 'such as "poche-a-gauche"'),
        (answers.mail, "garde", "no mail address"),
        (answers.host, "smtp example", "no name of a machine"),
        (answers.port, "0", "from 1 to 65535"),
        (answers.port, "65536", "from 1 to 65535"),
        (answers.wait, "soon", "Write a duration"),
        (answers.wait, "2h", "too late"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(read: Callable[..., Any], typed: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(same)(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "alertes.example.fr",
        "ftp://example.fr",
        "https://a:b@example.fr/hook",
        "http://192.168.1.20 :8080",
        "http://192.168.1,20:8080",
        "http://192.168.1.20;:8080",
        "http://a%20b:8080",
    ],
)
def test_an_address_is_refused_with_an_example_and_never_repeated(typed: str) -> None:
    with pytest.raises(ValueError, match=r"https://b\.fr") as raised:
        answers.url(same, "https://b.fr")(typed)
    assert typed not in str(raised.value)


@pytest.mark.parametrize(
    "typed",
    [
        "http://192.168.1.20:8080",
        "http://telephone_du_cabinet.local:8080/",
        "https://médecins.example.fr/hook",
        "http://[fe80::1]:8080/hook",
        "http://[fe80::1%25eth0]:8080/hook",
    ],
)
def test_an_address_is_taken_as_it_is(typed: str) -> None:
    assert answers.url(same, "https://b.fr")(typed) == typed


@pytest.mark.parametrize(
    "typed",
    [
        "45.83362, 1.26105",
        "45,83362 ; 1,26105",
        "45.83362 1.26105",
        "geo:45.83362,1.26105",
        "+45.83362,+1.26105",
    ],
)
def test_coordinates_are_read_as_maps_show_them(typed: str) -> None:
    found = answers.coordinates(same)(typed)
    assert (found.latitude, found.longitude) == (45.83362, 1.26105)


@pytest.mark.parametrize("typed", ["", "45.83", "91, 1", "45, 181", "north, west", "45.8, 1.2, 3"])
def test_what_is_no_point_on_earth_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="latitude and longitude"):
        answers.coordinates(same)(typed)


@pytest.mark.parametrize(
    ("place", "is_far"),
    [
        ((45.83, 1.26), False),
        ((41.9, 8.7), False),
        ((51.0, 2.4), False),
        ((1.26, 45.83), True),
        ((-21.1, 55.5), True),
    ],
)
def test_swapped_coordinates_are_noticed(place: tuple[float, float], is_far: bool) -> None:
    assert answers.far_from_france(*place) is is_far
