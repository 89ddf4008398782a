"""Am I protected right now? The one honest answer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.guard.protection import (
    RULES,
    WITHOUT_WHICH_NOTHING,
    Chain,
    Problem,
    Protection,
    Weight,
    judge,
    state_of,
)

NOW_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CHAIN = Chain({"poche": "radio", "bureau": "flicd", "ecran": ""}, frozenset({"samu/0", "samu/1"}))
ORDER = list(Protection)

PARTS = st.sampled_from(
    [
        *(f"button:{name}" for name in CHAIN.buttons),
        *(f"channel:{channel}" for channel in CHAIN.channels),
        *("channel:later/0", "radio", "flicd", "bridge", "drill:self", "store", "host"),
    ]
)
PROBLEMS = st.lists(
    st.builds(
        Problem,
        PARTS,
        st.sampled_from(sorted(RULES)),
        st.none() | st.integers(0, 10_000).map(lambda seconds: NOW_AT - timedelta(seconds=seconds)),
    ),
    max_size=12,
)


def breaking(part: str) -> Problem:
    return Problem(part, "radio_off")


def test_with_nothing_wrong_it_is_protected() -> None:
    assert judge((), CHAIN).state is Protection.PROTECTED


@pytest.mark.parametrize(
    "problem", sorted(name for name, rule in RULES.items() if rule.weight is Weight.NOTED)
)
def test_what_no_press_depends_on_changes_nothing(problem: str) -> None:
    assert judge([Problem("store", problem)], CHAIN).state is Protection.PROTECTED


@pytest.mark.parametrize("part", sorted(WITHOUT_WHICH_NOTHING))
def test_without_the_bridge_itself_nobody_is_protected(part: str) -> None:
    assert judge([breaking(part)], CHAIN).state is Protection.NOT_PROTECTED


def test_one_dead_button_of_several_is_a_weakness() -> None:
    assert judge([breaking("button:poche")], CHAIN).state is Protection.DEGRADED


def test_without_any_button_that_is_heard_nobody_is_protected() -> None:
    broken = [breaking(part) for part in ("radio", "flicd", "button:ecran")]
    assert judge(broken, CHAIN).state is Protection.NOT_PROTECTED


def test_a_button_that_raises_nothing_protects_nobody() -> None:
    assert judge((), Chain({}, CHAIN.channels)).state is Protection.NOT_PROTECTED


def test_without_any_channel_of_the_first_step_nobody_is_protected() -> None:
    broken = [breaking("channel:samu/0"), breaking("channel:samu/1")]
    assert judge(broken, CHAIN).state is Protection.NOT_PROTECTED


def test_a_channel_of_a_later_step_that_fails_is_a_weakness() -> None:
    assert judge([breaking("channel:later/0")], CHAIN).state is Protection.DEGRADED


def test_a_problem_that_nobody_wrote_a_rule_for_is_not_swallowed() -> None:
    assert judge([Problem("store", "made_up_tomorrow")], CHAIN).state is Protection.DEGRADED


def test_it_is_not_protected_since_the_last_link_of_the_last_chain_broke() -> None:
    hour, minute = NOW_AT - timedelta(hours=1), NOW_AT - timedelta(minutes=1)
    broken = [
        Problem("channel:samu/0", "channel_failing", hour),
        Problem("channel:samu/1", "channel_failing", minute),
    ]
    assert judge(broken, CHAIN).since_at == minute


def test_what_broke_later_and_elsewhere_does_not_move_the_beginning() -> None:
    hour, minute = NOW_AT - timedelta(hours=1), NOW_AT - timedelta(minutes=1)
    broken = [Problem("bridge", "pipeline_stuck", hour), Problem("channel:samu/0", "channel_failing", minute)]
    assert judge(broken, CHAIN).since_at == hour


def test_it_is_degraded_since_the_first_thing_went_wrong() -> None:
    hour, minute = NOW_AT - timedelta(hours=1), NOW_AT - timedelta(minutes=1)
    weak = [Problem("button:poche", "battery_low", minute), Problem("store", "store_sick", hour)]
    assert judge(weak, CHAIN).since_at == hour


def test_what_nobody_dated_is_not_dated_by_something_else() -> None:
    hour = NOW_AT - timedelta(hours=1)
    alone = Chain({"poche": "radio"}, CHAIN.channels)
    wrong = [Problem("button:poche", "not_paired"), Problem("host", "disk_low", hour)]
    verdict = judge(wrong, alone)
    assert (verdict.state, verdict.since_at) == (Protection.NOT_PROTECTED, None)


def test_a_bridge_without_a_button_that_calls_was_so_before_anything_went_wrong() -> None:
    verdict = judge([Problem("host", "disk_low", NOW_AT)], Chain({}, CHAIN.channels))
    assert (verdict.state, verdict.since_at) == (Protection.NOT_PROTECTED, None)


@given(PROBLEMS)
def test_what_had_begun_by_the_date_given_made_it_so_and_nothing_less_did(problems: list[Problem]) -> None:
    verdict = judge(problems, CHAIN)
    if (since_at := verdict.since_at) is not None:
        dated = [(problem, problem.since_at) for problem in problems if problem.since_at is not None]
        by_then = [problem for problem, at in dated if at <= since_at]
        before = [problem for problem, at in dated if at < since_at]
        assert judge(by_then, CHAIN).state is verdict.state
        assert judge(before, CHAIN).state is not verdict.state


@given(PROBLEMS, PROBLEMS)
def test_another_problem_never_makes_it_better(some: list[Problem], more: list[Problem]) -> None:
    before, after = judge(some, CHAIN).state, judge([*some, *more], CHAIN).state
    assert ORDER.index(after) >= ORDER.index(before)


@given(PROBLEMS)
def test_it_is_protected_just_when_no_problem_matters(problems: list[Problem]) -> None:
    harmless = all(RULES[problem.problem].weight is Weight.NOTED for problem in problems)
    assert (judge(problems, CHAIN).state is Protection.PROTECTED) == harmless


@given(PROBLEMS)
def test_it_is_not_protected_just_when_every_way_of_a_press_meets_something_broken(
    problems: list[Problem],
) -> None:
    broken = {problem.part for problem in problems if RULES[problem.problem].weight is Weight.BREAKS}
    ways = [
        {f"button:{button}", through, "bridge", "drill:self", f"channel:{channel}"}
        for button, through in CHAIN.buttons.items()
        for channel in CHAIN.channels
    ]
    lost = all(way & broken for way in ways)
    assert (judge(problems, CHAIN).state is Protection.NOT_PROTECTED) == lost


@given(PROBLEMS)
def test_the_reasons_given_are_the_worst_first_and_would_alone_give_the_same_answer(
    problems: list[Problem],
) -> None:
    verdict = judge(problems, CHAIN)
    weights = [ORDER.index(problem.makes) for problem in verdict.because]
    assert weights == sorted(weights, reverse=True)
    assert judge(verdict.because, CHAIN).state is verdict.state


@given(PROBLEMS, PARTS)
def test_a_link_is_as_bad_as_the_worst_of_its_own_problems(problems: list[Problem], part: str) -> None:
    own = [problem for problem in problems if problem.part == part]
    assert state_of(part, problems) is state_of(part, own)
    assert (state_of(part, problems) is Protection.NOT_PROTECTED) == any(
        problem.rule.weight is Weight.BREAKS for problem in own
    )
