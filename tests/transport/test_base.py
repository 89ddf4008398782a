"""What every channel can be told."""

from datetime import timedelta

import pytest

from flicbridge.transport.base import ChannelOptions
from flicbridge.transport.email import EmailOptions
from flicbridge.transport.http import HttpOptions
from flicbridge.transport.smsgate import SmsGateOptions


@pytest.mark.parametrize("options", [EmailOptions, HttpOptions, SmsGateOptions])
def test_the_first_attempt_is_short_whatever_the_transport(options: type[ChannelOptions]) -> None:
    first = options.model_fields["timeout"].default
    assert timedelta(seconds=2) <= first <= timedelta(seconds=5)


def test_every_attempt_may_take_twice_as_long_as_the_one_before_up_to_its_patience() -> None:
    options = ChannelOptions(transport="any")
    assert [options.time_for(attempt) for attempt in (1, 2, 3, 4, 10**9)] == [5, 10, 20, 20, 20]


def test_patience_never_shortens_the_first_attempt() -> None:
    options = ChannelOptions(transport="any", timeout=timedelta(seconds=30), patience=timedelta(seconds=10))
    assert [options.time_for(attempt) for attempt in (1, 2)] == [30, 30]
