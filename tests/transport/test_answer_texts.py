"""What messages say of answers: how to give one, who gave one, and whose cancellation is doubted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import Alert, AlertKind, Doctor, Practice, Purpose, Way
from flicbridge.alert.phone import national
from flicbridge.place.position import Position
from flicbridge.texts import LANGUAGES, translator
from flicbridge.transport.answers import NO_WAYS, Ways, ways_for
from flicbridge.transport.facts import compose_facts
from flicbridge.transport.gsm import segments, transliterate
from flicbridge.transport.http import WHAT
from flicbridge.transport.mail_text import compose_mail, compose_subject
from flicbridge.transport.sms_text import compose_sms
from flicbridge.transport.telling import Telling

AT = datetime(2026, 11, 22, 13, 2, 10, tzinfo=UTC)
LINK = "https://tilleuls.example.fr/r/x"
ALERT = Alert(
    id=UUID(int=1),
    kind=AlertKind.EMERGENCY,
    bridge="tilleuls-1",
    button="poche",
    gesture="long",
    pressed_at=AT,
    received_at=AT,
    was_queued=False,
    doctor=Doctor("Dr Anne Martin", "+33612345678"),
    practice=Practice("Cabinet", "12 rue des Tilleuls, 87000 Limoges", "Cabinet 2", "code 4321"),
    position=Position(45.83362, 1.26105),
)


def telling(
    purpose: Purpose = Purpose.ALERT,
    *,
    by: str = "",
    way: Way = Way.NONE,
    alert: Alert = ALERT,
    language: str = "en",
) -> Telling:
    return Telling(
        alert=alert,
        purpose=purpose,
        occasion=0,
        occasion_at=None if purpose is Purpose.ALERT else AT + timedelta(seconds=90),
        sent_at=AT + timedelta(seconds=91),
        zone=ZoneInfo("Europe/Paris"),
        fresh_s=120.0,
        translate=translator(language).gettext,
        by=by,
        way=way,
    )


def test_the_sms_says_how_to_reply_where_that_fits() -> None:
    text = compose_sms(telling(), code="K7Q3")
    assert text.endswith("answer OK K7Q3")
    assert segments(text) == 1


def test_with_room_to_spare_it_says_how_to_clear_the_doubt_too() -> None:
    text = compose_sms(telling(), code="K7Q3", max_segments=3)
    assert text.endswith("answer OK K7Q3 (on it), OUI K7Q3 (real) or FAUX K7Q3 (false alarm)")


@given(
    st.text(max_size=80),
    st.text(max_size=120),
    st.text(max_size=60),
    st.sampled_from(LANGUAGES),
)
def test_the_code_never_costs_name_number_position_or_a_segment(
    name: str, address: str, room: str, language: str
) -> None:
    practice = Practice("Cabinet", address, room, "code 4321")
    alert = replace(ALERT, doctor=replace(ALERT.doctor, name=name), practice=practice)
    told = telling(alert=alert, language=language)
    plain, text = compose_sms(told), compose_sms(told, code="K7Q3")
    assert segments(text) <= segments(plain)
    assert transliterate(name) in text
    assert national(ALERT.doctor.phone) in text
    assert "GPS 45.83362,1.26105" in text
    assert room == "" or plain.count(transliterate(room)) == 0 or transliterate(room) in text


def test_a_mail_and_a_webhook_carry_the_link() -> None:
    assert LINK in compose_mail(telling(), attempt=1, ways=Ways(link=LINK))
    assert "ANSWER" not in compose_mail(telling(), attempt=1)
    facts = compose_facts(telling(), delivery=UUID(int=2), recipient="samu", attempt=1, ways=Ways(link=LINK))
    assert facts["answer_url"] == LINK


def test_what_is_over_asks_for_no_answer() -> None:
    asking = {purpose for purpose in Purpose if ways_for(purpose, "K7Q3", LINK) is not NO_WAYS}
    assert asking == set(Purpose) - {Purpose.CANCELLED, Purpose.ANSWERED, Purpose.TESTED}


@pytest.mark.parametrize(
    ("way", "how"), [(Way.BUTTON, "(button)"), (Way.CLI, "(computer)"), (Way.API, "(program)")]
)
def test_a_cancellation_says_how_and_when(way: Way, how: str) -> None:
    text = compose_sms(telling(Purpose.CANCELLED, by="somebody", way=way))
    assert text.startswith(f"CANCELLED at 14:03 {how} - ASSAULT ALERT of 14:02 Dr Anne Martin 06 12 34 56 78")


def test_a_mail_names_the_button_that_cancelled() -> None:
    mail = compose_mail(telling(Purpose.CANCELLED, by="button:poche", way=Way.BUTTON), attempt=1)
    assert "By: button poche" in mail


@pytest.mark.parametrize(
    ("way", "opening"),
    [
        (Way.CLI, "CANCELLATION POSSIBLY UNDER DURESS at 14:03 (computer)"),
        (Way.API, "CANCELLATION POSSIBLY UNDER DURESS at 14:03 (program)"),
        (Way.BUTTON, "UNVERIFIED CANCELLATION at 14:03 (button)"),
    ],
)
def test_a_doubted_cancellation_says_so_first_in_every_form(way: Way, opening: str) -> None:
    told = telling(Purpose.DOUBTED, by="x", way=way)
    assert compose_sms(told).startswith(opening)
    assert compose_subject(told).startswith(opening)
    mail = compose_mail(told, attempt=1)
    assert mail.startswith(opening)
    assert "the alert goes on" in mail
    assert "This alert has been cancelled" not in mail
    facts = compose_facts(told, delivery=UUID(int=2), recipient="samu", attempt=1)
    assert (facts["purpose"], facts["cancelled"], facts["way"]) == ("doubted", False, way.value)


def test_the_doctor_reads_who_is_on_it() -> None:
    told = telling(Purpose.ANSWERED, by="recipient:samu", way=Way.SMS)
    assert compose_sms(told).startswith("HELP IS ON IT (samu, SMS) at 14:03 - ASSAULT ALERT of 14:02")


@pytest.mark.parametrize(("purpose", "way", "language"), list(product(Purpose, Way, LANGUAGES)))
def test_every_purpose_has_words_over_every_way(purpose: Purpose, way: Way, language: str) -> None:
    told = telling(purpose, by="recipient:samu", way=way, language=language)
    assert segments(compose_sms(told, code="K7Q3")) == 1
    assert compose_mail(told, attempt=1)
    assert WHAT[purpose]
