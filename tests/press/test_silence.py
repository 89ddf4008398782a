"""The ladder out of silence: one step after the other, none too often, and back on any sound."""

from hypothesis import given
from hypothesis import strategies as st

from flicbridge.press.silence import (
    PATIENCE_S,
    POWER_CYCLE_PAUSE_S,
    RENEW_S,
    RENEW_WHEN_WAITING_S,
    Silence,
    Stage,
    Step,
)

LONGEST_S = 90.0
LOOK_S = 5.0


def steps_of(silence: Silence, until_s: float, *, is_waiting: bool = False) -> list[tuple[float, Step]]:
    """Let time pass without a sound, waking whenever something is due; return the steps but the renewals."""
    now_s, taken = 0.0, list[tuple[float, Step]]()
    while (now_s := silence.due_s(is_waiting=is_waiting)) <= until_s:
        step = silence.next_step(now_s, is_waiting=is_waiting)
        assert step is not None
        if step is not Step.RENEW:
            taken.append((now_s, step))
    return taken


def new(*, may_power_cycle: bool = True) -> Silence:
    return Silence(0.0, longest_s=LONGEST_S, may_power_cycle=may_power_cycle)


def test_silence_is_answered_step_by_step_and_the_last_one_is_a_report() -> None:
    assert steps_of(new(), 200) == [(90, Step.RESTART), (105, Step.POWER_CYCLE), (120, Step.REPORT)]


def test_an_hour_of_silence_costs_four_power_cycles_and_one_report() -> None:
    taken = steps_of(new(), 3600)
    assert [at_s for at_s, step in taken if step is Step.POWER_CYCLE] == [105, 1005, 1905, 2805]
    assert [step for _, step in taken].count(Step.REPORT) == 1


def test_where_power_cycles_are_forbidden_the_report_comes_the_sooner() -> None:
    assert steps_of(new(may_power_cycle=False), 1e6) == [(90, Step.RESTART), (105, Step.REPORT)]


def test_a_scanner_that_sees_nothing_is_renewed_although_links_are_well() -> None:
    silence = new()
    renewed = list[float]()
    for at_s in range(1, 61):
        silence.hear(at_s)
        if silence.next_step(at_s, is_waiting=True) is Step.RENEW:
            renewed.append(at_s)
    assert renewed == [15, 30, 45, 60]


def test_a_scanner_that_nobody_needs_is_renewed_less_often() -> None:
    silence = new()
    assert silence.due_s(is_waiting=True) == RENEW_WHEN_WAITING_S
    assert silence.due_s(is_waiting=False) == RENEW_S
    silence.begin_scan(50)
    assert silence.due_s(is_waiting=False) == LONGEST_S
    silence.hear_advertisement(80)
    assert silence.due_s(is_waiting=False) == 80 + RENEW_S


def test_any_sound_leads_back_to_the_foot_of_the_ladder() -> None:
    for hear in (Silence.hear, Silence.hear_advertisement):
        silence = new()
        assert steps_of(silence, 500)[-1] == (120, Step.REPORT)
        hear(silence, 500)
        assert silence.stage is Stage.LISTENING
        assert silence.heard_s == 500
        # No power cycle: the last one is too near.
        assert steps_of(silence, 700) == [(590, Step.RESTART), (605, Step.REPORT)]


def test_an_adapter_that_has_just_come_is_left_alone_and_the_silence_reported_all_the_same() -> None:
    silence = new()
    silence.move(80)
    assert steps_of(silence, 300) == [(90, Step.RESTART), (105, Step.REPORT), (170, Step.POWER_CYCLE)]


def test_a_slow_power_cycle_gets_its_patience_afterwards() -> None:
    silence = new()
    steps_of(silence, 105)
    silence.finish(140)
    assert steps_of(silence, 200) == [(155, Step.REPORT)]


EVENTS = st.lists(
    st.tuples(
        st.floats(0.0, 200.0),
        st.sampled_from(["advertisement", "link", "scan", "move", "finish", "look", "wait"]),
    ),
    max_size=150,
)


def happen(silence: Silence, event: str, now_s: float) -> Step | None:
    match event:
        case "advertisement":
            silence.hear_advertisement(now_s)
        case "link":
            silence.hear(now_s)
        case "scan":
            silence.begin_scan(now_s)
        case "move":
            silence.move(now_s)
        case "finish":
            silence.finish(now_s)
        case _:
            return silence.next_step(now_s, is_waiting=event == "wait")
    return None


@given(events=EVENTS, may_power_cycle=st.booleans())
def test_no_history_makes_us_touch_an_adapter_that_lives_or_was_touched_lately(
    events: list[tuple[float, str]], may_power_cycle: bool
) -> None:
    silence = new(may_power_cycle=may_power_cycle)
    now_s, heard_s, touched_s, moved_s = 0.0, 0.0, -1e9, -1e9
    for after_s, event in events:
        now_s += after_s
        step = happen(silence, event, now_s)
        if event in ("advertisement", "link"):
            heard_s = now_s
            assert silence.stage is Stage.LISTENING
        if event == "move":
            moved_s = now_s
        if step is Step.POWER_CYCLE:
            assert may_power_cycle
            assert now_s >= heard_s + LONGEST_S + PATIENCE_S
            assert now_s >= touched_s + POWER_CYCLE_PAUSE_S
            assert now_s >= moved_s + LONGEST_S
            touched_s = now_s


@given(
    before=EVENTS,
    after=st.lists(st.sampled_from(["scan", "move", "look", "wait"]), min_size=300, max_size=300),
)
def test_no_history_keeps_a_silence_from_being_reported_in_time(
    before: list[tuple[float, str]], after: list[str]
) -> None:
    silence, now_s = new(), 0.0
    for after_s, event in before:
        now_s += after_s
        happen(silence, event, now_s)
    silence.hear(now_s)
    heard_s = now_s
    while silence.stage is not Stage.SILENT:
        now_s += LOOK_S
        if after:
            happen(silence, after.pop(), now_s)
        silence.next_step(now_s, is_waiting=True)
        assert now_s <= heard_s + LONGEST_S + 2 * PATIENCE_S + 3 * LOOK_S


@given(events=EVENTS, is_waiting=st.booleans())
def test_nothing_is_done_before_it_is_due_and_what_is_due_is_done(
    events: list[tuple[float, str]], is_waiting: bool
) -> None:
    silence, now_s = new(), 0.0
    for after_s, event in events:
        now_s += after_s
        happen(silence, event, now_s)
    due_s = silence.due_s(is_waiting=is_waiting)
    if due_s > now_s:
        assert silence.next_step((now_s + due_s) / 2, is_waiting=is_waiting) is None or due_s - now_s < 1e-6
    assert silence.next_step(max(now_s, due_s), is_waiting=is_waiting) is not None
