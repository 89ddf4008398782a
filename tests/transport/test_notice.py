"""A message about the bridge itself says what, which bridge and since when, and nothing of a person."""

import json
from datetime import UTC, datetime

import pytest

from flicbridge.transport.base import Message
from flicbridge.transport.gsm import segments
from flicbridge.transport.http import cloud_event
from flicbridge.transport.notice import WHAT, House, compose_notice

AT = datetime(2026, 11, 22, 13, 2, tzinfo=UTC)


def notice(
    problem: str = "disk_full", *, language: str = "en", channel: str = "tech/0", over: bool = False
) -> Message:
    house = House("tilleuls-1", language, "Europe/Paris")
    return compose_notice(house, problem, channel=channel, since_at=AT, at=AT, sent_at=AT, is_over=over)


def test_it_says_what_where_and_since_when() -> None:
    message = notice()
    assert message.subject == (
        "MAINTENANCE tilleuls-1: the disk is full, only a small reserve is left, since 2026-11-22 at 14:02"
    )
    assert message.sms == message.subject
    assert "Nobody is calling for help" in message.text
    assert notice(over=True).subject.startswith("MAINTENANCE tilleuls-1: over: the disk is full")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("problem", WHAT)
@pytest.mark.parametrize("over", [True, False])
def test_every_notice_fits_into_one_sms(problem: str, language: str, over: bool) -> None:
    assert segments(notice(problem, language=language, over=over).sms) == 1


def test_it_is_the_same_message_on_every_try_and_another_on_every_channel() -> None:
    assert notice().key == notice().key
    assert len({notice().key, notice(channel="tech/1").key, notice(over=True).key}) == 3


def test_a_machine_cannot_take_it_for_an_alert() -> None:
    event = json.loads(cloud_event(notice()))
    assert event["type"] == "fr.flicbridge.maintenance.fault"
    assert event["data"] == {
        "kind": "maintenance",
        "bridge": "tilleuls-1",
        "problem": "disk_full",
        "over": False,
        "since": "2026-11-22T13:02:00.000+00:00",
    }
