"""What the doctor who made a test is told of it: one line, for a device that nobody else looks at."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from flicbridge.alert.alert import Alert, AlertKind, Doctor, Practice, Purpose
from flicbridge.alert.trial import DELIVERED, MISSED, SENT
from flicbridge.texts import translator
from flicbridge.transport.gsm import segments
from flicbridge.transport.mail_text import compose_mail, compose_subject
from flicbridge.transport.sms_text import compose_sms
from flicbridge.transport.telling import Telling

PRESSED_AT = datetime(2026, 11, 22, 13, 2, 10, tzinfo=UTC)  # 14:02:10 in Limoges
ALERT = Alert(
    id=UUID(int=1),
    kind=AlertKind.TEST,
    bridge="tilleuls-1",
    button="poche",
    gesture="double",
    pressed_at=PRESSED_AT,
    received_at=PRESSED_AT,
    was_queued=False,
    doctor=Doctor("Dr Anne Martin", "+33612345678"),
    practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges"),
    position=None,
)


def told(occasion: int, after_s: float, *, language: str = "en") -> Telling:
    happened_at = PRESSED_AT + timedelta(seconds=after_s)
    return Telling(
        alert=ALERT,
        purpose=Purpose.TESTED,
        occasion=occasion,
        occasion_at=happened_at,
        sent_at=happened_at + timedelta(seconds=0.1),
        zone=ZoneInfo("Europe/Paris"),
        fresh_s=60.0,
        translate=translator(language).gettext,
        by="" if occasion == MISSED else "recipient:samu",
    )


@pytest.mark.parametrize(
    ("occasion", "after_s", "line"),
    [
        (SENT, 0.83, "Test: sent to samu at 14:02, in 0.8 s"),
        (DELIVERED, 3.0, "Test: received by samu at 14:02, in 3.0 s"),
        (DELIVERED, 9.96, "Test: received by samu at 14:02, in 10.0 s"),
        (SENT, 75.0, "Test: sent to samu at 14:03, in 1 min"),
        (MISSED, 60.0, "Test: not through to anybody after 1 min"),
    ],
)
def test_it_is_one_line_that_says_who_when_and_how_fast(occasion: int, after_s: float, line: str) -> None:
    telling = told(occasion, after_s)
    assert compose_sms(telling) == compose_subject(telling) == line
    assert segments(line) == 1


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("occasion", [MISSED, SENT, DELIVERED])
def test_no_form_of_it_can_be_taken_for_a_call_for_help(occasion: int, language: str) -> None:
    telling = told(occasion, 1.0, language=language)
    for text in (compose_sms(telling), compose_subject(telling), compose_mail(telling, attempt=1)):
        assert text.startswith(("Test", "Essai"))
        assert all(alarm not in text for alarm in ("ASSAULT", "AGRESSION"))
