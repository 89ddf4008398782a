"""What the gateway phone says of itself is read for what it means to an SMS."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from flicbridge.transport.health import Fitness, Health
from flicbridge.transport.phone_health import health_of
from flicbridge.transport.verdict import Answer


def answer(body: str, status: int = 200) -> Answer:
    return Answer(status, CIMultiDictProxy(CIMultiDict()), body.encode())


def said(**checks: tuple[Any, str]) -> Health | None:
    """The health in an answer with these checks; `_` in their names stands for a colon."""
    named = {
        name.replace("_", ":", 1): {"observedValue": value, "status": status}
        for name, (value, status) in checks.items()
    }
    return health_of(answer(json.dumps({"checks": named, "status": "fail"}), 500))


@pytest.mark.parametrize(
    ("checks", "fitness"),
    [
        ({}, Fitness.WELL),
        ({"battery_level": (94, "pass")}, Fitness.WELL),
        ({"battery_level": (20, "warn")}, Fitness.WEAK),
        ({"battery_level": (5, "fail")}, Fitness.WEAK),
        ({"connection_status": (0, "fail")}, Fitness.WELL),  # no Internet: an SMS needs none
        ({"connection_cellular": (0, "fail")}, Fitness.WEAK),
        ({"messages_failed": (1, "warn")}, Fitness.WEAK),
        ({"messages_failed": (3, "fail"), "battery_level": (5, "fail")}, Fitness.SICK),
    ],
)
def test_what_matters_to_an_sms_counts(checks: dict[str, tuple[Any, str]], fitness: Fitness) -> None:
    health = said(**checks)
    assert health is not None
    assert health.fitness is fitness
    assert bool(health.why) == (fitness is not Fitness.WELL)


def test_what_is_shown_has_its_unit_in_its_name() -> None:
    health = said(battery_level=(74, "pass"), battery_charging=(4, "pass"), messages_failed=(0, "pass"))
    assert health == Health(Fitness.WELL, "", {"battery_percent": 74, "charging": True, "failed_messages": 0})


@pytest.mark.parametrize("body", ["", "OK", "[]", "null", '{"status": "pass"}', '{"checks": 3}'])
def test_an_app_that_does_not_tell_is_not_called_sick(body: str) -> None:
    assert health_of(answer(body, 404)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["battery:level", "messages:failed", "x"]), JSON))
def test_whatever_stands_in_it_breaks_nothing(checks: dict[str, Any]) -> None:
    health = health_of(answer(json.dumps({"checks": checks})))
    assert health is not None
    assert all(isinstance(value, int | float | bool) for value in health.facts.values())
