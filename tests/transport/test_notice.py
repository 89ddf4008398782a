"""A message about the bridge itself says what, which bridge and since when, and nothing of a person."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.texts.problems import PROBLEMS
from flicbridge.transport.base import Message
from flicbridge.transport.gsm import segments, transliterate
from flicbridge.transport.http import cloud_event
from flicbridge.transport.notice import CUT, VERDICT, House, News, compose_notice

AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)


PARTS = ("store", "button:poche", "channel:samu/0", "bridge", "host")


def news(problem: str = "disk_full", *, part: str = "store", over: bool = False) -> News:
    return News(part, problem, AT, is_over=over)


def notice(
    *items: News, language: str = "en", channel: str = "tech/0", bridge: str = "tilleuls-1"
) -> Message:
    house = House(bridge, language, "Europe/Paris")
    return compose_notice(house, items or (news(),), channel=channel, at=AT, sent_at=AT)


def verdict(*, over: bool = False) -> News:
    return News("bridge", VERDICT, AT, is_over=over, because=None if over else ("radio", "radio_off"))


def test_it_says_what_where_since_when_and_what_to_do() -> None:
    message = notice()
    said = "MAINTENANCE tilleuls-1: database: has hardly any room left on its disk, since 2026-11-22 at 14:02"
    assert message.subject == said
    assert message.sms == f"{said}. Make room on the disk."
    assert "Make room on the disk.\n\nThis is about the bridge itself. Nobody is calling" in message.text
    over = notice(news(over=True))
    assert over.subject == "MAINTENANCE tilleuls-1: over: database: has hardly any room left on its disk"
    assert "Make room" not in over.text


def test_that_no_press_gets_through_is_said_first_and_why() -> None:
    message = notice(verdict())
    said = "NOT PROTECTED tilleuls-1: a press reaches nobody, since 2026-11-22 at 14:02"
    assert message.subject == said
    assert "Bluetooth radio: does not work, no real button is heard. Plug in" in message.text
    assert message.sms.startswith(said)
    assert notice(verdict(over=True)).sms == "PROTECTED AGAIN tilleuls-1: a press reaches help again"


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("problem", sorted({*PROBLEMS, "made_up_tomorrow"}))
@pytest.mark.parametrize("over", [True, False])
def test_every_notice_is_one_sms_and_not_cut(problem: str, language: str, over: bool) -> None:
    for part in PARTS:
        sms = notice(news(problem, part=part, over=over), language=language).sms
        assert segments(sms) == 1
        assert not sms.endswith(CUT)


ITEMS = st.builds(news, st.sampled_from(sorted(PROBLEMS)), part=st.sampled_from(PARTS), over=st.booleans())


@given(
    st.lists(ITEMS, min_size=1, max_size=12), st.booleans(), st.sampled_from(["en", "fr"]), st.integers(1, 64)
)
def test_whatever_is_new_is_one_sms_that_begins_with_the_gravest_and_a_mail_that_says_all(
    items: list[News], with_verdict: bool, language: str, length: int
) -> None:
    told = [*([verdict()] if with_verdict else []), *items]
    message = notice(*told, language=language, bridge="t" * length)
    assert segments(message.sms) == 1
    assert message.sms.split()[0] == transliterate(message.subject.split()[0])
    assert len(message.data["news"]) == len(told)
    assert message.text.count("t" * length) >= len(told)


def test_what_does_not_fit_is_counted() -> None:
    message = notice(*(news(problem, part="button:poche") for problem in sorted(PROBLEMS)[:9]))
    shown = message.sms.count("button poche")
    assert f"(and {9 - shown} more)" in message.sms
    assert message.subject.endswith(" (and 8 more)")


def test_a_name_that_is_too_long_is_cut() -> None:
    message = notice(news(part="button:" + "p" * 64), bridge="t" * 64)
    assert segments(message.sms) == 1
    assert message.sms.endswith(CUT)


def test_a_time_that_no_clock_can_have_told_is_not_told() -> None:
    unset = News("store", "disk_full", datetime(1970, 1, 1, tzinfo=UTC), is_over=False)
    assert notice(unset).subject.endswith("since an unknown time")


def test_it_is_the_same_message_on_every_try_and_another_on_every_channel() -> None:
    assert notice().key == notice().key
    keys = {notice().key, notice(channel="tech/1").key, notice(news(over=True)).key, notice(verdict()).key}
    assert len(keys) == 4


def test_a_machine_cannot_take_it_for_an_alert() -> None:
    event = json.loads(cloud_event(notice(news(), news("store_sick", over=True))))
    since = "2026-11-22T13:02:00.000+00:00"
    assert event["type"] == "fr.flicbridge.maintenance.fault"
    first = {"part": "store", "problem": "disk_full", "over": False, "since": since}
    second = {"part": "store", "problem": "store_sick", "over": True, "since": since}
    assert event["data"] == {
        "kind": "maintenance", "bridge": "tilleuls-1", **first, "news": [first, second],
    }  # fmt: skip
    assert json.loads(cloud_event(notice(news(over=True))))["type"] == "fr.flicbridge.maintenance.over"
