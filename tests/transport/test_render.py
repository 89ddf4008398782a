"""One message in every form: the mail is complete, the data is for machines, nothing is left out."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.alert.alert import Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.place.position import Position
from flicbridge.texts import LANGUAGES, translator
from flicbridge.transport.base import Message
from flicbridge.transport.gsm import encode, segments
from flicbridge.transport.mail_text import compose_mail, compose_subject
from flicbridge.transport.render import render
from flicbridge.transport.sms_text import compose_sms
from flicbridge.transport.telling import Telling

PRESSED_AT = datetime(2026, 11, 22, 13, 2, 10, tzinfo=UTC)  # 14:02:10 in Limoges
ALERT = Alert(
    id=UUID("0b0f7d5e-5f2a-5c55-9d1c-3f6a1c9a7b11"),
    kind=AlertKind.EMERGENCY,
    bridge="tilleuls-1",
    button="poche",
    gesture="long",
    pressed_at=PRESSED_AT,
    received_at=PRESSED_AT + timedelta(milliseconds=200),
    was_queued=False,
    doctor=Doctor("Dr François Lefèvre", "+33612345678"),
    practice=Practice(
        "Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges", "Cabinet 2", "1er étage, code 4321"
    ),
    position=Position(45.83362, 1.26105, accuracy_m=12.0, label="Cabinet 2"),
)
LATE = replace(ALERT, was_queued=True, received_at=PRESSED_AT + timedelta(hours=2))
FOR_HELPERS = [purpose for purpose in Purpose if purpose is not Purpose.TESTED]
"""All others; what became of a test is told to the doctor who made it, in a line: see `test_trial_texts`."""

EVERY_WAY = list(product(AlertKind, FOR_HELPERS, LANGUAGES, (1.0, 7800.0)))


def rendered(
    alert: Alert = ALERT,
    purpose: Purpose = Purpose.ALERT,
    occasion: int = 0,
    *,
    after_s: float | None = None,
    sent_after_s: float = 1.0,
    language: str = "fr",
    attempt: int = 1,
    timezone: str = "Europe/Paris",
    max_segments: int = 1,
) -> Message:
    """What is sent `sent_after_s` after the press; what happened since, `after_s` after it."""
    return render(
        alert,
        purpose,
        occasion,
        key="the-key",
        delivery=UUID(int=2),
        recipient="samu",
        attempt=attempt,
        sent_at=alert.pressed_at + timedelta(seconds=sent_after_s),
        expires_at=alert.pressed_at + timedelta(days=1),
        language=language,
        timezone=timezone,
        fresh_s=120.0,
        occasion_at=None if after_s is None else alert.pressed_at + timedelta(seconds=after_s),
        max_segments=max_segments,
    )


def test_what_the_courier_knows_is_passed_on_unchanged() -> None:
    message = rendered(attempt=3)
    assert (message.key, message.delivery, message.recipient) == ("the-key", UUID(int=2), "samu")
    assert (message.alert, message.purpose, message.attempt) == (ALERT, Purpose.ALERT, 3)
    assert message.sent_at == PRESSED_AT + timedelta(seconds=1)
    assert message.expires_at == PRESSED_AT + timedelta(days=1)


@pytest.mark.parametrize(("kind", "purpose", "language", "sent_after_s"), EVERY_WAY)
def test_every_kind_of_message_names_doctor_number_and_place_in_every_form(
    kind: AlertKind, purpose: Purpose, language: str, sent_after_s: float
) -> None:
    message = rendered(
        replace(ALERT, kind=kind), purpose, 1, after_s=0.5, sent_after_s=sent_after_s, language=language
    )
    assert segments(message.sms) == 1
    assert encode(message.sms)
    assert "\n" not in message.sms + message.subject
    assert "Dr Francois Lefèvre 06 12 34 56 78 GPS 45.83362,1.26105" in message.sms
    assert "Dr François Lefèvre 06 12 34 56 78, Cabinet des Tilleuls" in message.subject
    assert "Dr François Lefèvre" in message.text
    assert "06 12 34 56 78 (+33612345678)" in message.text
    assert "45.83362,1.26105" in message.text
    assert "{" not in message.sms + message.subject + message.text
    assert json.loads(json.dumps(message.data)) == message.data


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_kinds_of_message_can_be_taken_for_each_other(language: str) -> None:
    ways = [
        rendered(replace(ALERT, kind=kind), purpose, 1, after_s=0.5, language=language)
        for kind, purpose in product(AlertKind, FOR_HELPERS)
    ]
    assert len({message.sms for message in ways}) == len(ways)
    assert len({message.subject for message in ways}) == len(ways)


@pytest.mark.parametrize(("language", "warning"), [("fr", "EXERCICE - ne pas intervenir"), ("en", "DRILL")])
@pytest.mark.parametrize("purpose", FOR_HELPERS)
def test_a_drill_says_so_before_anything_else(purpose: Purpose, language: str, warning: str) -> None:
    drill = rendered(replace(LATE, kind=AlertKind.TEST), purpose, 1, after_s=1.0, language=language)
    assert drill.sms.startswith(warning)
    assert drill.subject.startswith(warning)
    assert drill.text.startswith(warning)


def test_the_mail_says_everything_in_the_order_a_dispatcher_needs_it() -> None:
    assert rendered().text == (
        """\
