"""What differs between the buttons of this family once a session is established: how they speak of presses.

A Flic 2 has one button and says so in whole bytes; a Duo has two and packs them into a stream of bits. Here
both become the same lines, and the rest of the session need not know.

Source: fact sheet sections 9 and 12.
"""

from typing import Final, Protocol

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import events
from flicbridge.press.flic2.duo import DuoStream
from flicbridge.press.flic2.intake import Answer, Line
from flicbridge.press.flic2.wire import duo, presses
from flicbridge.press.flic2.wire.packet import FromButtonOp, Packet


class Dialect(Protocol):
    """How one button is asked for presses, tells them, and learns that they are safe.

    Attributes:
        answer_op: which response the request gets.
    """

    answer_op: FromButtonOp

    def request(self, resume: Counter | None, limits: presses.QueueLimits) -> Packet:
        """Make the request for presses that comes first in every session."""
        ...

    def read_answer(self, packet: Packet) -> Answer | None:
        """Understand the response to it; None if the packet is something else."""
        ...

    def read_lines(self, packet: Packet) -> tuple[Line, ...] | None:
        """Understand a notification; None if the packet is something else.

        Raises:
            MalformedPacketError: it is one, and makes no sense.
        """
        ...

    def acknowledgement(self, counter: Counter) -> Packet:
        """Say that everything up to there is safe."""
        ...


class Flic2Dialect:
    """One button. See `Dialect`."""

    answer_op: FromButtonOp = presses.WITHOUT_BOOT_ID

    def request(self, resume: Counter | None, limits: presses.QueueLimits) -> Packet:
        known = resume or NOTHING
        return presses.InitButtonEventsLightRequest(known.event_count, known.boot_id, limits)

    def read_answer(self, packet: Packet) -> Answer | None:
        match packet:
            case presses.InitButtonEventsResponse(has_queue, clock_ticks, count, boot_id):
                return Answer(has_queue, clock_ticks, (count,), boot_id)
        return None

    def read_lines(self, packet: Packet) -> tuple[Line, ...] | None:
        match packet:
            case presses.ButtonEventNotification(press_counter, items):
                kinds = [events.item_kind(item.encoded) for item in items]
                counts = events.item_counts(press_counter, kinds)
                return tuple(
                    Line(0, count, item.at_ticks, item.encoded, item.was_queued, item.was_queued_last)
                    for item, count in zip(items, counts, strict=True)
                )
        return None

    def acknowledgement(self, counter: Counter) -> Packet:
        return presses.AckButtonEventsInd(counter.event_count)


class DuoDialect:
    """Two buttons: key 0 is the big one, key 1 the small one. See `Dialect`."""

    answer_op: FromButtonOp = FromButtonOp.INIT_BUTTON_EVENTS_DUO_WITHOUT_BOOT_ID

    def __init__(self) -> None:
        self._stream = DuoStream((0, 0), is_queue_done=False)

    def request(self, resume: Counter | None, limits: presses.QueueLimits) -> Packet:
        known = resume or NOTHING
        return duo.InitButtonEventsDuoLightRequest(known.counts, known.boot_id, limits)

    def read_answer(self, packet: Packet) -> Answer | None:
        match packet:
            case duo.InitButtonEventsDuoResponse(has_queue, clock_ticks, counts, boot_id):
                self._stream = DuoStream(counts, is_queue_done=not has_queue)
                return Answer(has_queue, clock_ticks, counts, boot_id)
        return None

    def read_lines(self, packet: Packet) -> tuple[Line, ...] | None:
        match packet:
            case duo.ButtonEventDuoNotification():
                # Swipes and accelerations say how the button was moved, not that help is wanted.
                return tuple(
                    Line(
                        each.button,
                        each.count,
                        each.at_ticks,
                        each.encoded,
                        each.was_queued,
                        each.was_queued_last,
                    )
                    for each in self._stream.decode(packet.encode())
                )
        return None

    def acknowledgement(self, counter: Counter) -> Packet:
        return duo.AckButtonEventsDuoInd(counter.counts)


NOTHING: Final = Counter(0, 0)
"""What a host says that knows nothing of a button's events yet."""
