"""One radio link of a simulated Flic 2: frames in, frames out. Source: fact sheet sections 4 to 9 and 11.

Several applications may share it, each in a `Conversation` of its own with its own keys and counters.
"""

from typing import Final

from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.wire import MalformedPacketError, decode_to_button
from flicbridge.press.flic2.wire.duo import (
    AckButtonEventsDuoInd,
    InitButtonEventsDuoLightRequest,
    InitButtonEventsDuoResponse,
)
from flicbridge.press.flic2.wire.framing import Reassembler, parse_frame
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.press.flic2.wire.presses import (
    TICKS_PER_S,
    AckButtonEventsInd,
    ButtonEventNotification,
    EventItem,
    InitButtonEventsLightRequest,
    InitButtonEventsResponse,
)
from flicbridge.press.flic2.wire.services import (
    ApiTimerNotification,
    FactoryResetRequest,
    FactoryResetResponse,
    NameUpdatedNotification,
    PingRequest,
    PingResponse,
    SetAutoDisconnectTimeInd,
    SetConnectionParametersInd,
    SetNameRequest,
    StartApiTimerInd,
)
from flicbridge.press.flic2.wire.verify import (
    FULL_VERIFY_DUO_FLAG,
    QUICK_VERIFY_DUO_FLAG,
    DisconnectedVerifiedLinkInd,
    DisconnectVerifiedLinkInd,
    ForceBtDisconnectInd,
    FullVerifyAbortInd,
    FullVerifyFailResponse,
    FullVerifyRequest1,
    FullVerifyRequest2,
    NoLogicalConnectionSlotsInd,
    QuickVerifyNegativeResponse,
    QuickVerifyRequest,
    QuickVerifyResponse,
    TestIfReallyUnpairedRequest,
)
from flicbridge.simulator.flic2 import handshake, services
from flicbridge.simulator.flic2.body import Body
from flicbridge.simulator.flic2.conversation import Conversation, Phase
from flicbridge.simulator.flic2.duo import DuoTale
from flicbridge.simulator.flic2.memory import Event, Host
from flicbridge.simulator.flic2.outlet import Outlet

SLOTS: Final = 4  # assumed; the number in a genuine button is unknown
PING_PATIENCE_S: Final = 10.0  # assumed


