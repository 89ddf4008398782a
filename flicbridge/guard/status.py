"""What the board says, as one answer: every part, and what is wrong with it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from flicbridge.alert.alert import Alert
from flicbridge.alert.drill import DrillKind, DrillResult
from flicbridge.guard import machine, vigour
from flicbridge.guard.attacks import REMEMBERED, attacks, unproven
from flicbridge.guard.board import Board
from flicbridge.guard.drills import FACTS
from flicbridge.guard.forecast import SOON_WEEKS
from flicbridge.guard.lag import LAGGING_S
from flicbridge.guard.links import links
from flicbridge.guard.parts import failing
from flicbridge.guard.protection import Chain, Problem, judge
from flicbridge.guard.trouble import Trouble
from flicbridge.observation import Value
from flicbridge.press.settings import Family

# A CR2032 in a Flic 2: about 18 % and 6 % left. Source: flic2 fact sheet 9.3, from the vendor's curve.
BATTERY_LOW_MV: Final = 2740
BATTERY_CRITICAL_MV: Final = 2440
# Where only flicd's percentage is known, which is about as rough.
BATTERY_LOW_PERCENT: Final = 18
BATTERY_CRITICAL_PERCENT: Final = 6

FLICD_PROBLEMS: Final = {
    "unreachable": "flicd_unreachable",
    "radio_off": "flicd_radio_off",
    "full": "flicd_full",
}
"""What is wrong with flicd, by its state."""


@dataclass(frozen=True, slots=True)
class ButtonPart:
    """A configured button.

    Attributes:
        paired: always, for families that need no pairing.
        has_small_gestures: it is meant to be a Flic Duo.
        raises: whether one of its gestures is an alert.
    """

    name: str
    family: str
    serial: str
    over_radio: bool
    paired: bool
    has_small_gestures: bool = False
    raises: bool = True

    @property
    def heard_through(self) -> str:
        """The part that it is heard through; empty if it needs none."""
        return {Family.FLIC2: "radio", Family.FLICD: "flicd"}.get(Family(self.family), "")


@dataclass(frozen=True, slots=True)
class ChannelPart:
    """A configured channel.

    Attributes:
        is_first: whether somebody is told over it at once, in the plan's first step.
    """

    channel: str
    recipient: str
    transport: str
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class House:
    """What does not change while the bridge runs.

    Attributes:
        believes_test_key: it is a test bench, and anybody can make a button that passes for one of its own.
    """

    bridge: str
    version: str
    pid: int
    started_at: datetime
    rehearsal: bool
    buttons: tuple[ButtonPart, ...]
    channels: tuple[ChannelPart, ...]
    believes_test_key: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """Every link of the chain, in the order of a press, as on the board."""
        families = {button.family for button in self.buttons}
        radio = ("adapter", "scanner") if Family.FLIC2 in families else ()
        return (
            *(f"button:{button.name}" for button in self.buttons),
            *radio,
            *(("flicd",) if Family.FLICD in families else ()),
            *("bridge", "host", "store", "clock", "api", "heartbeat"),
            *(f"channel:{channel.channel}" for channel in self.channels),
            *(f"recipient:{name}" for name in dict.fromkeys(c.recipient for c in self.channels)),
            *(f"drill:{kind.value}" for kind in DrillKind),
        )

    @property
    def chain(self) -> Chain:
        """What an alert can travel through."""
        return Chain(
            {button.name: button.heard_through for button in self.buttons if button.raises},
            frozenset(channel.channel for channel in self.channels if channel.is_first),
        )


def report(
    house: House,
    board: Board,
    *,
    counts: Mapping[str, Any],
    open_alerts: Sequence[UUID],
    now_at: datetime,
    unanswered: Sequence[Alert] = (),
    trials: Sequence[UUID] = (),
) -> dict[str, Any]:
    """The answer of `flicbridge status --json`: ready for JSON.

    `protection` is the answer, `problems` lists all that is known to be wrong, each with what it `makes` of
    its own link; `radio`, `flicd`, `buttons`, `channels` and `store` repeat what the parts last said of
    themselves. `open_alerts` are calls for help; tests and drills are `trials`, until they have a result.
    `ok` is True when nothing at all is known to be wrong.
    """
    troubles = [*_troubles(house, board, now_at), *map(_unanswered, unanswered)]
    problems = [Problem(t.part, t.problem, t.since_at) for t in troubles]
    verdict = judge(problems, house.chain)
    return {
        "protection": {
            "state": verdict.state.value,
            "since": _iso(verdict.since_at),
            "because": [f"{problem.part}/{problem.problem}" for problem in verdict.because],
        },
        "ok": not troubles,
        "problems": [_problem(t, p) for t, p in zip(troubles, problems, strict=True)],
        "links": links(house.parts, board, problems),
        "bridge": _program(house, board, now_at),
        "radio": board.facts("radio") or {"state": "unused"},
        "flicd": board.facts("flicd") if _is_used(house, Family.FLICD) else {"state": "unused"},
        "buttons": [_button(button, board) for button in house.buttons],
        "channels": [_channel(channel, board) for channel in house.channels],
        "store": board.facts("store"),
        "pipeline": board.facts("pipeline"),
        "drills": drills(board),
        "outbox": _outbox(counts),
        "open_alerts": [str(alert) for alert in open_alerts],
        "trials": [str(alert) for alert in trials],
    }


def _problem(trouble: Trouble, problem: Problem) -> dict[str, Any]:
    return {
        "part": trouble.part,
        "problem": trouble.problem,
        "detail": trouble.detail,
        "since": _iso(trouble.since_at),
        "times": trouble.times,
        "last": _iso(trouble.last_at),
        "makes": problem.makes.value,
    }


def _program(house: House, board: Board, now_at: datetime) -> dict[str, Any]:
    return {
        "id": house.bridge,
        "version": house.version,
        "pid": house.pid,
        "started_at": _iso(house.started_at),
        "uptime_s": round((now_at - house.started_at).total_seconds(), 1),
        "rehearsal": house.rehearsal,
        "loop_lag_s": board.value("loop", "lag_s"),
    }


def _outbox(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "queued": counts.get("queued", 0),
        "sending": counts.get("sending", 0),
        "oldest_due_at": _iso(counts.get("oldest_due_at")),
        "oldest_tried_at": _iso(counts.get("oldest_tried_at")),
        "error": counts.get("error"),
    }


def _unanswered(alert: Alert) -> Trouble:
    """Nobody answered a call for help to the end: somebody must look what came of it."""
    return Trouble(f"alert:{str(alert.id)[:8]}", "alert_unanswered", "", alert.received_at)


def _button(button: ButtonPart, board: Board) -> dict[str, Any]:
    link = board.note(f"button:{button.name}", "link")
    return {
        "name": button.name,
        "family": button.family,
        "serial": button.serial,
        "paired": button.paired,
        "link_since": _iso(link.since_at) if link else None,
        **{k: v for k, v in board.facts(f"button:{button.name}").items() if k != "battery_days"},
    }


def _channel(channel: ChannelPart, board: Board) -> dict[str, Any]:
    state = board.note(f"channel:{channel.channel}", "state")
    return {
        "channel": channel.channel,
        "recipient": channel.recipient,
        "transport": channel.transport,
        "state": "unused",
        "circuit": "closed",
        "failing_since": None,
        "failures_in_a_row": 0,
        "next_try_at": None,
        "said_at": _iso(state.at) if state else None,
        **board.facts(f"channel:{channel.channel}"),
    }


def _troubles(house: House, board: Board, now_at: datetime) -> Iterator[Trouble]:
    if house.believes_test_key:
        yield Trouble("radio", "test_key_believed", "", house.started_at)
    if _is_used(house, Family.FLIC2):
        yield from _said(board, "radio", "state", {"off": "radio_off"}, "error")
        yield from _silence(board)
    if _is_used(house, Family.FLICD):
        yield from _said(board, "flicd", "state", FLICD_PROBLEMS, "error")
    for button in house.buttons:
        yield from _button_troubles(button, board)
    for part in ("radio", *(f"button:{button.name}" for button in house.buttons)):
        for seen in attacks(part, board, now_at):
            yield Trouble(part, seen.kind, seen.detail, seen.since_at, seen.times, seen.last_at)
    for channel in house.channels:
        if board.note(f"channel:{channel.channel}", "state") is None:
            yield Trouble(f"channel:{channel.channel}", "channel_unproven", "", None)
        wrong = {"failing": "channel_failing", "refused": "channel_refused"}
        yield from _said(board, f"channel:{channel.channel}", "state", wrong, "last_error")
        unread = {"unread": "replies_unread"}
        yield from _said(board, f"channel:{channel.channel}", "replies", unread, "replies_error")
        yield from vigour.troubles(f"channel:{channel.channel}", board)
    yield from _bridge(house, board, now_at)
    yield from _drill_troubles(board, now_at)
    yield from _clock(board, now_at)
    yield from machine.troubles(board)
    yield from _said(board, "store", "state", {"sick": "store_sick"}, "error")
    yield from _said(board, "store", "reserve", {"spent": "disk_full"}, "fault")
    for fact, problem in (("aside", "store_set_aside"), ("beside", "store_too_new")):
        if (note := board.note("store", fact)) is not None and note.value:
            yield Trouble("store", problem, _text(note.value), note.since_at)
    yield from _said(board, "api", "state", {"impaired": "api_impaired"}, "error")


def _bridge(house: House, board: Board, now_at: datetime) -> Iterator[Trouble]:
    """The bridge itself: whether a press would get through it, and whether its parts stay alive."""
    if house.rehearsal:
        yield Trouble("bridge", "rehearsing", "", house.started_at)
    pipeline = board.note("pipeline", "state")
    if pipeline is not None and pipeline.value == "stuck":
        yield Trouble("bridge", "pipeline_stuck", "", pipeline.since_at)
    for found in failing(board, now_at):
        problem = "vital_part_failing" if found.is_vital else "part_failing"
        detail = f"{found.part}: {found.failure}"
        yield Trouble("bridge", problem, detail, found.since_at, found.failures, found.since_at)
    yield from _said(board, "heartbeat", "state", {"failing": "watched_by_nobody"}, "error")
    lag = board.note("loop", "lag_s")
    if lag is not None and isinstance(lag.value, int | float) and lag.value > LAGGING_S:
        yield Trouble("bridge", "loop_lagging", f"{lag.value:.1f} s", lag.since_at)


def drills(board: Board) -> list[dict[str, Any]]:
    """The drills that take place: each with the last one, and when the next one is due."""
    return [
        {"kind": kind.value, **{fact: board.value(kind.actor, fact) for fact in FACTS}}
        for kind in DrillKind
        if board.value(kind.actor, "due_at") is not None
    ]


def _drill_troubles(board: Board, now_at: datetime) -> Iterator[Trouble]:
    """What was tried out and did not work; what should have been tried out long ago."""
    for drill in drills(board):
        part = f"drill:{drill['kind']}"
        if drill["result"] == DrillResult.FAILED:
            problem = "self_test_failed" if drill["kind"] == DrillKind.SELF else "drill_failed"
            yield Trouble(part, problem, _text(drill["detail"]), datetime.fromisoformat(drill["at"]))
        if (overdue_at := datetime.fromisoformat(drill["overdue_at"])) < now_at:
            yield Trouble(part, "drill_overdue", "", overdue_at)


def _clock(board: Board, now_at: datetime) -> Iterator[Trouble]:
    """The wall clock cannot be right; or it was set within the last day, so that older times may be wrong."""
    yield from _said(board, "clock", "state", {"wrong": "clock_wrong"}, "error")
    stepped = board.note("clock", "stepped_s")
    if stepped is not None and stepped.value and timedelta(0) <= now_at - stepped.at < REMEMBERED:
        yield Trouble("clock", "clock_stepped", f"{stepped.value:+.0f} s", stepped.at)


def _silence(board: Board) -> Iterator[Trouble]:
    """Nothing is heard on the radio: since the last sign of life, not since it was worth reporting."""
    if board.value("radio", "state") != "silent":
        return
    since, outcome = board.value("radio", "silent_since"), board.value("radio", "power_cycle")
    detail = "" if outcome in (None, "done") else f"power cycle: {outcome}"
    yield Trouble("radio", "radio_silent", detail, datetime.fromisoformat(str(since)) if since else None)


def _is_used(house: House, family: Family) -> bool:
    return any(button.family == family for button in house.buttons)


def _button_troubles(button: ButtonPart, board: Board) -> Iterator[Trouble]:
    part = f"button:{button.name}"
    if not button.paired:
        yield Trouble(part, "not_paired", "", None)
        return
    if not button.over_radio:
        return
    paused = board.note(part, "paused")
    if paused is not None and paused.value:
        yield Trouble(part, "paused", "", paused.since_at)
    link = board.note(part, "link")
    # Of a button that sleeps nothing can be known, so nothing is said; when it was last heard is shown.
    if link is None or link.value not in ("up", "asleep"):
        # Under attack a link tries and fails all the time; how long it has been without success matters.
        seen = board.note(part, "connected") or link
        since_at = None if seen is None else seen.since_at
        yield Trouble(part, "not_connected", _text(board.value(part, "last_error")), since_at)
    if button.has_small_gestures and (keys := board.note(part, "keys")) is not None and keys.value == 1:
        yield Trouble(part, "no_small_button", "", keys.since_at)
    yield from _battery_troubles(part, board)
    if (doubt := unproven(part, board)) is not None:
        yield Trouble(part, doubt.kind, doubt.detail, doubt.since_at, doubt.times, doubt.last_at)
    lost = board.note(part, "presses_lost")
    if lost is not None and lost.value:
        yield Trouble(part, "presses_lost", _text(lost.value), lost.since_at)


def _battery_troubles(part: str, board: Board) -> Iterator[Trouble]:
    """By the voltage where it is known: a percentage is only made from it."""
    fact, unit, low, critical = "battery_mv", "mV", BATTERY_LOW_MV, BATTERY_CRITICAL_MV
    if board.note(part, fact) is None:
        fact, unit, low, critical = "battery_percent", "%", BATTERY_LOW_PERCENT, BATTERY_CRITICAL_PERCENT
    note = board.note(part, fact)
    if note is not None and isinstance(note.value, int | float) and note.value <= low:
        problem = "battery_critical" if note.value <= critical else "battery_low"
        yield Trouble(part, problem, f"{note.value:.0f} {unit}", note.since_at)
        return
    weeks = board.note(part, "battery_weeks")
    if weeks is not None and isinstance(weeks.value, int | float) and weeks.value < SOON_WEEKS:
        yield Trouble(part, "battery_will_be_low", "", weeks.since_at)


def _said(board: Board, part: str, fact: str, wrong: Mapping[str, str], detail: str) -> Iterator[Trouble]:
    note = board.note(part, fact)
    if note is not None and note.value in wrong:
        yield Trouble(part, wrong[str(note.value)], _text(board.value(part, detail)), note.since_at)


def _text(value: Value) -> str:
    return "" if value is None else str(value)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
