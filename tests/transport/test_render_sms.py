"""The SMS: understood at once, within one segment, and never cut where it matters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.alert.phone import national
from flicbridge.place.position import Position
from flicbridge.texts import LANGUAGES, translator
from flicbridge.transport.gsm import encode, segments, septets, transliterate
from flicbridge.transport.sms_text import compose_sms
from flicbridge.transport.telling import Telling

PRESSED_AT = datetime(2026, 11, 22, 13, 2, 10, tzinfo=UTC)  # 14:02:10 in Limoges
FRESH_S = 120.0

ALERT = Alert(
    id=UUID(int=1),
    kind=AlertKind.EMERGENCY,
    bridge="tilleuls-1",
    button="poche",
    gesture="long",
    pressed_at=PRESSED_AT,
    received_at=PRESSED_AT,
    was_queued=False,
    doctor=Doctor("Dr Anne Martin", "+33612345678"),
    practice=Practice(
        "Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges", "Cabinet 2", "1er étage, code 4321"
    ),
    position=Position(45.83362, 1.26105),
)
QUEUED = replace(ALERT, was_queued=True, received_at=PRESSED_AT + timedelta(seconds=8))


def telling(
    alert: Alert = ALERT,
    purpose: Purpose = Purpose.ALERT,
    *,
    occasion: int = 0,
    after_s: float | None = None,
    sent_after_s: float = 1,
    language: str = "fr",
) -> Telling:
    """What is sent `sent_after_s` after the press; what happened since, `after_s` after it."""
    return Telling(
        alert=alert,
        purpose=purpose,
        occasion=occasion,
        occasion_at=None if after_s is None else alert.pressed_at + timedelta(seconds=after_s),
        sent_at=alert.pressed_at + timedelta(seconds=sent_after_s),
        zone=ZoneInfo("Europe/Paris"),
        fresh_s=FRESH_S,
        translate=translator(language).gettext,
    )


def pressed(at: datetime) -> Alert:
    return replace(ALERT, pressed_at=at, received_at=at)


def at_practice(**changes: str) -> Alert:
    return replace(ALERT, practice=replace(ALERT.practice, **changes))


def at_position(position: Position | None) -> Alert:
    return replace(ALERT, position=position)


def test_a_dispatcher_reads_what_who_number_where_and_when_before_the_rest() -> None:
    assert compose_sms(telling()) == (
        "ALERTE AGRESSION Dr Anne Martin 06 12 34 56 78 GPS 45.83362,1.26105 à 14:02, "
        "Cabinet des Tilleuls, Cabinet 2, 1er étage, code 4321, 12 rue des Tilleuls, Limoges"
    )


KEPT = replace(ALERT, was_queued=True, received_at=ALERT.pressed_at + timedelta(minutes=10))
OVERDUE = replace(ALERT, kind=AlertKind.OVERDUE)
DRILL = replace(ALERT, kind=AlertKind.TEST)
CALLER_FR = "Dr Anne Martin 06 12 34 56 78 GPS 45.83362,1.26105"


@pytest.mark.parametrize(
    ("told", "beginning"),
    [
        (telling(DRILL), f"EXERCICE - ne pas intervenir - ESSAI {CALLER_FR} à 14:02"),
        (telling(OVERDUE), f"ALERTE SANS NOUVELLES {CALLER_FR} signe de vie attendu à 14:02"),
        (
            telling(purpose=Purpose.AGAIN, occasion=1, after_s=300, sent_after_s=301),
            f"NOUVEL APPUI (2e) à 14:07 - ALERTE AGRESSION de 14:02 {CALLER_FR}",
        ),
        (
            telling(OVERDUE, Purpose.AGAIN, occasion=1, after_s=300, sent_after_s=301),
            f"APPUI à 14:07 - ALERTE SANS NOUVELLES de 14:02 {CALLER_FR}",
        ),
        (
            telling(purpose=Purpose.CANCELLED, after_s=300, sent_after_s=301),
            f"ANNULATION à 14:07 - ALERTE AGRESSION de 14:02 {CALLER_FR}, rappeler pour confirmer",
        ),
        (
            telling(DRILL, Purpose.CANCELLED, after_s=300, sent_after_s=301),
            f"EXERCICE - ne pas intervenir - ANNULATION à 14:07 - ESSAI de 14:02 {CALLER_FR}, 1er étage",
        ),
        (telling(purpose=Purpose.CANCELLED), f"ANNULATION - ALERTE AGRESSION de 14:02 {CALLER_FR}"),
        (telling(language="en"), f"ASSAULT ALERT {CALLER_FR} at 14:02"),
    ],
)
def test_every_kind_and_purpose_says_at_once_what_it_is(told: Telling, beginning: str) -> None:
    assert compose_sms(told).startswith(beginning)


@pytest.mark.parametrize(
    ("told", "beginning"),
    [
        (telling(KEPT, sent_after_s=7800), "APPUI TARDIF il y a 2 h 10, à 14:02 - ALERTE AGRESSION Dr"),
        (telling(sent_after_s=7800), "APPUI il y a 2 h 10, à 14:02 - ALERTE AGRESSION Dr"),
        (telling(KEPT, sent_after_s=35 * 60), "APPUI TARDIF il y a 35 min, à 14:02 - ALERTE AGRESSION Dr"),
        (telling(QUEUED, sent_after_s=9), "APPUI il y a 9 s, à 14:02 - ALERTE AGRESSION Dr"),
        (
            telling(KEPT, sent_after_s=100 * 3600),
            "APPUI TARDIF il y a 4 j 4 h, le 22/11/2026 à 14:02 - ALERTE AGRESSION Dr",
        ),
        (telling(DRILL, sent_after_s=7800), "EXERCICE - ne pas intervenir - APPUI il y a 2 h 10, "),
        (
            telling(replace(KEPT, kind=AlertKind.OVERDUE), sent_after_s=7800),
            "TARDIF, signe de vie attendu il y a 2 h 10, à 14:02",
        ),
        (
            telling(purpose=Purpose.AGAIN, occasion=2, after_s=60, sent_after_s=7860),
            "NOUVEL APPUI (3e) il y a 2 h 10, à 14:03 - ALERTE AGRESSION de 14:02 Dr",
        ),
        (
            telling(purpose=Purpose.AGAIN, occasion=1, sent_after_s=7800),
            "NOUVEL APPUI (2e), alerte donnée il y a 2 h 10 - ALERTE AGRESSION de 14:02 Dr",
        ),
        (
            telling(KEPT, sent_after_s=7800, language="en"),
            "LATE PRESS 2 h 10 min ago, at 14:02 - ASSAULT ALERT Dr",
        ),
    ],
)
def test_an_old_press_is_told_with_its_age_first(told: Telling, beginning: str) -> None:
    assert compose_sms(told).startswith(beginning)


def test_a_press_on_the_other_side_of_midnight_has_its_date() -> None:
    evening = pressed(datetime(2026, 11, 22, 22, 59, 30, tzinfo=UTC))
    told = compose_sms(telling(evening, sent_after_s=60))
    assert "GPS 45.83362,1.26105 le 22/11/2026 à 23:59" in told


def test_the_day_is_the_practices_and_not_greenwichs() -> None:
    just_after_midnight = pressed(datetime(2026, 7, 13, 22, 30, tzinfo=UTC))
    told = telling(just_after_midnight, sent_after_s=7800)
    assert compose_sms(told).startswith("APPUI il y a 2 h 10, à 00:30 - ")


def test_a_clock_set_back_makes_no_press_younger_than_it_waited_in_the_button() -> None:
    assert compose_sms(telling(QUEUED, sent_after_s=-50)).startswith("APPUI il y a 8 s, à 14:02 - ")
    hours = replace(QUEUED, received_at=PRESSED_AT + timedelta(hours=2))
    assert compose_sms(telling(hours, sent_after_s=0)).startswith("APPUI TARDIF il y a 2 h 00, à 14:02 - ")


def test_a_clock_set_back_makes_no_negative_age() -> None:
    assert telling(sent_after_s=-50).press_age_s == 0
    assert telling(purpose=Purpose.AGAIN, after_s=60, sent_after_s=10).press_age_s == 0


def test_a_missed_check_in_never_waited_in_a_button() -> None:
    overdue = replace(QUEUED, kind=AlertKind.OVERDUE)
    assert compose_sms(telling(overdue, sent_after_s=9)).startswith("ALERTE SANS NOUVELLES Dr Anne Martin")


def test_the_least_important_details_give_way_first() -> None:
    def details(**changes: str) -> str:
        _, _, rest = compose_sms(telling(at_practice(**changes))).partition(" à 14:02, ")
        return rest

    assert details() == (
        "Cabinet des Tilleuls, Cabinet 2, 1er étage, code 4321, 12 rue des Tilleuls, Limoges"
    )
    assert details(room="Cabinet 2 (bleu)") == (
        "Cabinet 2 (bleu), 1er étage, code 4321, 12 rue des Tilleuls, 87000 Limoges"
    )
    assert details(access="1er étage au fond du couloir de droite, code 4321") == (
        "1er étage au fond du couloir de droite, code 4321, 12 rue des Tilleuls, Limoges"
    )
    assert details(access="bâtiment B, 1er étage au fond du couloir de droite, code 4321") == (
        "bâtiment B, 1er étage au fond du couloir de droite, 12 rue des Tilleuls, Limoges"
    ).replace("â", "a")


def test_a_detail_gives_way_by_whole_pieces_so_that_no_code_is_cut() -> None:
    winding = at_practice(access="1er étage, porte gauche, code 4321, sonner puis attendre la lumière verte")
    told = compose_sms(telling(winding))
    assert told.endswith(
        "à 14:02, Cabinet 2, 1er étage, porte gauche, code 4321, 12 rue des Tilleuls, 87000 Limoges"
    )
    assert "sonner" not in told


def test_what_fits_after_all_comes_back() -> None:
    endless = at_practice(access="passer par la cour " * 10)
    assert compose_sms(telling(endless)).endswith(
        "à 14:02, Cabinet des Tilleuls, Cabinet 2, 12 rue des Tilleuls, 87000 Limoges"
    )


def test_the_more_important_comes_back_first() -> None:
    endless = at_practice(
        name="Maison de santé pluridisciplinaire des Tilleuls", access="passer par la cour " * 10
    )
    assert compose_sms(telling(endless)).endswith("à 14:02, Cabinet 2, 12 rue des Tilleuls, 87000 Limoges")


def test_five_digits_that_begin_an_address_are_a_house_number() -> None:
    rural = at_practice(address="12350 route de Saint-Léonard-de-Noblat, 87000 Limoges")
    assert "12350 route de Saint-Léonard-de-Noblat, Limoges" in compose_sms(telling(rural))


def test_lines_of_the_settings_are_pieces_too() -> None:
    assert "1er étage, code 4321" in compose_sms(telling(at_practice(access="1er étage\ncode 4321\n")))


def test_more_segments_hold_more_details() -> None:
    winding = at_practice(access="1er étage, porte gauche, code 4321, sonner puis attendre la lumière verte")
    told = compose_sms(telling(winding), max_segments=2)
    assert segments(told) == 2
    assert told.endswith("attendre la lumière verte, 12 rue des Tilleuls, 87000 Limoges")


def test_a_very_long_name_gets_a_second_segment_rather_than_a_cut() -> None:
    name = "Dr Anne-Charlotte " + "de la Bruyère " * 9 + "Martin"
    told = compose_sms(telling(replace(ALERT, doctor=Doctor(name, "+33612345678"))))
    assert f"{transliterate(name)} 06 12 34 56 78 GPS 45.83362,1.26105 à 14:02" in told
    assert told.endswith(", code 4321, 12 rue des Tilleuls, 87000 Limoges")  # paid for, so made use of
    assert segments(told) == 2


def test_without_a_position_the_address_is_essential() -> None:
    address = "12 rue des Tilleuls, " * 7 + "87000 Limoges"
    nowhere = replace(at_practice(address=address), position=None)
    told = compose_sms(telling(nowhere))
    assert f"GPS inconnu, {address} à 14:02" in told
    assert segments(told) == 2


def test_without_position_and_address_the_practice_is_essential() -> None:
    nowhere = replace(at_practice(address=""), position=None)
    told = compose_sms(telling(nowhere))
    assert told.endswith("GPS inconnu, Cabinet des Tilleuls à 14:02, Cabinet 2, 1er étage, code 4321")


def test_an_old_or_vague_fix_is_not_passed_off_as_here_and_now() -> None:
    vague = at_position(Position(45.83362, 1.26105, accuracy_m=250.4, age_s=900.0))
    assert "GPS 45.83362,1.26105 (relevé à 13:47, +-250 m) à 14:02" in compose_sms(telling(vague))


def test_a_good_fix_needs_no_remark() -> None:
    good = at_position(Position(45.83362, 1.26105, accuracy_m=12.0, age_s=20.0))
    assert "GPS 45.83362,1.26105 à 14:02" in compose_sms(telling(good))


def test_the_name_of_the_place_is_told_unless_it_is_said_already() -> None:
    visit = at_position(Position(45.83362, 1.26105, label="Visite rue Haute"))
    assert "à 14:02, Visite rue Haute, " in compose_sms(telling(visit))
    same = at_position(Position(45.83362, 1.26105, label="Cabinet 2"))
    assert compose_sms(telling(same)).count("Cabinet 2") == 1


anything = st.text(max_size=200)
alerts = st.builds(
    replace,
    st.just(ALERT),
    kind=st.sampled_from(AlertKind),
    was_queued=st.booleans(),
    received_at=st.integers(0, 100_000).map(lambda seconds: PRESSED_AT + timedelta(seconds=seconds)),
    doctor=st.builds(Doctor, anything, st.sampled_from(["+33612345678", "+32470123456", "+15"])),
    practice=st.builds(Practice, anything, anything, anything, anything),
    position=st.none()
    | st.builds(
        Position,
        st.floats(-90, 90),
        st.floats(-180, 180),
        st.none() | st.floats(0, 1e6),
        st.floats(0, 1e6),
        anything,
    ),
)
tellings = st.builds(
    telling,
    alerts,
    st.sampled_from([purpose for purpose in Purpose if purpose is not Purpose.TESTED]),
    occasion=st.integers(0, 12),
    after_s=st.none() | st.integers(0, 90_000),
    sent_after_s=st.integers(-10, 400_000),
    language=st.sampled_from(LANGUAGES),
)


@given(told=tellings)
def test_any_text_is_sent_in_the_alphabet_with_name_number_and_position_whole(told: Telling) -> None:
    sms, alert = compose_sms(told), told.alert
    assert len(encode(sms)) == septets(sms)
    assert transliterate(alert.doctor.name) in sms
    assert national(alert.doctor.phone) in sms
    if alert.position is not None:
        assert f"GPS {alert.position.decimal()}" in sms
    assert sms == compose_sms(told)


def without_details(told: Telling) -> Telling:
    """The same message about a doctor of whose practice nothing is known."""
    position = told.alert.position and replace(told.alert.position, label="")
    return replace(told, alert=replace(told.alert, practice=Practice("", ""), position=position))


@given(told=tellings.filter(lambda told: told.alert.position is not None), allowed=st.integers(1, 4))
def test_no_detail_ever_costs_a_segment(told: Telling, allowed: int) -> None:
    needed = segments(compose_sms(without_details(told)))
    assert segments(compose_sms(told, max_segments=allowed)) <= max(allowed, needed)


@given(told=tellings.filter(lambda told: told.purpose in (Purpose.ALERT, Purpose.AGAIN, Purpose.REMINDER)))
def test_a_late_press_is_never_passed_off_as_fresh(told: Telling) -> None:
    nameless = replace(without_details(told).alert, doctor=Doctor("", "+33612345678"))
    before_the_number, _, _ = compose_sms(replace(told, alert=nameless)).partition(" 06 12 34 56 78")
    says_its_age = "il y a" in before_the_number or "ago" in before_the_number
    assert says_its_age == (told.is_aged or told.waited_in_button or told.purpose is Purpose.REMINDER)
    says_it_is_late = "TARDI" in before_the_number or "LATE" in before_the_number
    assert says_it_is_late == (
        told.is_late and (told.purpose is not Purpose.AGAIN or told.occasion_at is not None)
    )


@pytest.mark.parametrize("purpose", [Purpose.ALERT, Purpose.REMINDER])
def test_an_escalation_or_reminder_in_time_says_how_long_ago_and_not_that_it_is_late(
    purpose: Purpose,
) -> None:
    sms = compose_sms(telling(purpose=purpose, occasion=int(purpose is Purpose.REMINDER), sent_after_s=301))
    assert "APPUI il y a 5 min, à 14:02 - ALERTE AGRESSION Dr" in sms
    assert "TARDIF" not in sms


def test_a_press_beyond_the_limit_of_the_site_is_called_old() -> None:
    told = replace(telling(KEPT, sent_after_s=7800), old_s=599.0)
    assert told.is_old
    assert not replace(told, old_s=600.0).is_old
    english = replace(telling(KEPT, sent_after_s=7800, language="en"), old_s=599.0)
    assert compose_sms(english).startswith("OLD PRESS 2 h 10 min ago, at 14:02 - ASSAULT ALERT Dr")
