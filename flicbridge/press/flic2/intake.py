"""From notifications to items: counts, ages, what is new, what is missing, what may be acknowledged.

The rules are the safety rules 1 to 4 of the fact sheet's section 9.2, and sections 9.4 and 9.5. A Flic 2
counts its events, a Duo those of each of its two keys; whatever is a count here is one per key.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import events
from flicbridge.press.flic2.reports import Item, PressGap, QueueDone, Ready, SessionEvent

QUEUE_SILENCE_S: Final = 5.0
"""A button that announced a queue and then says nothing for that long has forgotten to end it."""

type Counts = tuple[int, ...]
"""One count per key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the button is, as it says at the start of a session.

    Attributes:
        has_queued_events: presses from before this session follow.
        clock_ticks: the button's clock now, in 1/32768 s since its boot.
        counts: with a queue, those of the events before it; without, the button's last.
        boot_id: None if it is that of the request.
    """

    has_queued_events: bool
    clock_ticks: int
    counts: Counts
    boot_id: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a notification; the attributes are those of `reports.Item`, as the button said them."""

    key: int
    count: int
    at_ticks: int
    encoded: int
    was_queued: bool
    was_queued_last: bool


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
    processed: Counts | None
    counted: Counts | None
    ready: Ready
    gap: PressGap | None

    @classmethod
    def work_out(cls, resume: Counter | None, answer: Answer) -> Self:
        """Compare what was stored with what the button says.

        Args:
            resume: the last event processed, None if nothing is known of this button's events.
            answer: its boot id counts, not its opcode: None stands for the boot id we sent.
        """
        sent_boot_id = resume.boot_id if resume else 0
        boot_id = sent_boot_id if answer.boot_id is None else answer.boot_id
        if resume is None:
            return cls._first_contact(boot_id, answer)
        if boot_id != resume.boot_id:
            return cls._after_restart(boot_id, answer)
        return cls._same_boot(resume, answer)

    @classmethod
    def _first_contact(cls, boot_id: int, answer: Answer) -> Self:
        # Rule 2, "right after FullVerify". What was before us is none of our business, so nothing is missing.
        if answer.has_queued_events:  # rule 1: until the queue has come, nothing counts as processed
            return cls(boot_id, None, None, cls._ready(boot_id, _none_of(answer), answer), None)
        return cls(boot_id, None, answer.counts, cls._ready(boot_id, answer.counts, answer), None)

    @classmethod
    def _after_restart(cls, boot_id: int, answer: Answer) -> Self:
        # Rule 2, "new boot id": the count begins at 0 again, and all of the new boot is news.
        ready = cls._ready(boot_id, _none_of(answer), answer, restarted=True)
        counted, gap = cls._already_missing(boot_id, _none_of(answer), answer)
        return cls(boot_id, None, counted, ready, gap)

    @classmethod
    def _same_boot(cls, resume: Counter, answer: Answer) -> Self:
        own = known = resume.counts[: len(answer.counts)]
        if not answer.has_queued_events:  # rule 3: where we had stored more than there is, that cannot be
            known = tuple(
                button if events.is_at_or_before(button, stored) else stored
                for stored, button in zip(own, answer.counts, strict=True)
            )
        ready = cls._ready(resume.boot_id, known, answer, rewound=known != own)
        counted, gap = cls._already_missing(resume.boot_id, known, answer)
        return cls(resume.boot_id, known, counted, ready, gap)

    @classmethod
    def _already_missing(cls, boot_id: int, own: Counts, answer: Answer) -> tuple[Counts, PressGap | None]:
        """With nothing queued, the button's count tells at once whether presses were lost."""
        if answer.has_queued_events:
            return own, None
        lost = sum(map(events.presses_after, own, answer.counts))
        return answer.counts, PressGap(lost, Counter(boot_id, *answer.counts)) if lost else None

    @staticmethod
    def _ready(
        boot_id: int, counts: Counts, answer: Answer, *, restarted: bool = False, rewound: bool = False
    ) -> Ready:
        place = Counter(boot_id, *counts)
        return Ready(
            boot_id=boot_id,
            event_count=place.event_count,
            clock_s=events.seconds(answer.clock_ticks),
            restarted=restarted,
            queue_follows=answer.has_queued_events,
            rewound=rewound,
            small_count=place.small_count,
            keys=len(counts),
        )


