"""From notifications to items: counts, ages, what is new, what is missing, what may be acknowledged.

The rules are the safety rules 1 to 4 of the fact sheet's section 9.2, and sections 9.4 and 9.5.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, Self

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import events
from flicbridge.press.flic2.reports import Item, PressGap, QueueDone, Ready, SessionEvent
from flicbridge.press.flic2.wire.presses import (
    ButtonEventNotification,
    EventItem,
    InitButtonEventsResponse,
)

QUEUE_SILENCE_S: Final = 5.0
"""A button that announced a queue and then says nothing for that long has forgotten to end it."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a session begins, worked out from what the host had stored and what the button answered.

    Attributes:
        boot_id: the button's.
        processed: queued items up to this count are known already; None: everything is new.
        counted: presses after this count are missing if they do not come; None: unknown.
        ready: what to tell the host.
        gap: whole presses that are missing already.
    """

    boot_id: int
    processed: int | None
    counted: int | None
    ready: Ready
    gap: PressGap | None

    @classmethod
    def work_out(cls, resume: Counter | None, response: InitButtonEventsResponse) -> Self:
        """Compare what was stored with what the button says.

        Args:
            resume: the last event processed, None if nothing is known of this button's events.
            response: its boot id counts, not its opcode: None stands for the boot id we sent.
        """
        sent_boot_id = resume.boot_id if resume else 0
        boot_id = sent_boot_id if response.boot_id is None else response.boot_id
        if resume is None:
            return cls._first_contact(boot_id, response)
        if boot_id != resume.boot_id:
            return cls._after_restart(boot_id, response)
        return cls._same_boot(resume, response)

    @classmethod
    def _first_contact(cls, boot_id: int, response: InitButtonEventsResponse) -> Self:
        # Rule 2, "right after FullVerify". What was before us is none of our business, so nothing is missing.
        if response.has_queued_events:  # rule 1: until the queue has come, nothing counts as processed
            return cls(boot_id, None, None, cls._ready(boot_id, 0, response), None)
        ready = cls._ready(boot_id, response.event_count, response)
        return cls(boot_id, None, response.event_count, ready, None)

    @classmethod
    def _after_restart(cls, boot_id: int, response: InitButtonEventsResponse) -> Self:
        # Rule 2, "new boot id": the count begins at 0 again, and all of the new boot is news.
        ready = cls._ready(boot_id, 0, response, restarted=True)
        counted, gap = cls._already_missing(boot_id, 0, response)
        return cls(boot_id, None, counted, ready, gap)

    @classmethod
    def _same_boot(cls, resume: Counter, response: InitButtonEventsResponse) -> Self:
        own, buttons = resume.event_count, response.event_count
        is_ahead = own != buttons and events.is_at_or_before(buttons, own)
        if is_ahead and not response.has_queued_events:  # rule 3: what we had stored cannot be
            ready = cls._ready(resume.boot_id, buttons, response, rewound=True)
            return cls(resume.boot_id, buttons, buttons, ready, None)
        counted, gap = cls._already_missing(resume.boot_id, own, response)
        return cls(resume.boot_id, own, counted, cls._ready(resume.boot_id, own, response), gap)

    @classmethod
    def _already_missing(
        cls, boot_id: int, own: int, response: InitButtonEventsResponse
    ) -> tuple[int, PressGap | None]:
        """With nothing queued, the button's count tells at once whether presses were lost."""
        if response.has_queued_events:
            return own, None
        lost = events.presses_after(own, response.event_count)
        gap = PressGap(lost, Counter(boot_id, response.event_count)) if lost else None
        return response.event_count, gap

    @staticmethod
    def _ready(
        boot_id: int,
        event_count: int,
        response: InitButtonEventsResponse,
        *,
        restarted: bool = False,
        rewound: bool = False,
    ) -> Ready:
        clock_s = events.seconds(response.clock_ticks)
        return Ready(boot_id, event_count, clock_s, restarted, response.has_queued_events, rewound)


