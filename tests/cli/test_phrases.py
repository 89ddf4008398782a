"""Every word that the bridge uses has one for people, in every language."""

from collections.abc import Callable

import pytest

from flicbridge.alert.alert import AlertKind, AlertState, DeliveryState, Happening, Purpose
from flicbridge.cli import phrases
from flicbridge.errors import Failure
from flicbridge.press.power import Cycled
from flicbridge.press.recovery import NOT_POWER_CYCLED, POWER_CYCLED, REPORTED, RESTARTED
from flicbridge.texts import translator

type Phrase = Callable[[str, Callable[[str], str]], str]

CODES = [
    *((phrases.kind, code) for code in AlertKind),
    *((phrases.state, code) for code in AlertState),
    *((phrases.happening, code) for code in Happening if code is not Happening.HEARD),  # nobody sees it
    *((phrases.delivery, code) for code in DeliveryState),
    *((phrases.purpose, code) for code in Purpose),
    *((phrases.outcome, code) for code in Failure),
    *((phrases.link, code) for code in ("up", "waiting", "connecting", "asleep", "refused", "not_paired")),
    *((phrases.radio, code) for code in ("scanning", "silent", "off")),
    *((phrases.radio_step, step) for step in (RESTARTED, POWER_CYCLED, NOT_POWER_CYCLED, REPORTED)),
    *((phrases.power_cycle, outcome) for outcome in Cycled if outcome is not Cycled.DONE),
    *((phrases.channel, code) for code in ("ok", "failing", "refused", "unused")),
]


@pytest.mark.parametrize(("phrase", "code"), CODES)
def test_every_word_of_the_domain_is_put_into_french(phrase: Phrase, code: str) -> None:
    assert phrase(str(code), translator("fr").gettext) != phrase(str(code), translator("en").gettext)


@pytest.mark.parametrize(
    "phrase",
    [phrases.kind, phrases.state, phrases.happening, phrases.delivery, phrases.purpose, phrases.link,
     phrases.radio, phrases.radio_step, phrases.power_cycle, phrases.channel, phrases.problem, phrases.part,
     phrases.actor, phrases.outcome],
)  # fmt: skip
def test_a_word_of_another_version_is_shown_as_it_came(phrase: Phrase) -> None:
    assert phrase("brand_new:thing{x}", translator("fr").gettext) == "brand_new:thing{x}"


def test_the_small_button_of_a_duo_is_named_in_the_history() -> None:
    assert phrases.actor("button:poche", translator("en").gettext) == "button poche"
    assert phrases.actor("button:poche/small", translator("en").gettext) == "small button of poche"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (7860, "2 h 11 min"), (273600, "3 d 4 h")],
)
def test_a_duration_has_the_two_units_that_matter(seconds: float, text: str) -> None:
    assert phrases.duration(seconds, translator("en").gettext) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (59.9, "59 s 900 ms"),
        (90, "1 min 30 s"),
        (7860, "2 h 11 min"),
        (3601, "1 h 1 s"),
        (273600, "3 d 4 h"),
        (86400, "1 d"),
    ],
)
def test_what_somebody_plans_with_is_told_exactly(seconds: float, text: str) -> None:
    assert phrases.exactly(seconds, translator("en").gettext) == text


def test_of_a_test_it_is_never_said_that_help_was_told() -> None:
    words = [
        phrases.state("notified", translator("fr").gettext, alert_kind=kind) for kind in ("emergency", "test")
    ]
    assert words == ["les secours sont prévenus", "message d'essai envoyé"]