class Link:
    """The conversations of one radio link.

    Attributes:
        outlet: what the button wants to send.
        wanted_parameters: what it asks its central for, until taken.
        may_advertise: whether the button may make itself heard when this link is gone.
        needs_boot: a factory reset was ordered: begin a new boot when the link is gone.
    """

    def __init__(self, body: Body) -> None:
        self.outlet = Outlet(body.faults)
        self.wanted_parameters: SetConnectionParametersInd | None = None
        self.may_advertise = True
        self.needs_boot = False
        self._body = body
        self._conversations: dict[int, Conversation] = {}
        self._reassembler = Reassembler()

    # -- time ----------------------------------------------------------------------------------------------

    @property
    def deadline_s(self) -> float | None:
        """When a ping, a silence or a timer is due."""
        due = (each.deadline_s for each in self._conversations.values())
        return min((each for each in due if each is not None), default=None)

    def pass_time(self, now_s: float) -> None:
        """Do what is due."""
        for each in list(self._conversations.values()):
            if each.timer is not None and now_s >= each.timer[0]:
                message, each.timer = each.timer[1], None
                self._say(each, ApiTimerNotification(message))
            if each.ping_due_s is not None and now_s >= each.ping_due_s:
                self._dismiss(each, DisconnectedVerifiedLinkInd.PING_TIMEOUT)
            elif each.auto_disconnect_due_s is not None and now_s >= each.auto_disconnect_due_s:
                self._dismiss(each, DisconnectedVerifiedLinkInd.BY_USER)
                self._hang_up_if_alone()

    def ping(self, now_s: float, *, patience_s: float = PING_PATIENCE_S) -> None:
        """Ask every host whether it is there; those that do not answer in time are dismissed."""
        for each in self._signed():
            self._say(each, PingRequest())
            each.ping_due_s = now_s + patience_s

    # -- frames --------------------------------------------------------------------------------------------

    def receive(self, frame: bytes, now_s: float) -> None:
        """Take one frame from the host."""
        parsed = parse_frame(frame)
        if parsed is None or (parsed.conn_id and parsed.conn_id not in self._conversations):
            return
        try:
            packet = self._reassembler.add(parsed)
            if packet is not None:
                self._receive_packet(packet, self._conversations.get(parsed.conn_id), now_s)
        except MalformedPacketError:
            return  # a button has nobody to complain to

    def _receive_packet(self, packet: bytes, conversation: Conversation | None, now_s: float) -> None:
        if conversation is None:
            self._greet(decode_to_button(packet), now_s)
        elif conversation.inbox is None:
            self._verify(conversation, decode_to_button(packet), now_s)
        elif (opened := conversation.inbox.open(packet)) is None:
            self._dismiss(conversation, DisconnectedVerifiedLinkInd.INVALID_SIGNATURE)
        elif (request := decode_to_button(opened)) is not None and conversation.host is not None:
            self._obey(conversation, conversation.host, request, now_s)

    def _say(self, conversation: Conversation, packet: Packet, *, newly_assigned: bool = False) -> None:
        self.outlet.send(
            packet, conn_id=conversation.conn_id, newly_assigned=newly_assigned, seal=conversation.outbox
        )

    def _signed(self) -> list[Conversation]:
        return [each for each in self._conversations.values() if each.outbox is not None]

    # -- who is there? -------------------------------------------------------------------------------------

    def _greet(self, packet: Packet | None, now_s: float) -> None:
        """Meet a host without a conversation."""
        match packet:
            case FullVerifyRequest1():
                self._show_certificate(packet, now_s)
            case QuickVerifyRequest():
                self._recognise(packet)
            case _:
                pass

    def _begin(self, tmp_id: bytes) -> Conversation | None:
        """Find a slot for a new conversation, or say that there is none."""
        for old in list(self._conversations.values()):
            if old.phase is Phase.VERIFYING and old.tmp_id == tmp_id:
                del self._conversations[old.conn_id]  # the same host begins again
        if self._body.faults.has_no_slots or len(self._conversations) >= SLOTS:
            self.outlet.send(NoLogicalConnectionSlotsInd((tmp_id,)))
            return None
        conn_id = next(each for each in range(1, 32) if each not in self._conversations)
        conversation = Conversation(conn_id, tmp_id, self._body.random(8))
        self._conversations[conn_id] = conversation
        return conversation

    def _show_certificate(self, request: FullVerifyRequest1, now_s: float) -> None:
        if (conversation := self._begin(request.tmp_id)) is None:
            return
        certificate = handshake.show_certificate(
            self._body.memory.identity,
            request.tmp_id,
            conversation.random,
            is_public=self._body.beacon.is_public(now_s),
            address=self._body.faults.certificate_address,
        )
        self._say(conversation, certificate, newly_assigned=True)

    def _verify(self, conversation: Conversation, packet: Packet | None, now_s: float) -> None:
        """Go on with a host that has seen our certificate."""
        match packet:
            case FullVerifyRequest2():
                self._pair(conversation, packet, now_s)
            case TestIfReallyUnpairedRequest():
                memory = self._body.memory
                host = memory.find_host(packet.identifier)
                proof = handshake.prove_whether_paired(memory.identity, conversation.random, packet, host)
                if proof is not None:
                    self._say(conversation, proof)
            case FullVerifyAbortInd():
                self._forget(conversation)
            case _:
                pass

    def _pair(self, conversation: Conversation, request: FullVerifyRequest2, now_s: float) -> None:
        memory, beacon = self._body.memory, self._body.beacon
        keys = handshake.check_verifier(memory.identity, conversation.random, request)
        if keys is None or not beacon.is_public(now_s):
            reason = (
                FullVerifyFailResponse.INVALID_VERIFIER if keys is None else FullVerifyFailResponse.NOT_PUBLIC
            )
            self._say(conversation, FullVerifyFailResponse(reason))
            self._forget(conversation)
            return
        conversation.establish(memory.add_host(keys.material), keys.session_key)
        conversation.knows_duos = bool(request.flags & FULL_VERIFY_DUO_FLAG)
        beacon.leave_public()
        self._say(conversation, handshake.introduce(memory))

    def _recognise(self, request: QuickVerifyRequest) -> None:
        host = self._body.memory.find_host(request.identifier)
        if host is None or self._body.faults.denies_quick_verify:
            self.outlet.send(QuickVerifyNegativeResponse(request.tmp_id))
            return
        for old in self._signed():
            if old.host is host:
                self._dismiss(old, DisconnectedVerifiedLinkInd.REPLACED)
        if conversation := self._begin(request.tmp_id):
            key = crypto.quick_verify_key(host.key, request.random, request.flags, conversation.random)
            conversation.establish(host, key)
            conversation.knows_duos = bool(request.flags & QUICK_VERIFY_DUO_FLAG)
            response = QuickVerifyResponse(
                conversation.random,
                request.tmp_id,
                link_is_encrypted=False,
                has_bond_info=False,
                is_duo=self._body.memory.identity.is_duo,
            )
            self._say(conversation, response, newly_assigned=True)

    # -- what may I do for you? ----------------------------------------------------------------------------

    def _obey(self, conversation: Conversation, host: Host, request: Packet, now_s: float) -> None:
        """Do what an authentic packet asks for."""
        response = services.answer(self._body, host, request, now_s)
        if response is not None:
            self._say(conversation, response)
        match request:
            case InitButtonEventsLightRequest():
                self._open_queue(conversation, host, request, (request.event_count,), now_s)
            case InitButtonEventsDuoLightRequest() if self._speaks_duo(conversation):
                self._open_queue(conversation, host, request, request.event_counts, now_s)
            case AckButtonEventsInd():
                self._body.memory.acknowledge(host, request.event_count)
            case AckButtonEventsDuoInd() if self._speaks_duo(conversation):
                self._body.memory.acknowledge(host, *request.event_counts)
            case SetNameRequest():
                self._tell_others(conversation, NameUpdatedNotification(self._body.memory.name))
            case PingResponse():
                conversation.ping_due_s = None
            case SetConnectionParametersInd():
                self.wanted_parameters = request
            case SetAutoDisconnectTimeInd() if not self._body.faults.never_leaves:
                conversation.auto_disconnect_s = request.seconds
            case StartApiTimerInd():
                due_s = now_s + request.ticks / TICKS_PER_S
                conversation.timer = (due_s, request.message) if request.ticks else None
            case DisconnectVerifiedLinkInd():
                self._dismiss(conversation, DisconnectedVerifiedLinkInd.BY_USER)
            case ForceBtDisconnectInd():
                self._hang_up(may_advertise=request.restart_adv)
            case FactoryResetRequest():
                self._say(conversation, FactoryResetResponse())
                self.needs_boot = True
                self._hang_up(may_advertise=False)
            case _:
                pass

    def _speaks_duo(self, conversation: Conversation) -> bool:
        return conversation.knows_duos and self._body.memory.identity.is_duo

    def _tell_others(self, conversation: Conversation, packet: Packet) -> None:
        for other in self._signed():
            if other is not conversation:
                self._say(other, packet)

    # -- presses -------------------------------------------------------------------------------------------

    def _open_queue(
        self,
        conversation: Conversation,
        host: Host,
        request: InitButtonEventsLightRequest | InitButtonEventsDuoLightRequest,
        known: tuple[int, ...],
        now_s: float,
    ) -> None:
        """Tell a host where we are, and what it missed since it knew so many events of each key."""
        memory, faults, ticks = self._body.memory, self._body.faults, self._body.ticks(now_s)
        is_known_boot = request.boot_id == memory.boot_id
        base = known if is_known_boot else (0,) * len(known)
        waiting = memory.waiting(host, base, request.limits, ticks)
        counts = base if waiting else memory.counts[: len(base)]
        boot_id = None if is_known_boot and not faults.repeats_boot_id else memory.boot_id
        match counts:
            case big, small:
                conversation.tale = DuoTale(
                    (big, small), is_queue_done=not waiting and not faults.marks_empty_queue
                )
                answer: Packet = InitButtonEventsDuoResponse(bool(waiting), ticks, (big, small), boot_id)
            case _:
                conversation.tale = None
                answer = InitButtonEventsResponse(bool(waiting), ticks, counts[0], boot_id)
        self._say(conversation, answer)
        conversation.phase = Phase.READY
        conversation.auto_disconnect_s = request.limits.auto_disconnect_s
        conversation.quiet_since_s = now_s
        for at in range(0, len(waiting), faults.items_per_notification):
            self._send_queued(conversation, waiting[at : at + faults.items_per_notification], waiting[-1])

    def _send_queued(self, conversation: Conversation, events: list[Event], last: Event) -> None:
        marks_end = not self._body.faults.leaves_queue_open
        if conversation.tale is not None:
            mark = last if marks_end else None
            for notification in conversation.tale.tell(events, are_queued=True, last=mark):
                self._say(conversation, notification)
            return
        items = (
            EventItem(
                each.at_ticks, each.encoded, was_queued=True, was_queued_last=each is last and marks_end
            )
            for each in events
        )
        self._say(conversation, ButtonEventNotification(events[-1].count, tuple(items)))

    def happen(self, event: Event, now_s: float) -> None:
        """Tell everybody who listens what has just happened."""
        item = EventItem(event.at_ticks, event.encoded, was_queued=False, was_queued_last=False)
        for each in list(self._conversations.values()):
            if each.phase is not Phase.READY:
                continue
            each.quiet_since_s = now_s
            if each.tale is not None:
                for notification in each.tale.tell([event], are_queued=False):
                    self._say(each, notification)
            elif event.key == 0:  # of its small key a Duo speaks only to those who know Duos
                self._say(each, ButtonEventNotification(event.count, (item,)))

    # -- goodbye -------------------------------------------------------------------------------------------

    def _dismiss(self, conversation: Conversation, reason: int) -> None:
        """End a conversation, saying why."""
        self._say(conversation, DisconnectedVerifiedLinkInd(reason))
        self._forget(conversation)

    def _forget(self, conversation: Conversation) -> None:
        self._conversations.pop(conversation.conn_id, None)

    def _hang_up(self, *, may_advertise: bool) -> None:
        self.may_advertise = may_advertise
        self.outlet.wants_hang_up = True

    def _hang_up_if_alone(self) -> None:
        if not self._conversations:
            self._hang_up(may_advertise=False)
