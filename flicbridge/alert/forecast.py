"""What will happen: the plan carried out on paper, with the code that carries it out in earnest. Pure."""

import heapq
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Final
from uuid import UUID

from flicbridge.alert.agenda import Agenda
from flicbridge.alert.alert import Alert, AlertKind, Delivery, DeliveryState, Doctor, Practice
from flicbridge.alert.plan import Plan

SOME_DAY: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Because(StrEnum):
    """Why a message leaves when it does."""

    PLANNED = "planned"
    NO_ANSWER = "no_answer"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Expected:
    """One message that will leave.

    Attributes:
        after: how long after the press, or after the bridge learnt of it.
        delivery: the message.
        because: what lets it leave.
    """

    after: timedelta
    delivery: Delivery
    because: Because


def imagined(kind: AlertKind = AlertKind.EMERGENCY, *, late: timedelta = timedelta(0)) -> Alert:
    """An alert to forecast, of a press that was so old on arrival."""
    return Alert(
        id=UUID(int=0),
        kind=kind,
        bridge="",
        button="",
        gesture="",
        pressed_at=SOME_DAY - late,
        received_at=SOME_DAY,
        was_queued=bool(late),
        doctor=Doctor("", ""),
        practice=Practice("", ""),
        position=None,
    )


def forecast(
    plan: Plan,
    alert: Alert,
    *,
    failing: AbstractSet[str] = frozenset(),
    answered_after: timedelta | None = None,
) -> list[Expected]:
    """What leaves the house for an alert, in order.

    Args:
        plan: the plan.
        alert: for which.
        failing: channels that refuse every message for good.
        answered_after: when somebody acknowledges it; None: nobody ever does.
    """
    is_test = alert.kind is AlertKind.TEST
    paper = _Paper(failing, answered_after)
    for delivery in plan.for_test(alert) if is_test else plan.for_emergency(alert):
        paper.owe(delivery)
    paper.play(None if is_test else plan.give_up_after)
    return paper.expected


class _Paper:
    """An agenda and a queue of messages, whose time is turned by hand."""

    def __init__(self, failing: AbstractSet[str], answered_after: timedelta | None) -> None:
        self.expected: list[Expected] = []
        self._failing = failing
        self._answered_s = None if answered_after is None else answered_after.total_seconds()
        self._agenda = Agenda()
        self._queue: list[tuple[float, int, Delivery, Because]] = []
        self._numbers = count()

    def owe(self, delivery: Delivery) -> None:
        due_s = (delivery.due_at - delivery.made_at).total_seconds()
        if delivery.turn:
            self._agenda.keep(delivery, due_s)
        else:
            self._put(due_s, delivery, Because.PLANNED)

    def play(self, give_up_after: timedelta | None) -> None:
        """Let time pass until nothing more happens, or the alert is given up."""
        end_s = None if give_up_after is None else give_up_after.total_seconds()
        while (now_s := self._next_s()) is not None and (end_s is None or now_s < end_s):
            while self._queue and self._queue[0][0] <= now_s:
                _, _, delivery, because = heapq.heappop(self._queue)
                self._send(now_s, delivery, because)
            for delivery in self._agenda.due(now_s):
                if self._is_answered(now_s):
                    self._agenda.hold(delivery)
                else:
                    self._put(now_s, self._agenda.take(delivery, now_s), Because.NO_ANSWER)

    def _next_s(self) -> float | None:
        dues = [self._queue[0][0]] if self._queue else []
        if (turn_s := self._agenda.next_s) is not None:
            dues.append(turn_s)
        return min(dues, default=None)

    def _put(self, due_s: float, delivery: Delivery, because: Because) -> None:
        heapq.heappush(self._queue, (due_s, next(self._numbers), delivery, because))

    def _send(self, now_s: float, delivery: Delivery, because: Because) -> None:
        if delivery.unless is not None and self._is_answered(now_s):
            return
        self.expected.append(Expected(timedelta(seconds=now_s), delivery, because))
        if delivery.channel not in self._failing:
            return
        following = self._agenda.after(delivery, DeliveryState.FAILED)
        if following is not None:
            self._put(now_s, self._agenda.take(following, now_s), Because.FAILED)

    def _is_answered(self, now_s: float) -> bool:
        return self._answered_s is not None and self._answered_s <= now_s
