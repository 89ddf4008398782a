"""The links of the chain from a finger to a helper, each with its state and since when. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flicbridge.guard.board import Board
from flicbridge.guard.protection import Problem, Protection, state_of

RADIO: Final = "radio"
OF_THE_ADAPTER: Final = frozenset({"radio_off"})

SHOWN_BY: Final[Mapping[str, str]] = {
    "button": "link", "adapter": "state", "scanner": "state", "flicd": "state", "host": "clock_synchronised",
    "store": "state", "clock": "state", "api": "state", "heartbeat": "state", "channel": "state",
    "recipient": "last_ack_at", "drill": "result", "bridge": "state",
}  # fmt: skip
"""The fact by which each kind of link says how it is: since when it is so, it is so."""

OPTIONAL: Final[Mapping[str, str]] = {"api": "state", "heartbeat": "state", "drill": "due_at"}
"""Links that not every bridge has, and the fact without which this one has none."""

NOT_SHOWN: Final = frozenset({"battery_days", "running", "failure", "failures"})


def links(parts: Sequence[str], board: Board, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Every link: its name, its state by its own problems, since when at least, and what is known of it.

    Args:
        parts: their names, in the order of a press.
        board: what is known.
        problems: all that is wrong.
    """
    found = []
    for part in parts:
        own = [problem for problem in problems if _is_about(problem, part)]
        kind = part.partition(":")[0]
        if own or kind not in OPTIONAL or board.note(part, OPTIONAL[kind]) is not None:
            found.append(_link(part, board, own))
    states = {link["name"]: Protection(link["state"]) for link in found}
    for link in found:
        if link["name"].startswith("recipient:"):
            link["state"] = _reached(link["name"], states).value
    return found


def _reached(recipient: str, states: Mapping[str, Protection]) -> Protection:
    """Somebody is as well reached as over the best of the channels."""
    prefix = f"channel:{recipient.partition(':')[2]}/"
    ways = [state for name, state in states.items() if name.startswith(prefix)]
    return min(ways, key=tuple(Protection).index, default=Protection.NOT_PROTECTED)


def _link(part: str, board: Board, own: Sequence[Problem]) -> dict[str, Any]:
    subject = {"adapter": RADIO, "scanner": RADIO, "bridge": "pipeline"}.get(part, part)
    facts = {fact: value for fact, value in board.facts(subject).items() if fact not in NOT_SHOWN}
    state = state_of(part, [Problem(part, problem.problem) for problem in own])
    since = [p.since_at for p in own if p.since_at is not None and p.makes is state]
    note = board.note(subject, SHOWN_BY[part.partition(":")[0]])
    if state is Protection.PROTECTED and note is not None:
        since = [note.since_at]
    return {
        "name": part,
        "state": state.value,
        "since": min(since).isoformat(timespec="milliseconds") if since else None,
        "problems": [problem.problem for problem in own],
        "facts": facts,
    }


def _is_about(problem: Problem, part: str) -> bool:
    """The radio is two links: the adapter, and what it hears; without the one there is not the other."""
    if problem.part != RADIO or part not in ("adapter", "scanner"):
        return problem.part == part
    return part == "scanner" or problem.problem in OF_THE_ADAPTER
