"""The signed part of a session: everything after the two sides have proven who they are.

Every packet from the button is verified before it is looked at; every packet to it is sealed at the moment it
is handed out, so that what is urgent may still overtake what is not.

Source: fact sheet section 9.
"""

from enum import IntEnum, StrEnum
from typing import Final

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import crypto, events
from flicbridge.press.flic2.dialect import Dialect, DuoDialect, Flic2Dialect
from flicbridge.press.flic2.handshake import Established
from flicbridge.press.flic2.intake import Answer, Intake, Start
from flicbridge.press.flic2.reports import (
    BatteryRead,
    FailReason,
    FirmwareRead,
    NameRead,
    QueueDone,
    SessionEvent,
    SessionFailedError,
)
from flicbridge.press.flic2.requests import Requests
from flicbridge.press.flic2.wire import decode_from_button, presses, services, verify
from flicbridge.press.flic2.wire.packet import FromButtonOp, Packet

CONNECTION: Final = services.SetConnectionParametersInd(
    interval_min=80, interval_max=90, latency=17, supervision_timeout=800
)
"""100 to 112.5 ms, and a lost button is noticed after 8 s. The vendor's choice. Source: section 9.6."""

ADVERTISING: Final = services.SetAdvParametersRequest(
    is_active=True,
    remove_other_pairings=False,
    with_short_range=True,
    with_long_range=False,
    first_interval=160,
    second_interval=1636,
    timeout_s=86400,
)
"""After a lost link the button calls by itself, every 100 ms and later every 1022.5 ms, for a day: this
decides how soon a doctor is protected again. Source: section 9.6."""

_ADVERTISING_FIRMWARE: Final = 6
"""The first firmware that knows SetAdvParametersRequest."""

_REASONS: Final = {
    verify.DisconnectedVerifiedLinkInd.PING_TIMEOUT: "a ping was not answered",
    verify.DisconnectedVerifiedLinkInd.INVALID_SIGNATURE: "a packet of ours did not verify",
    verify.DisconnectedVerifiedLinkInd.REPLACED: "the same pairing began another session",
    verify.DisconnectedVerifiedLinkInd.BY_USER: "on request",
}


class Question(StrEnum):
    """What a button can be asked."""

    BATTERY = "battery"
    FIRMWARE = "firmware"
    NAME = "name"


_QUESTIONS: Final[dict[Question, tuple[Packet, FromButtonOp]]] = {
    Question.BATTERY: (services.GetBatteryLevelRequest(), FromButtonOp.GET_BATTERY_LEVEL),
    Question.FIRMWARE: (services.GetFirmwareVersionRequest(), FromButtonOp.GET_FIRMWARE_VERSION),
    Question.NAME: (services.GetNameRequest(), FromButtonOp.GET_NAME),
}


def ask(requests: Requests, question: Question) -> None:
    """Put a question in line."""
    requests.add(*_QUESTIONS[question])


class _Urgency(IntEnum):
    """Of packets waiting to be handed out, the lowest goes first."""

    NOW = 0
    ACK = 1
    SETTING = 2
    QUESTION = 3