class Intake:
    """The presses of one session."""

    def __init__(self, start: Start, response: InitButtonEventsResponse, now_s: float) -> None:
        self._start = start
        self._clock_ticks = response.clock_ticks
        self._clock_read_s = now_s
        self._last_queued_ticks: int | None = None
        self._processed = start.processed
        self._counted = start.counted
        self._committed = None if start.processed is None else Counter(start.boot_id, start.processed)
        self._acks_due: deque[int] = deque()
        self._silent_at_s: float | None = now_s + QUEUE_SILENCE_S if start.ready.queue_follows else None
        self.is_queue_done = False

    @property
    def deadline_s(self) -> float | None:
        """When an unfinished queue counts as finished."""
        return self._silent_at_s

    def begin(self) -> list[SessionEvent]:
        """Return what is to be said before anything is received."""
        said: list[SessionEvent] = [self._start.ready]
        if self._start.gap is not None:
            said.append(self._start.gap)
        if not self._start.ready.queue_follows:
            said.append(self._finish_queue(self._clock_ticks))
        return said

    def take(self, notification: ButtonEventNotification, now_s: float) -> list[SessionEvent]:
        """Turn one notification into what is new in it."""
        kinds = [events.item_kind(item.encoded) for item in notification.items]
        counts = events.item_counts(notification.press_counter, kinds)
        said: list[SessionEvent] = []
        for item, kind, count in zip(notification.items, kinds, counts, strict=True):
            if not item.was_queued and not self.is_queue_done:
                said.append(self._finish_queue(self._clock_ticks))
            if not self._is_known(item, count):
                said += self._gap_before(count)
                said.append(self._item(item, kind, count, now_s))
            if item.was_queued and not self.is_queue_done:
                self._last_queued_ticks = item.at_ticks
                self._silent_at_s = now_s + QUEUE_SILENCE_S
                if item.was_queued_last:
                    said.append(self._finish_queue(self._clock_ticks))
        if any(events.completes_click(item.encoded) for item in notification.items):
            self._acks_due.append(notification.press_counter)
        return said

    def pass_time(self, now_s: float) -> list[SessionEvent]:
        """End a queue that the button does not end. What it still holds would arrive as items anyway."""
        if self._silent_at_s is None or now_s < self._silent_at_s:
            return []
        # The silence is ours, not the button's word, so only what it did say is certain to be complete.
        until = self._clock_ticks if self._last_queued_ticks is None else self._last_queued_ticks
        return [self._finish_queue(until)]

    def commit(self, counter: Counter) -> None:
        """Note that everything up to `counter` is safe with the host."""
        if counter.boot_id != self._start.boot_id:
            return
        if self._committed is None or self._committed.at_or_before(counter):
            self._committed = counter

    def pop_ack(self) -> int | None:
        """Return the count to acknowledge now: the last one due that is committed, if there is one."""
        ack = None
        while self._acks_due and self._is_committed(self._acks_due[0]):
            ack = self._acks_due.popleft()
        return ack

    def _is_committed(self, count: int) -> bool:
        return self._committed is not None and Counter(self._start.boot_id, count).at_or_before(
            self._committed
        )

    def _is_known(self, item: EventItem, count: int) -> bool:
        # Rule 4: only queued items are ever dropped. A live one cannot be a replay: its MAC says so.
        return (
            item.was_queued and self._processed is not None and events.is_at_or_before(count, self._processed)
        )

    def _gap_before(self, count: int) -> list[SessionEvent]:
        if self._counted is not None and events.is_at_or_before(count, self._counted):
            return []  # late, not lost: what counts is how far the button had got
        missing = 0 if self._counted is None else events.presses_after(self._counted, count) - 1
        self._counted = count
        if missing <= 0:
            return []
        before = (events.press_of(count) * 4) % events.COUNTS
        return [PressGap(missing, Counter(self._start.boot_id, before))]

    def _item(self, item: EventItem, kind: events.ItemKind, count: int, now_s: float) -> Item:
        age_s = 0.0
        if item.was_queued:
            self._processed = count
            age_s = events.seconds(self._clock_ticks - item.at_ticks) + now_s - self._clock_read_s
        return Item(
            kind=kind,
            at_s=events.seconds(item.at_ticks),
            counter=Counter(self._start.boot_id, count),
            was_queued=item.was_queued,
            age_s=max(0.0, age_s),
            encoded=item.encoded,
        )

    def _finish_queue(self, until_ticks: int) -> QueueDone:
        self.is_queue_done = True
        self._silent_at_s = None
        return QueueDone(events.seconds(max(until_ticks, self._last_queued_ticks or 0)))
