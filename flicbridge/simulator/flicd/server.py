"""The daemon's side of the protocol. Source: ProtocolDocumentation.md of fliclib-linux-hci."""

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flicbridge.clock import Clock
from flicbridge.simulator.flicd.button import Flic1
from flicbridge.simulator.gateways import Fault
from flicbridge.simulator.gateways.gateway import Gateway

# Opcodes of events.
CHANNEL_ANSWER, STATUS_CHANGED, CHANNEL_REMOVED, VERIFIED, INFO = 1, 2, 3, 8, 9
NO_SPACE, GOT_SPACE, CONTROLLER, PONG, BUTTON_INFO, DELETED, BATTERY = 10, 11, 12, 13, 14, 19, 20

DISCONNECTED, CONNECTED, READY = range(3)
DETACHED, RESETTING, ATTACHED = range(3)
UNSPECIFIED, NOT_ESTABLISHED, TIMED_OUT = range(3)
REMOVED_BY_THIS_CLIENT, BUTTON_IS_PRIVATE = 0, 3
NEVER: Final = 511


def packet(opcode: int, layout: str = "", *fields: int | bytes) -> bytes:
    """An event as it goes over the wire."""
    body = struct.pack("<B" + layout, opcode, *fields)
    return struct.pack("<H", len(body)) + body


@dataclass(frozen=True, slots=True)
class Command:
    """A command that arrived, opcode apart."""

    opcode: int
    body: bytes


