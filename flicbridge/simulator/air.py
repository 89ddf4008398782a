"""The air between radio chips of one process: Bumble's link layer, corrected where real ones differ.

`Air` carries packets between `Chip`s. Several may have the same address: a central that dials it gets the one
that it heard first. Chips can be hidden (out of range): their advertisements are not heard, what their links
carry is held back, and once the supervision timeout is over the links break on both sides without a goodbye.
An advertiser whom nobody can hear keeps its rhythm but costs nothing, so that hours out of
range pass in a moment on a loop that leaps over idle time.

Every override below names what Bumble 0.0.236 does otherwise.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

try:
    from bumble import core, hci, ll
    from bumble.controller import Connection, Controller, LegacyAdvertiser
    from bumble.link import LocalLink
except ModuleNotFoundError as missing:
    raise ImportError("the simulated radio needs Bumble: pip install flicbridge[simulator]") from missing

INTERVAL_UNIT_S = 0.000625  # advertising intervals, Core Spec vol 4 part E 7.8.5
SUPERVISION_UNIT_S = 0.01  # supervision timeouts, Core Spec vol 4 part E 7.8.12


@dataclass(frozen=True, slots=True)
class Held:
    """Something said into the silence: the link layer repeats it until it is heard or the link breaks."""

    sender: Controller
    receiver: Controller
    deliver: Callable[[], None]


class Air(LocalLink):
    """What all chips of one world share."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Bumble ships types, but not for this one
        self._hidden: set[Controller] = set()
        self._held: list[Held] = []
        self._supervision_s: dict[frozenset[hci.Address], float] = {}
        self._breaks: dict[Controller, asyncio.TimerHandle] = {}
        self._far_ends: dict[tuple[Controller, hci.Address], Controller] = {}
        self._caller: Controller | None = None

    # -- range ---------------------------------------------------------------------------------------------

    def hide(self, chip: Controller) -> None:
        """Take a chip out of range: its links break when their supervision timeout is over."""
        self._hidden.add(chip)
        if chip.le_connections and chip not in self._breaks:
            after_s = min(self._supervision(connection) for connection in chip.le_connections.values())
            loop = asyncio.get_running_loop()
            self._breaks[chip] = loop.call_later(after_s, self.break_links, chip)

    def show(self, chip: Controller) -> None:
        """Bring a chip back: links that did not break meanwhile go on as if nothing had been."""
        self._hidden.discard(chip)
        self._forget_break(chip)
        held, self._held = self._held, []
        for packet in held:
            self.carry(packet)
        self.wake_advertisers()

    def break_links(self, chip: Controller, reason: int = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR) -> None:
        """End every link of a chip, on both sides, without a goodbye."""
        self._forget_break(chip)
        self._held = [packet for packet in self._held if chip not in (packet.sender, packet.receiver)]
        for connection in list(chip.le_connections.values()):
            if other := self._other_end(connection):
                other.controller.on_le_disconnected(other, reason)
            chip.on_le_disconnected(connection, reason)

    def remove_controller(self, controller: Controller) -> None:
        """Take a chip away for good: links break, which its own host does not hear of any more."""
        controller.host = None
        controller.le_legacy_advertiser.stop()
        self.break_links(controller)
        self._hidden.discard(controller)
        self._far_ends = {end: far for end, far in self._far_ends.items() if controller not in (end[0], far)}
        super().remove_controller(controller)

    # -- who hears whom ------------------------------------------------------------------------------------

    def is_audible(self, chip: Controller) -> bool:
        """Tell whether anybody would hear an advertisement of `chip` now."""
        return chip not in self._hidden and any(
            other is not chip
            and other not in self._hidden
            and (other.le_scan_enable or other.pending_le_connection is not None)
            for other in self.controllers
        )

    @property
    def caller(self) -> "Chip | None":
        """Whose advertisement is being heard just now."""
        return self._caller if isinstance(self._caller, Chip) else None

    def wake_advertisers(self) -> None:
        """Somebody began to listen or came into range: advertisers resume their rhythm."""
        for chip in self.controllers:
            if isinstance(chip, Chip):
                chip.advertiser.wake()

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Deliver to whoever is in range.

        A connect request follows the advertisement it answers within microseconds, so it is delivered at
        once, and to whom it answers; Bumble lets the advertiser change its mind in between, which leaves a
        link with one end, and connects everybody who has that address.
        """
        if sender_controller in self._hidden:
            return
        if isinstance(packet, ll.ConnectInd):
            self._connect(sender_controller, packet)
            return
        loop = asyncio.get_running_loop()
        for receiver in self.controllers - self._hidden - {sender_controller}:
            loop.call_soon(self._advertise_to, receiver, sender_controller, packet)

    def _advertise_to(self, receiver: Controller, sender: Controller, packet: ll.AdvertisingPdu) -> None:
        self._caller = sender
        receiver.on_ll_advertising_pdu(packet)

    def _connect(self, central: Controller, packet: ll.ConnectInd) -> None:
        """Let a central connect to the one whose advertisement it has just heard."""
        if self._caller is None or self._caller in self._hidden:
            return
        link = frozenset({packet.initiator_address, packet.advertiser_address})
        self._supervision_s[link] = packet.timeout * SUPERVISION_UNIT_S
        self._far_ends[central, packet.advertiser_address] = self._caller
        self._far_ends[self._caller, packet.initiator_address] = central
        self._caller.on_ll_advertising_pdu(packet)

    # -- links ---------------------------------------------------------------------------------------------

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry data of a link, labelled with the address the link was made with.

        Bumble labels it with the sender's random address, so the other side drops all that a device with a
        public address says.
        """
        connection = sender_controller.le_connections.get(destination_address)
        if connection is None or (other := self._other_end(connection)) is None:
            return
        receiver = other.controller
        deliver = partial(receiver.on_link_acl_data, connection.self_address, transport, data)
        self.carry(Held(sender_controller, receiver, deliver))

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Carry a link control packet; one for a link that is already gone is lost (Bumble raises)."""
        if isinstance(packet, ll.ConnectionUpdateInd):
            link = frozenset({sender_address, receiver_address})
            self._supervision_s[link] = packet.timeout * SUPERVISION_UNIT_S
        for sender in self.controllers:
            connection = sender.le_connections.get(receiver_address)
            if connection is None or connection.self_address != sender_address:
                continue
            if other := self._other_end(connection):
                deliver = partial(self._deliver_control, other.controller, sender_address, packet)
                self.carry(Held(sender, other.controller, deliver))

    def _deliver_control(self, receiver: Controller, sender: hci.Address, packet: ll.ControlPdu) -> None:
        if sender in receiver.le_connections:  # both ends may have hung up at the same time
            receiver.on_ll_control_pdu(sender, packet)

    def carry(self, packet: Held) -> None:
        """Deliver what a link carries, at once unless one end is out of range."""
        if self._hidden & {packet.sender, packet.receiver}:
            self._held.append(packet)
        else:
            asyncio.get_running_loop().call_soon(packet.deliver)

    def _other_end(self, connection: Connection) -> Connection | None:
        chip, self_address = connection.controller, connection.self_address
        far = self._far_ends.get((chip, connection.peer_address))
        if far is None or self._far_ends.get((far, self_address)) is not chip:
            return None  # it talks to somebody else of the same address by now
        return far.le_connections.get(self_address)

    def _supervision(self, connection: Connection) -> float:
        return self._supervision_s[frozenset({connection.self_address, connection.peer_address})]

    def _forget_break(self, chip: Controller) -> None:
        if timer := self._breaks.pop(chip, None):
            timer.cancel()


class Chip(Controller):
    """One radio chip, speaking HCI to its host and link layer to the air.

    Attributes:
        rssi_dbm: how strongly others receive this chip.
    """

    def __init__(self, name: str, air: Air, public_address: hci.Address | None = None) -> None:
        super().__init__(name, link=air, public_address=public_address)
        self.air = air
        self.rssi_dbm = -60
        self.advertiser = self.le_legacy_advertiser = Advertiser(self)
        # With either feature a host expects events that Bumble's controller never sends.
        self.le_features &= ~(hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report an advertisement, and connect if that is what the host waits for.

        Bumble repeats the advertising data as scan response, and receives everybody equally well.
        """
        sender = self.air.caller
        if sender is None or not sender.advertiser.enabled:
            return  # it stopped while the packet was under way
        if self.le_scan_enable:
            kind = hci.HCI_LE_Advertising_Report_Event.EventType
            self._report(sender, pdu.advertiser_address, pdu.data, kind.ADV_IND)
            response = sender.advertiser.scan_response_data
            self._report(sender, pdu.advertiser_address, response, kind.SCAN_RSP)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def on_ll_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        """Take what is called out to everybody, too; Bumble does not know how to."""
        if not isinstance(packet, ll.AdvNonConnInd):
            super().on_ll_advertising_pdu(packet)
        elif self.le_scan_enable and (sender := self.air.caller) is not None:
            kind = hci.HCI_LE_Advertising_Report_Event.EventType.ADV_NONCONN_IND
            self._report(sender, packet.advertiser_address, packet.data, kind)

    def call_out(self, address: hci.Address, data: bytes) -> None:
        """Send one advertisement under any address, one that nobody can answer."""
        self.air.send_advertising_pdu(self, ll.AdvNonConnInd(address, data))

    def _report(self, sender: "Chip", address: hci.Address, data: bytes, kind: int) -> None:
        event = hci.HCI_LE_Advertising_Report_Event
        report = event.Report(
            event_type=event.EventType(kind),
            address_type=address.address_type,
            address=address,
            data=data,
            rssi=sender.rssi_dbm,
        )
        self.send_hci_packet(event([report]))

    def listen(self, on: bool) -> None:
        """Scan actively, or stop it. Not by commands, whose answers a cancelled task would leave lying."""
        self.le_scan_enable = on
        self.air.wake_advertisers()

    def on_hci_le_create_connection_command(self, command: hci.HCI_LE_Create_Connection_Command) -> None:
        super().on_hci_le_create_connection_command(command)
        self.air.wake_advertisers()

    def give_up_connecting(self) -> None:
        """Take a connection attempt back, and say so to the host.

        Bumble has a command for that which it answers, and then goes on trying, in silence.
        """
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )

    def hang_up(self, handle: int, reason: int) -> None:
        """End a link with a goodbye, if there is one of that handle; the host is told by the usual event."""
        if connection := self.find_le_connection_by_handle(handle):
            connection.send_ll_control_pdu(ll.TerminateInd(reason))
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)


class Advertiser(LegacyAdvertiser):
    """Advertises in its interval (Bumble mistakes the unit for milliseconds) while anybody can hear it."""

    controller: Chip

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip)
        self._due_s = 0.0

    def start(self) -> None:
        """Advertise from now on."""
        self.stop()
        self.enabled = True
        self._due_s = asyncio.get_running_loop().time()
        self.wake()

    def wake(self) -> None:
        """Go on advertising in the old rhythm, if advertising at all and not doing so already."""
        if (
            not self.enabled
            or self.timer_handle is not None
            or not self.controller.air.is_audible(self.controller)
        ):
            return
        loop = asyncio.get_running_loop()
        missed = max(0, math.ceil((loop.time() - self._due_s) / self._interval_s))
        self._due_s += missed * self._interval_s
        self.timer_handle = loop.call_at(self._due_s, self._on_timer_fired)

    def _on_timer_fired(self) -> None:
        self.timer_handle = None
        self.send_advertising_data()
        self._due_s += self._interval_s
        self.wake()

    @property
    def _interval_s(self) -> float:
        return max(1, self.advertising_interval_min) * INTERVAL_UNIT_S