ALERTE AGRESSION
Dr François Lefèvre appelle à l'aide avec un bouton d'alerte.

QUE FAIRE
- Levée de doute : rappelez tout de suite le 06 12 34 56 78.
- Posez des questions auxquelles on répond par oui ou par non : l'agresseur écoute peut-être.
- Pas de réponse, ou une réponse étrange : tenez l'alerte pour réelle, envoyez les secours au lieu ci-dessous.

QUI
Nom : Dr François Lefèvre
Rappeler : 06 12 34 56 78 (+33612345678)

QUAND
Appui : 22/11/2026 à 14:02:10 (UTC+01:00), il y a 1 s
Reçu par la passerelle : 22/11/2026 à 14:02:10 (UTC+01:00)
Ce message : 22/11/2026 à 14:02:11 (UTC+01:00)

OÙ
Cabinet : Cabinet des Tilleuls
Adresse : 12 rue des Tilleuls, 87000 Limoges
Pièce : Cabinet 2
Accès : 1er étage, code 4321
Position : 45.83362,1.26105
Lieu : Cabinet 2
Précision : 12 m
Carte : https://www.openstreetmap.org/?mlat=45.83362&mlon=1.26105#map=18/45.83362/1.26105
geo:45.83362,1.26105;u=12

RÉFÉRENCES
Alerte : 0b0f7d5e-5f2a-5c55-9d1c-3f6a1c9a7b11
Bouton : poche (long)
Passerelle : tilleuls-1
Tentative : 1
"""
    )


def test_the_mail_about_a_late_press_says_how_late_and_why() -> None:
    text = rendered(LATE, sent_after_s=7800).text
    assert text.startswith("APPUI TARDIF il y a 2 h 10, à 14:02 - ALERTE AGRESSION\n")
    assert "Cette information date de 2 h 10 : la situation a pu changer." in text
    assert "Gardé dans le bouton, hors de portée : oui" in text
    assert "Reçu par la passerelle : 22/11/2026 à 16:02:10 (UTC+01:00)" in text


def test_the_mail_about_a_later_press_tells_both_times() -> None:
    text = rendered(purpose=Purpose.AGAIN, occasion=1, after_s=300, sent_after_s=301).text
    assert "Appui : 22/11/2026 à 14:02:10 (UTC+01:00), il y a 5 min" in text
    assert "Nouvel appui : 22/11/2026 à 14:07:10 (UTC+01:00)" in text
    assert "date de" not in text


def test_the_mail_about_a_cancellation_warns_that_it_may_be_forced() -> None:
    text = rendered(purpose=Purpose.CANCELLED, after_s=300, sent_after_s=301).text
    assert "Cette alerte a été annulée." in text
    assert "sous la contrainte. Rappelez le 06 12 34 56 78" in text
    assert "Annulation : 22/11/2026 à 14:07:10 (UTC+01:00)" in text


def test_the_mail_says_that_nobody_knows_the_position() -> None:
    text = rendered(replace(ALERT, position=None)).text
    assert "Position : inconnue" in text
    assert "geo:" not in text


def test_the_mail_tells_how_old_the_position_is() -> None:
    text = rendered(replace(ALERT, position=Position(45.83362, 1.26105, age_s=900.0))).text
    assert "Position relevée : 22/11/2026 à 13:47:10 (UTC+01:00)" in text


def test_nothing_in_the_settings_can_add_a_line_to_subject_or_body() -> None:
    hostile = replace(ALERT, doctor=Doctor("Dr Anne\r\nBcc: all@example.org", "+33612345678"))
    message = rendered(hostile)
    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert "\nBcc" not in message.text


def test_the_data_holds_the_same_facts_for_a_machine() -> None:
    assert rendered(LATE, sent_after_s=7800, attempt=2).data == {
        "alert_id": "0b0f7d5e-5f2a-5c55-9d1c-3f6a1c9a7b11",
        "delivery_id": "00000000-0000-0000-0000-000000000002",
        "kind": "emergency",
        "purpose": "alert",
        "cancelled": False,
        "by": None,
        "way": None,
        "answer_url": None,
        "occasion": 0,
        "occasion_at": None,
        "recipient": "samu",
        "attempt": 2,
        "pressed_at": "2026-11-22T14:02:10.000+01:00",
        "received_at": "2026-11-22T16:02:10.000+01:00",
        "sent_at": "2026-11-22T16:12:10.000+01:00",
        "age_s": 7800.0,
        "clock_was_set": True,
        "age_received_s": 7200.0,
        "late": True,
        "old": False,
        "was_queued": True,
        "timezone": "Europe/Paris",
        "bridge": "tilleuls-1",
        "button": "poche",
        "gesture": "long",
        "key": 0,
        "doctor": {"name": "Dr François Lefèvre", "phone": "+33612345678"},
        "practice": {
            "name": "Cabinet des Tilleuls",
            "address": "12 rue des Tilleuls, 87000 Limoges",
            "room": "Cabinet 2",
            "access": "1er étage, code 4321",
        },
        "position": {
            "latitude": 45.83362,
            "longitude": 1.26105,
            "accuracy_m": 12.0,
            "geo_uri": "geo:45.83362,1.26105;u=12",
            "age_s": 0.0,
            "label": "Cabinet 2",
        },
    }


def test_the_alert_itself_has_no_later_occasion() -> None:
    assert rendered(after_s=0).data["occasion_at"] is None
    assert rendered(after_s=0).text == rendered().text


def test_the_data_leaves_out_nothing_of_the_identity() -> None:
    data = rendered().data
    assert set(data["practice"]) == {field.name for field in fields(Practice)}
    assert set(data["doctor"]) == {field.name for field in fields(Doctor)}


@pytest.mark.parametrize(("waited_s", "late"), [(119.9, False), (120.0, False), (120.1, True)])
@pytest.mark.parametrize("sent_after_s", [121.0, 7800.0])
def test_a_press_is_late_if_it_was_older_than_fresh_on_arrival_however_long_it_took_to_send(
    waited_s: float, late: bool, sent_after_s: float
) -> None:
    alert = replace(ALERT, received_at=PRESSED_AT + timedelta(seconds=waited_s))
    message = rendered(alert, sent_after_s=sent_after_s)
    assert message.data["age_received_s"] == waited_s
    assert message.data["age_s"] == sent_after_s
    assert message.data["late"] is late
    assert ("APPUI TARDIF" in message.sms) is late
    assert ("APPUI TARDIF" in message.subject) is late


def test_a_fresh_press_that_joins_an_old_alert_is_not_late() -> None:
    data = rendered(purpose=Purpose.AGAIN, occasion=1, after_s=7790, sent_after_s=7800).data
    assert data["late"] is False
    assert data["age_s"] == 7800
    assert data["occasion_at"] == "2026-11-22T16:12:00.000+01:00"


def test_a_later_press_of_unknown_time_is_told_with_the_age_of_its_alert() -> None:
    message = rendered(purpose=Purpose.AGAIN, occasion=1, sent_after_s=7800)
    assert "alerte donnée il y a 2 h 10" in message.sms
    assert message.data["age_s"] == 7800


def test_texts_are_on_the_practices_clock() -> None:
    message = rendered(timezone="Indian/Reunion")
    assert message.data["pressed_at"] == "2026-11-22T17:02:10.000+04:00"
    assert " à 17:02" in message.sms


def test_more_segments_can_be_allowed() -> None:
    wordy = replace(ALERT, practice=replace(ALERT.practice, access="1er étage, " * 12 + "code 4321"))
    assert segments(rendered(wordy).sms) == 1
    assert segments(rendered(wordy, max_segments=2).sms) == 2


class Recorder:
    """Notes every text that is asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def translate(self, text: str) -> str:
        self.asked.add(text)
        return text