class FakeFlicd(Gateway[Command]):
    """A flicd with buttons of its own. Set `fault` to `Fault(kind="refuse")` and back to None to restart it.

    Args:
        clock: what time it is.

    Attributes:
        received: every command of every client.
        connections: how many clients ever connected.
        pending_limit: how many buttons the controller has room for.
        is_deaf: it hangs: takes connections and bytes, and never answers.
        controller: how its Bluetooth is doing; see `set_controller`.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.pending_limit = 32
        self.is_deaf = False
        self.controller = ATTACHED
        self._clock = clock
        self._buttons: dict[bytes, Flic1] = {}
        self._connected: set[bytes] = set()
        self._clients: set[_Client] = set()

    def add_button(self, address: str, serial: str = "AB12-C34567") -> Flic1:
        """Give it one more button, paired already."""
        button = Flic1(address, serial, self._clock)
        button.on_news = self._heard
        self._buttons[button.wire_address] = button
        return button

    def stop(self) -> None:
        """Kill it: the port is closed, clients are cut off, buttons are let go of."""
        self.fault = Fault(kind="refuse")

    def start(self) -> None:
        """Start it again, on the same port."""
        self.fault = None

    def say(self, data: bytes) -> None:
        """Send these very bytes to all clients."""
        for client in self._clients:
            client.write(data)

    def set_controller(self, state: int) -> None:
        """Lose the Bluetooth controller, or get it back."""
        self.controller = state
        if state != ATTACHED:
            for address in sorted(self._connected):
                self._disconnect(address, UNSPECIFIED)
        self.say(packet(CONTROLLER, "B", state))
        self._connect_callers()

    def end_channels(self, button: Flic1, reason: int) -> None:
        """End every channel to a button."""
        for client in self._clients:
            for conn_id in client.channels_to(button.wire_address):
                del client.channels[conn_id]
                client.write(packet(CHANNEL_REMOVED, "IB", conn_id, reason))
        self._let_go()

    def verify(self, button: Flic1) -> None:
        """Pair with a button, as the vendor's server allows."""
        button.is_verified = True
        self._connect_callers()
        self.say(packet(VERIFIED, "6s", button.wire_address))

    def is_connected(self, button: Flic1) -> bool:
        """Tell whether it holds a connection to this button."""
        return button.wire_address in self._connected

    # ---- clients

    def _protocol(self) -> asyncio.Protocol:
        return _Client(self)

    def joined(self, client: "_Client") -> None:
        """A client connected."""
        self._clients.add(client)

    def left(self, client: "_Client") -> None:
        """A client is gone, and its channels with it."""
        self._clients.discard(client)
        self._let_go()

    def obey(self, client: "_Client", body: bytes) -> None:
        """Do what a client says."""
        command = Command(body[0], body[1:])
        self._arrived(command)
        if self.is_deaf:
            return
        match command.opcode:
            case 0:  # get info
                client.write(self._info())
            case 3:  # create a channel
                self._create_channel(client, command.body)
            case 4:  # remove it
                (conn_id,) = struct.unpack("<I", command.body)
                if client.channels.pop(conn_id, None) is not None:
                    client.write(packet(CHANNEL_REMOVED, "IB", conn_id, REMOVED_BY_THIS_CLIENT))
                    self._let_go()
            case 7:  # ping
                client.write(packet(PONG, "4s", command.body))
            case 8:  # who is this button
                client.write(self._button_info(command.body))
            case 12:  # listen to its battery
                listener, address = struct.unpack("<I6s", command.body)
                percent = self._buttons[address].battery_percent if address in self._buttons else -1
                client.write(packet(BATTERY, "Ibq", listener, percent, int(self._clock.now_at().timestamp())))

    def _create_channel(self, client: "_Client", body: bytes) -> None:
        conn_id, address, latency, auto_disconnect_s = struct.unpack("<I6sBH", body)
        assert latency in range(3)  # noqa: S101 - the documented values, the real daemon cuts the line
        assert 0 <= auto_disconnect_s <= NEVER  # noqa: S101 - likewise
        if conn_id in client.channels:
            return
        if len(self._wanted() | {address}) > self.pending_limit:
            client.write(packet(CHANNEL_ANSWER, "IBB", conn_id, 1, DISCONNECTED))
            return
        client.channels[conn_id] = address
        status = READY if address in self._connected else DISCONNECTED
        client.write(packet(CHANNEL_ANSWER, "IBB", conn_id, 0, status))
        self._connect_callers()

    def _info(self) -> bytes:
        verified = [address for address, button in self._buttons.items() if button.is_verified]
        head = (self.controller, bytes(6), 0, self.pending_limit, -1, len(self._wanted()), 0, len(verified))
        return packet(INFO, f"B6sBBhBBH{6 * len(verified)}s", *head, b"".join(verified))

    def _button_info(self, address: bytes) -> bytes:
        button = self._buttons.get(address)
        if button is None or not button.is_verified:
            return packet(BUTTON_INFO, "6s16sB16sB16sBI", address, b"", 0, b"", 0, b"", 0, 0)
        serial = button.serial.encode()
        layout, uuid = "6s16sB16sB16sBI", address + bytes(range(10))
        return packet(BUTTON_INFO, layout, address, uuid, 5, b"black", len(serial), serial, 1, 10)

    # ---- buttons

    def _wanted(self) -> set[bytes]:
        return {address for client in self._clients for address in client.channels.values()}

    def _heard(self, button: Flic1) -> None:
        """A button has news."""
        if not button.is_in_reach and self.is_connected(button):
            self._disconnect(button.wire_address, TIMED_OUT)
        self._connect_callers()
        if self.is_connected(button):
            self._tell(button, was_queued=False)

    def _connect_callers(self) -> None:
        for address in sorted(self._wanted() - self._connected):
            button = self._buttons.get(address)
            if button and button.is_calling and button.is_in_reach and self._can_connect(button):
                self._connected.add(address)
                self._to_channels(address, STATUS_CHANGED, "BB", CONNECTED, UNSPECIFIED)
                self._to_channels(address, STATUS_CHANGED, "BB", READY, UNSPECIFIED)
                self._tell(button, was_queued=True)

    def _can_connect(self, button: Flic1) -> bool:
        return self.controller == ATTACHED and button.is_verified and not self.is_deaf

    def _tell(self, button: Flic1, *, was_queued: bool) -> None:
        """Tell what the button has kept; then it is forgotten there."""
        for record in button.kept:
            age_s = int(self._clock.now_s() - record.at_s) if was_queued else 0
            facts = (record.click, was_queued, age_s)
            self._to_channels(button.wire_address, record.opcode, "BBI", *facts)
        button.kept.clear()

    def _to_channels(self, address: bytes, opcode: int, layout: str, *fields: int) -> None:
        for client in self._clients:
            for conn_id in client.channels_to(address):
                client.write(packet(opcode, "I" + layout, conn_id, *fields))

    def _disconnect(self, address: bytes, reason: int) -> None:
        self._connected.discard(address)
        self._to_channels(address, STATUS_CHANGED, "BB", DISCONNECTED, reason)

    def _let_go(self) -> None:
        """Disconnect the buttons that nobody wants any more."""
        self._connected &= self._wanted()


class _Client(asyncio.Protocol):
    """One client's connection.

    Attributes:
        channels: the buttons that it listens to, by the number it gave each channel.
    """

    def __init__(self, daemon: FakeFlicd) -> None:
        self.channels: dict[int, bytes] = {}
        self._daemon = daemon
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - we only serve TCP
        self._line = transport
        self._daemon.opened(transport)
        self._daemon.joined(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._daemon.closed(self._line)
        self._daemon.left(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= 2:
            end = 2 + int.from_bytes(self._received[:2], "little")
            if len(self._received) < end:
                return
            body = bytes(self._received[2:end])
            del self._received[:end]
            self._daemon.obey(self, body)

    def write(self, data: bytes) -> None:
        """Send, unless the daemon hangs."""
        if not self._daemon.is_deaf:
            self._line.write(data)

    def channels_to(self, address: bytes) -> Iterable[int]:
        """The numbers of this client's channels to a button."""
        return [conn_id for conn_id, wanted in self.channels.items() if wanted == address]