def _none_of(answer: Answer) -> Counts:
    return (0,) * len(answer.counts)


class Intake:
    """The presses of one session."""

    def __init__(self, start: Start, answer: Answer, now_s: float) -> None:
        self._start = start
        self._clock_ticks = answer.clock_ticks
        self._clock_read_s = now_s
        self._last_queued_ticks: int | None = None
        keys = range(len(answer.counts))
        self._processed: dict[int, int] = dict(enumerate(start.processed or ()))
        self._counted: dict[int, int] = dict(enumerate(start.counted or ()))
        # Rule 1: what counts as processed, and not what the button says that it has counted.
        self._place = {key: start.ready.counter.counts[key] for key in keys}
        self._committed = None if start.processed is None else start.ready.counter
        self._acks_due: deque[Counter] = deque()
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

    def take(self, lines: Sequence[Line], now_s: float) -> list[SessionEvent]:
        """Turn one notification into what is new in it."""
        said: list[SessionEvent] = []
        for line in lines:
            if not line.was_queued and not self.is_queue_done:
                said.append(self._finish_queue(self._clock_ticks))
            if not self._is_known(line):
                said += self._gap_before(line)
                said.append(self._item(line, now_s))
            if line.was_queued and not self.is_queue_done:
                self._last_queued_ticks = line.at_ticks
                self._silent_at_s = now_s + QUEUE_SILENCE_S
                if line.was_queued_last:
                    said.append(self._finish_queue(self._clock_ticks))
        if any(events.completes_click(line.encoded) for line in lines):
            self._acks_due.append(self._here())
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

    def pop_ack(self) -> Counter | None:
        """Return what to acknowledge now: the last end of a notification due that is committed, if any."""
        ack = None
        while self._acks_due and self._is_committed(self._acks_due[0]):
            ack = self._acks_due.popleft()
        return ack

    def _is_committed(self, counter: Counter) -> bool:
        return self._committed is not None and counter.at_or_before(self._committed)

    def _is_known(self, line: Line) -> bool:
        # Rule 4: only queued items are ever dropped. A live one cannot be a replay: its MAC says so.
        processed = self._processed.get(line.key)
        return line.was_queued and processed is not None and events.is_at_or_before(line.count, processed)

    def _gap_before(self, line: Line) -> list[SessionEvent]:
        counted = self._counted.get(line.key)
        if counted is not None and events.is_at_or_before(line.count, counted):
            return []  # late, not lost: what counts is how far the button had got
        missing = 0 if counted is None else events.presses_after(counted, line.count) - 1
        self._counted[line.key] = line.count
        if missing <= 0:
            return []
        before = (events.press_of(line.count) * 4) % events.COUNTS
        return [PressGap(missing, self._here({line.key: before}))]

    def _item(self, line: Line, now_s: float) -> Item:
        age_s = 0.0
        if line.was_queued:
            self._processed[line.key] = line.count
            age_s = events.seconds(self._clock_ticks - line.at_ticks) + now_s - self._clock_read_s
        self._place[line.key] = line.count
        return Item(
            kind=events.item_kind(line.encoded),
            at_s=events.seconds(line.at_ticks),
            counter=self._here(),
            was_queued=line.was_queued,
            age_s=max(0.0, age_s),
            encoded=line.encoded,
            key=line.key,
        )

    def _here(self, instead: dict[int, int] | None = None) -> Counter:
        """How far the button's tale has come."""
        return Counter(self._start.boot_id, *(self._place | (instead or {})).values())

    def _finish_queue(self, until_ticks: int) -> QueueDone:
        self.is_queue_done = True
        self._silent_at_s = None
        return QueueDone(events.seconds(max(until_ticks, self._last_queued_ticks or 0)))