def test_every_text_that_is_asked_for_has_a_translation() -> None:
    recorder = Recorder()
    situations: list[dict[str, Any]] = [
        {"kind": kind, "position": position, "was_queued": was_queued}
        for kind, position, was_queued in product(
            AlertKind, (None, Position(1.0, 2.0, 900.0, 900.0, "ici")), (False, True)
        )
    ]
    delays_s, later = (1, 600, 9000, 200_000), (None, PRESSED_AT + timedelta(seconds=1))
    for situation, purpose, delay_s, occasion_at in product(situations, Purpose, delays_s, later):
        told = Telling(
            alert=replace(ALERT, received_at=PRESSED_AT + timedelta(seconds=8), **situation),
            purpose=purpose,
            occasion=1,
            occasion_at=occasion_at,
            sent_at=PRESSED_AT + timedelta(seconds=delay_s),
            zone=ZoneInfo("Europe/Paris"),
            fresh_s=120.0,
            translate=recorder.translate,
        )
        compose_sms(told)
        compose_subject(told)
        compose_mail(told, attempt=1)
    same_in_both = {"Position", "{minutes} min", "{seconds} s", "{press} {ago}, {when}"}
    french = translator("fr")
    assert len(recorder.asked) > 50
    assert {text for text in recorder.asked if french.gettext(text) == text} == same_in_both


@given(
    name=st.text(max_size=60),
    address=st.text(max_size=60),
    label=st.text(max_size=60),
    purpose=st.sampled_from(Purpose),
    kind=st.sampled_from(AlertKind),
    language=st.sampled_from(LANGUAGES),
)
def test_no_text_in_the_settings_can_keep_a_message_from_being_rendered(
    name: str, address: str, label: str, purpose: Purpose, kind: AlertKind, language: str
) -> None:
    alert = replace(
        ALERT,
        kind=kind,
        doctor=Doctor(name, "+33612345678"),
        practice=replace(ALERT.practice, name=name, address=address),
        position=Position(45.83362, 1.26105, label=label),
    )
    message = rendered(alert, purpose, 1, language=language)
    assert len(message.subject.splitlines()) == 1
    assert " ".join(name.split()) in message.text
    assert json.loads(json.dumps(message.data))["doctor"]["name"] == name