class Conversation:
    """An established logical connection with one button.

    Attributes:
        unexpected: how many authentic packets arrived that nobody had asked for and nobody understood.
    """

    def __init__(
        self,
        established: Established,
        resume: Counter | None,
        requests: Requests,
        advertising: services.SetAdvParametersRequest,
        now_s: float,
    ) -> None:
        self._inbound = established.inbound
        self._outbound = crypto.Seal(established.session_key, crypto.Direction.TO_BUTTON)
        self._firmware = established.paired.firmware if established.paired else None
        self._dialect: Dialect = DuoDialect() if established.is_duo else Flic2Dialect()
        self._resume = resume
        self._requests = requests
        self._advertising = advertising
        self._intake: Intake | None = None
        self._outbox: list[tuple[_Urgency, Packet]] = []
        self.unexpected = 0
        self._ask_for_presses(is_new=established.paired is not None, now_s=now_s)

    def _ask_for_presses(self, *, is_new: bool, now_s: float) -> None:
        # A new pairing wants nothing from the past: the press that made the button public is no alarm.
        limits = presses.QueueLimits(max_queued_packets=0) if is_new else presses.QueueLimits()
        self._post(_Urgency.NOW, self._dialect.request(self._resume, limits))
        self._requests.sent(self._dialect.answer_op, now_s)

    @property
    def deadline_s(self) -> float | None:
        """When to call `pass_time`, at the latest."""
        silent_at_s = None if self._intake is None else self._intake.deadline_s
        deadlines = [each for each in (self._requests.deadline_s, silent_at_s) if each is not None]
        return min(deadlines, default=None)

    def receive(self, sealed: bytes, now_s: float) -> list[SessionEvent]:
        """Take one packet with its MAC.

        Raises:
            SessionFailedError: it is not authentic, or ends the session.
            MalformedPacketError: it is authentic, but not what its opcode promises.
        """
        packet = self._inbound.open(sealed)
        if packet is None:
            raise SessionFailedError(FailReason.PACKET_SIGNATURE, "a packet carries a wrong MAC")
        said = self._understand(decode_from_button(packet), now_s)
        return self._settle(said, now_s)

    def pass_time(self, now_s: float) -> list[SessionEvent]:
        """Look at the deadlines. Raises SessionFailedError if a response is missing."""
        overdue = self._requests.overdue(now_s)
        if overdue is not None:
            raise SessionFailedError(FailReason.RESPONSE_TIMEOUT, f"no {overdue.name.lower()} response")
        return self._settle([] if self._intake is None else self._intake.pass_time(now_s), now_s)

    def acknowledge(self, counter: Counter) -> None:
        """Everything up to `counter` is safe: tell the button if it is waiting for that."""
        if self._intake is not None:
            self._intake.commit(counter)
            self._post_ack()

    def tell(self, packet: Packet) -> None:
        """Say something that has no answer, after whatever is more urgent."""
        self._post(_Urgency.SETTING, packet)

    def take_packets(self) -> list[bytes]:
        """Return what is to be sent, sealed, the most urgent first."""
        self._post_requests()
        outbox, self._outbox = sorted(self._outbox, key=lambda posted: posted[0]), []
        return [self._outbound.seal(packet.encode()) for _, packet in outbox]

    def farewell(self) -> list[bytes]:
        """Return what is to be sent before the link is dropped: acknowledgements, and good-bye."""
        self._outbox = [posted for posted in self._outbox if posted[0] <= _Urgency.ACK]
        goodbye = verify.DisconnectVerifiedLinkInd().encode()
        sealed = [self._outbound.seal(packet.encode()) for _, packet in self._outbox]
        return [*sealed, self._outbound.seal(goodbye)]

    def _post(self, urgency: _Urgency, packet: Packet) -> None:
        self._outbox.append((urgency, packet))

    def _post_ack(self) -> None:
        ack = None if self._intake is None else self._intake.pop_ack()
        if ack is not None:
            self._post(_Urgency.ACK, self._dialect.acknowledgement(ack))

    def _post_requests(self) -> None:
        for request in self._requests.pop_ready():
            self._post(_Urgency.QUESTION, request)

    def _understand(self, packet: Packet | None, now_s: float) -> list[SessionEvent]:
        match packet:
            case services.PingRequest():
                self._post(_Urgency.NOW, services.PingResponse())
                return []
            case verify.DisconnectedVerifiedLinkInd(reason):
                raise SessionFailedError(
                    FailReason.DISCONNECTED, _REASONS.get(reason, f"reason {reason}"), reason
                )
            case None:
                self.unexpected += 1
                return []
        lines = self._dialect.read_lines(packet)
        if lines is not None:
            return self._started("events").take(lines, now_s)
        if self._intake is None and (answer := self._dialect.read_answer(packet)) is not None:
            return self._begin(answer, now_s)
        return self._note_answer(packet)

    def _note_answer(self, packet: Packet) -> list[SessionEvent]:
        was_asked = self._requests.answered(FromButtonOp(packet.OPCODE))
        match packet:
            case services.GetBatteryLevelResponse(raw):
                return [BatteryRead(events.battery_mv(raw))]
            case services.GetFirmwareVersionResponse(version):
                return [FirmwareRead(version)]
            case services.GetNameResponse(name=name) | services.NameUpdatedNotification(name):
                return [NameRead(name)]
        self.unexpected += not was_asked
        return []

    def _started(self, what: str) -> Intake:
        if self._intake is None:
            raise SessionFailedError(FailReason.MALFORMED, f"{what} before the init response")
        return self._intake

    def _begin(self, answer: Answer, now_s: float) -> list[SessionEvent]:
        self._requests.answered(self._dialect.answer_op)
        self._intake = Intake(Start.work_out(self._resume, answer), answer, now_s)
        return self._intake.begin()

    def _settle(self, said: list[SessionEvent], now_s: float) -> list[SessionEvent]:
        """Send what follows from what was said."""
        if any(isinstance(each, QueueDone) for each in said):
            self._configure()
        self._post_ack()
        self._post_requests()
        self._requests.start_clocks(now_s)
        return said

    def _configure(self) -> None:
        """Only after the queue is through: nothing may delay a press."""
        self._post(_Urgency.SETTING, CONNECTION)
        if self._firmware is None or self._firmware >= _ADVERTISING_FIRMWARE:
            self._requests.add_first(self._advertising, FromButtonOp.SET_ADV_PARAMETERS)
        self._requests.open()
