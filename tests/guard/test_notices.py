"""Whoever looks after a bridge is told what matters, each by its rule, and is not worn out by it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.clock import SystemClock
from flicbridge.guard.board import Board
from flicbridge.guard.notices import NIGHT_BEGINS, NIGHT_ENDS, Notice, Notices
from flicbridge.guard.protection import RULES, Urgency
from flicbridge.transport.notice import VERDICT

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
EVENING = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)  # 21:00 in the practice
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LOOK = timedelta(seconds=30)

type Said = tuple[timedelta, str, bool]


def status(*keys: str, state: str = "degraded", because: Sequence[str] = ()) -> dict[str, Any]:
    """The answer of a bridge with these problems, each named `part/problem`."""
    parts = [key.rsplit("/", 1) for key in keys]
    problems = [{"part": part, "problem": problem, "since": None} for part, problem in parts]
    return {"problems": problems, "protection": {"state": state, "since": None, "because": list(because)}}


def unprotected(*because: str) -> dict[str, Any]:
    return status(*because, state="not_protected", because=because)


def watch(
    story: Sequence[tuple[timedelta, dict[str, Any]]],
    *,
    notices: Notices | None = None,
    from_at: datetime = NOON,
    reach: bool = True,
) -> list[Notice]:
    """Look every half minute while the bridge is, for so long each, as the story says."""
    notices, at, found = notices or fresh(), from_at, []
    for length, answer in story:
        end_at = at + length
        while at < end_at:
            if notice := notices.due(answer, at):
                found.append(notice)
                if reach:
                    notices.reached(notice)
            at += LOOK
    return found


def fresh(board: Board | None = None) -> Notices:
    return Notices(board or Board(SystemClock()), PARIS)


def said(notices: Sequence[Notice], from_at: datetime = NOON) -> list[Said]:
    """When, what and whether it is over."""
    return [(n.at - from_at, item.problem, item.is_over) for n in notices for item in n.news]


# -- one problem by its rule


def test_what_is_told_at_once_is_told_at_the_first_look_and_its_end_after_a_minute() -> None:
    story = [(HOUR, status("store/store_sick")), (HOUR, status())]
    assert said(watch(story)) == [
        (timedelta(0), "store_sick", False),
        (HOUR + MINUTE, "store_sick", True),
    ]


def test_what_does_not_last_is_told_to_nobody() -> None:
    story = [(9 * MINUTE, status("host/host_hot")), (HOUR, status())]
    assert watch(story) == []
    assert said(watch([(HOUR, status("host/host_hot"))])) == [(10 * MINUTE, "host_hot", False)]


def test_what_flickers_counts_as_lasting() -> None:
    flicker = [(MINUTE / 2, status("radio/radio_off")), (MINUTE / 2, status())] * 60
    assert said(watch(flicker)) == [(MINUTE, "radio_off", False)]


def test_what_comes_and_goes_all_day_is_told_once_and_once_that_it_is_over() -> None:
    story = [(10 * MINUTE, status("store/store_sick")), (10 * MINUTE, status())] * 60
    assert [over for _, _, over in said(watch(story))] == [False, True]


def test_what_stays_is_told_again_each_day() -> None:
    story = [(3 * DAY, status("store/disk_full"))]
    assert said(watch(story)) == [(n * DAY, "disk_full", False) for n in range(3)]


def test_what_comes_back_on_another_day_is_told_again() -> None:
    story = [(HOUR, status("store/disk_full")), (DAY, status()), (HOUR, status("store/disk_full"))]
    assert [over for _, _, over in said(watch(story))] == [False, True, False]


@pytest.mark.parametrize("problem", sorted(n for n, r in RULES.items() if r.urgency is Urgency.NEVER))
def test_what_is_somebodys_own_doing_is_not_told(problem: str) -> None:
    assert watch([(DAY, status(f"button:poche/{problem}"))]) == []


def test_a_problem_that_nobody_wrote_a_rule_for_is_told_all_the_same() -> None:
    assert said(watch([(HOUR, status("store/made_up_tomorrow"))])) == [
        (timedelta(0), "made_up_tomorrow", False)
    ]


# -- the night


def test_what_can_wait_waits_for_the_morning_and_comes_as_one_message() -> None:
    story = [
        (HOUR, status("host/disk_low")),
        (DAY / 2, status("host/disk_low", "button:poche/battery_low", "heartbeat/watched_by_nobody")),
    ]
    (morning,) = watch(story, from_at=EVENING)
    assert morning.at - EVENING == 10 * HOUR
    assert {item.problem for item in morning.news} == {"disk_low", "battery_low", "watched_by_nobody"}


def test_what_is_over_by_the_morning_was_never_told() -> None:
    assert watch([(HOUR, status("host/disk_low")), (DAY / 2, status())], from_at=EVENING) == []


def test_what_cannot_wait_is_told_at_night() -> None:
    story = [(HOUR, status("button:poche/battery_critical"))]
    assert said(watch(story, from_at=EVENING + 5 * HOUR), EVENING) == [
        (5 * HOUR + 10 * MINUTE, "battery_critical", False)
    ]


def test_without_a_clock_nothing_waits_for_a_morning_that_nobody_knows() -> None:
    at = datetime(1970, 1, 1, 2, 0, tzinfo=UTC)
    assert len(watch([(HOUR, status("host/disk_low"))], from_at=at)) == 1


def test_a_clock_that_was_set_back_silences_nothing_for_long() -> None:
    notices = fresh()
    watch([(HOUR, status("store/disk_full"))], notices=notices, from_at=NOON + 365 * DAY)
    assert len(watch([(HOUR, status("store/disk_full"))], notices=notices)) == 1


# -- the verdict


def test_that_the_doctor_is_not_protected_is_told_after_a_minute_at_any_hour_and_that_it_is_over() -> None:
    broken = unprotected("bridge/pipeline_stuck")
    found = watch([(HOUR, broken), (HOUR, status())], from_at=EVENING + 5 * HOUR)
    verdicts = [(n.at - EVENING - 5 * HOUR, n.verdict.is_over) for n in found if n.verdict]
    assert verdicts == [(MINUTE, False), (HOUR + MINUTE, True)]
    assert found[1].verdict is not None
    assert found[1].verdict.because == ("bridge", "pipeline_stuck")


def test_a_verdict_and_what_is_behind_it_are_one_message_with_the_verdict_first() -> None:
    (notice,) = watch([(HOUR, unprotected("radio/radio_off"))])
    assert [item.problem for item in notice.news] == [VERDICT, "radio_off"]


def test_a_doctor_who_carries_the_only_button_away_for_a_moment_is_no_news() -> None:
    away = unprotected("button:poche/not_connected")
    assert watch([(9 * MINUTE, away), (HOUR, status())]) == []
    (notice,) = watch([(HOUR, away)])
    assert notice.at - NOON == 10 * MINUTE


def test_a_verdict_that_comes_and_goes_is_told_each_time_but_called_over_ever_more_slowly() -> None:
    story = [(2 * MINUTE, unprotected("bridge/pipeline_stuck")), (2 * MINUTE, status())] * 360
    over = [item.is_over for n in watch(story) for item in n.news if item.problem == VERDICT]
    assert over[:2] == [False, True]
    assert len(over) <= 4


# -- restarts


def test_what_reached_somebody_is_remembered_over_a_restart() -> None:
    board = Board(SystemClock())
    watch([(HOUR, status("store/disk_full"))], notices=fresh(board))
    second = fresh(board)
    assert watch([(HOUR, status("store/disk_full"))], notices=second, from_at=NOON + HOUR) == []
    found = watch([(HOUR, status())], notices=second, from_at=NOON + 2 * HOUR)
    assert said(found, NOON + 2 * HOUR) == [(MINUTE, "disk_full", True)]
    assert watch([(HOUR, status())], notices=fresh(board), from_at=NOON + 3 * HOUR) == []


def test_a_start_gives_no_all_clear_before_a_fault_has_had_time_to_show_again() -> None:
    board = Board(SystemClock())
    watch([(HOUR, unprotected("radio/radio_off"))], notices=fresh(board))
    story = [(MINUTE / 2, status()), (HOUR, unprotected("radio/radio_off"))]
    assert watch(story, notices=fresh(board), from_at=NOON + HOUR) == []


def test_what_reached_nobody_is_told_anew_after_a_restart() -> None:
    board = Board(SystemClock())
    watch([(HOUR, status("store/disk_full"))], notices=fresh(board), reach=False)
    again = watch([(HOUR, status("store/disk_full"))], notices=fresh(board), from_at=NOON + HOUR)
    assert [over for _, _, over in said(again)] == [False]


# -- whatever happens

KEYS = ("store/disk_full", "host/disk_low", "radio/radio_off", "button:poche/not_connected", "x/paused")
ANSWERS = st.one_of(
    st.lists(st.sampled_from(KEYS), unique=True, max_size=5).map(lambda keys: status(*keys)),
    st.lists(st.sampled_from(KEYS), unique=True, min_size=1, max_size=3).map(lambda keys: unprotected(*keys)),
)
STORIES = st.lists(st.tuples(st.integers(1, 240).map(lambda n: n * LOOK), ANSWERS), max_size=40)


def days(found: Sequence[Notice]) -> Iterator[list[Notice]]:
    for first in found:
        yield [n for n in found if timedelta(0) <= n.at - first.at < DAY]


@given(STORIES, st.integers(0, 23))
def test_no_history_makes_a_storm(story: list[tuple[timedelta, dict[str, Any]]], hour: int) -> None:
    for day in days(watch(story, from_at=NOON + hour * HOUR)):
        news = [item for notice in day for item in notice.news]
        for key in KEYS:
            assert sum(item.key == key and not item.is_over for item in news) <= 1
            assert sum(item.key == key and item.is_over for item in news) <= 2
        assert sum(item.problem == VERDICT for item in news) <= 24


@given(STORIES, st.integers(0, 23))
def test_no_all_clear_comes_without_a_fault_that_was_told(
    story: list[tuple[timedelta, dict[str, Any]]], hour: int
) -> None:
    is_open = dict.fromkeys((*KEYS, f"bridge/{VERDICT}"), False)
    for notice in watch(story, from_at=NOON + hour * HOUR):
        for item in notice.news:
            assert is_open[item.key] or not item.is_over
            is_open[item.key] = not item.is_over


@given(STORIES, st.integers(0, 23))
def test_what_can_wait_is_not_told_at_night(story: list[tuple[timedelta, dict[str, Any]]], hour: int) -> None:
    for notice in watch(story, from_at=NOON + hour * HOUR):
        local = notice.at.astimezone(PARIS).hour
        by_day = [i for i in notice.news if i.problem in RULES and RULES[i.problem].urgency is Urgency.BY_DAY]
        assert NIGHT_ENDS <= local < NIGHT_BEGINS or not by_day


@given(STORIES, st.sampled_from([key for key in KEYS if key != "x/paused"]))
def test_nothing_that_lasts_is_never_told(story: list[tuple[timedelta, dict[str, Any]]], key: str) -> None:
    """Whatever was before, after a day and a night the last word about it is that it is wrong."""
    found = watch([*story, (DAY + HOUR, status(key))])
    last = [item for notice in found for item in notice.news if item.key == key][-1]
    assert not last.is_over


@given(STORIES)
def test_whoever_was_told_last_that_the_doctor_is_protected_can_rely_on_it(
    story: list[tuple[timedelta, dict[str, Any]]],
) -> None:
    found = watch([*story, (2 * MINUTE, unprotected("radio/radio_off"))])
    verdicts = [item for notice in found for item in notice.news if item.problem == VERDICT]
    assert verdicts
    assert not verdicts[-1].is_over


@given(STORIES)
def test_a_fault_that_is_gone_for_good_is_called_over(
    story: list[tuple[timedelta, dict[str, Any]]],
) -> None:
    is_open: dict[str, bool] = {}
    for notice in watch([*story, (3 * DAY, status())]):
        is_open |= {item.key: not item.is_over for item in notice.news}
    assert not any(is_open.values())
