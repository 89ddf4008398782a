"""What the board says, as one answer: every part, and what is wrong with it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flicbridge.guard.board import Board
from flicbridge.observation import Value

# A CR2032 in a Flic 2: about 18 % and 6 % left. Source: flic2 fact sheet 9.3, from the vendor's curve.
BATTERY_LOW_MV: Final = 2740
BATTERY_CRITICAL_MV: Final = 2440


@dataclass(frozen=True, slots=True)
class ButtonPart:
    """A configured button. `paired` is True for families that need no pairing."""

    name: str
    family: str
    serial: str
    over_radio: bool
    paired: bool


@dataclass(frozen=True, slots=True)
class ChannelPart:
    """A configured channel."""

    channel: str
    recipient: str
    transport: str


@dataclass(frozen=True, slots=True)
class House:
    """What does not change while the bridge runs."""

    bridge: str
    version: str
    pid: int
    started_at: datetime
    rehearsal: bool
    buttons: tuple[ButtonPart, ...]
    channels: tuple[ChannelPart, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        part: which part, as on the board: `radio`, `button:poche`, `channel:samu/0`, `store`.
        problem: one word for code to branch on, such as `radio_off`.
        detail: what was seen, in the words of whoever saw it; may be empty.
        since_at: since when, if known.
    """

    part: str
    problem: str
    detail: str
    since_at: datetime | None


def report(
    house: House, board: Board, *, counts: Mapping[str, Any], open_alerts: Sequence[UUID], now_at: datetime
) -> dict[str, Any]:
    """The answer of `flicbridge status --json`: ready for JSON.

    `ok` is True when nothing is known to be wrong; `problems` lists what is, `radio`, `buttons`, `channels`
    and `store` repeat what the parts last said of themselves.
    """
    troubles = list(_troubles(house, board))
    oldest = counts.get("oldest_due_at")
    return {
        "ok": not troubles,
        "problems": [
            {"part": t.part, "problem": t.problem, "detail": t.detail, "since": _iso(t.since_at)}
            for t in troubles
        ],
        "bridge": {
            "id": house.bridge,
            "version": house.version,
            "pid": house.pid,
            "started_at": _iso(house.started_at),
            "uptime_s": round((now_at - house.started_at).total_seconds(), 1),
            "rehearsal": house.rehearsal,
        },
        "radio": board.facts("radio") or {"state": "unused"},
        "buttons": [_button(button, board) for button in house.buttons],
        "channels": [_channel(channel, board) for channel in house.channels],
        "store": board.facts("store"),
        "outbox": {
            "queued": counts.get("queued", 0),
            "sending": counts.get("sending", 0),
            "oldest_due_at": _iso(oldest),
        },
        "open_alerts": [str(alert) for alert in open_alerts],
    }


def _button(button: ButtonPart, board: Board) -> dict[str, Any]:
    link = board.note(f"button:{button.name}", "link")
    return {
        "name": button.name,
        "family": button.family,
        "serial": button.serial,
        "paired": button.paired,
        "link_since": _iso(link.since_at) if link else None,
        **board.facts(f"button:{button.name}"),
    }


def _channel(channel: ChannelPart, board: Board) -> dict[str, Any]:
    state = board.note(f"channel:{channel.channel}", "state")
    return {
        "channel": channel.channel,
        "recipient": channel.recipient,
        "transport": channel.transport,
        "state": "unused",
        "said_at": _iso(state.at) if state else None,
        **board.facts(f"channel:{channel.channel}"),
    }


def _troubles(house: House, board: Board) -> Iterator[Trouble]:
    if any(button.over_radio for button in house.buttons):
        yield from _said(board, "radio", "state", {"off": "radio_off"}, "error")
    for button in house.buttons:
        yield from _button_troubles(button, board)
    for channel in house.channels:
        wrong = {"failing": "channel_failing", "refused": "channel_refused"}
        yield from _said(board, f"channel:{channel.channel}", "state", wrong, "last_error")
    yield from _said(board, "store", "state", {"sick": "store_sick"}, "error")
    yield from _said(board, "api", "state", {"impaired": "api_impaired"}, "error")


def _button_troubles(button: ButtonPart, board: Board) -> Iterator[Trouble]:
    part = f"button:{button.name}"
    if not button.paired:
        yield Trouble(part, "not_paired", "", None)
        return
    if not button.over_radio:
        return
    link = board.note(part, "link")
    if link is None or link.value != "up":
        since_at = None if link is None else link.since_at
        yield Trouble(part, "not_connected", _text(board.value(part, "last_error")), since_at)
    yield from _battery_troubles(part, board)
    for fact, problem in (("tampering", "tampering"), ("presses_lost", "presses_lost")):
        note = board.note(part, fact)
        if note is not None and note.value:
            yield Trouble(part, problem, _text(note.value), note.since_at)


def _battery_troubles(part: str, board: Board) -> Iterator[Trouble]:
    note = board.note(part, "battery_mv")
    if note is None or not isinstance(note.value, int | float):
        return
    if note.value <= BATTERY_LOW_MV:
        problem = "battery_critical" if note.value <= BATTERY_CRITICAL_MV else "battery_low"
        yield Trouble(part, problem, f"{note.value:.0f} mV", note.since_at)


def _said(board: Board, part: str, fact: str, wrong: Mapping[str, str], detail: str) -> Iterator[Trouble]:
    note = board.note(part, fact)
    if note is not None and note.value in wrong:
        yield Trouble(part, wrong[str(note.value)], _text(board.value(part, detail)), note.since_at)


def _text(value: Value) -> str:
    return "" if value is None else str(value)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
