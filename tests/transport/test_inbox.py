"""What a phone says that came in: believed as far as it makes sense."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError
from flicbridge.transport.base import Received
from flicbridge.transport.inbox import read_inbox, time_of, time_of_state
from flicbridge.transport.verdict import Answer


def entry(number: int, **other: Any) -> dict[str, Any]:
    at = f"2026-03-01T14:0{number}:00.000+01:00"
    usual = {
        "id": f"text:{number}",
        "type": "SMS",
        "sender": "+33555000015",
        "contentPreview": "OK",
        "createdAt": at,
    }
    return usual | other


def answered(content: Any, status: int = 200) -> Answer:
    headers: Mapping[str, str] = {}
    return Answer(status, headers, json.dumps(content).encode())


def test_messages_come_oldest_first_with_the_time_of_the_phone() -> None:
    found = read_inbox(answered([entry(2), entry(1)]))
    assert [message.at for message in found] == [
        datetime(2026, 3, 1, 13, 1, tzinfo=UTC),
        datetime(2026, 3, 1, 13, 2, tzinfo=UTC),
    ]
    assert found[0] == Received("text:1/2026-03-01T14:01:00.000+01:00", "+33555000015", "OK", found[0].at)


@pytest.mark.parametrize(
    "strange", [7, None, {}, entry(1, type="MMS"), entry(1, sender=None), entry(1, contentPreview=["OK"])]
)
def test_what_is_no_sms_is_passed_over(strange: Any) -> None:
    assert len(read_inbox(answered([strange, entry(2)]))) == 1


@pytest.mark.parametrize("at", ["yesterday", None, 7, "2026-03-01T14:00:00"])
def test_a_message_without_a_time_is_a_message(at: Any) -> None:
    assert read_inbox(answered([entry(1, createdAt=at)]))[0].at is None


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_phone_without_an_inbox_is_to_be_mended_by_a_person(status: int) -> None:
    with pytest.raises(PermanentDeliveryError, match="update the app"):
        read_inbox(answered([], status))


@pytest.mark.parametrize("content", [{}, "captive portal", None])
def test_what_is_no_inbox_is_asked_again(content: Any) -> None:
    with pytest.raises(TransientDeliveryError):
        read_inbox(answered(content))


@given(st.binary(max_size=300), st.integers(200, 599))
def test_no_answer_breaks_the_reader(body: bytes, status: int) -> None:
    with suppress(DeliveryError):
        assert all(message.id for message in read_inbox(Answer(status, {}, body)))


def test_the_phone_tells_when_a_message_came_into_a_state() -> None:
    at = "2026-03-01T13:02:00Z"
    assert time_of_state({"states": {"Delivered": at}}, "Delivered") == time_of(at)
    assert time_of_state({"states": {"Sent": at}}, "Delivered") is None
    assert time_of_state({"states": [at]}, "Delivered") is None
