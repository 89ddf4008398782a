"""The Bluetooth adapter of the guest: a chip of the simulated air that speaks HCI over a socket.

The overrides name what Bumble 0.0.236 does unlike the real controllers that Linux was made for.
"""

import asyncio
from pathlib import Path
from typing import Final, Self

from flicbridge.simulator.air import Air, Chip
from tests.e2e.machine import once_there

# isort: split
from bumble import hci
from bumble.transport import open_transport
from bumble.transport.common import Transport

ADDRESS: Final = "00:AA:01:00:00:42"
ANSWERS: Final = {hci.HCI_COMMAND_COMPLETE_EVENT, hci.HCI_COMMAND_STATUS_EVENT}


class Dongle(Chip):
    """An adapter that is plugged in.

    Attributes:
        is_deaf: it obeys its host and hears nothing of the air any more, as chips do whose firmware has hung;
            until it is reset.
    """

    def __init__(self, air: Air, transport: Transport) -> None:
        super().__init__("dongle", air, hci.Address(ADDRESS, hci.AddressType.PUBLIC_DEVICE))
        self.is_deaf = False
        self._transport = transport
        transport.source.set_packet_sink(self)
        self.set_packet_sink(transport.sink)

    @classmethod
    async def plug(cls, air: Air, socket: Path) -> Self:
        """Plug it into the machine at that socket, once that is switched on."""
        return cls(air, await once_there(lambda: open_transport(f"unix:{socket}")))

    async def pull(self) -> None:
        """Pull it out."""
        self.air.remove_controller(self)
        await self._transport.close()

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        is_answer = isinstance(packet, hci.HCI_Event) and packet.event_code in ANSWERS
        if is_answer or not self.is_deaf:
            super().send_hci_packet(packet)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """Forget scan, attempts and links; Bumble keeps them all."""
        self.is_deaf = False
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.air.break_links(self)
        return super().on_hci_reset_command(command)

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Let those advertise who fell silent while nobody listened."""
        answer = super().on_hci_le_set_scan_enable_command(command)
        self.air.wake_advertisers()
        return answer

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Really cancel, and say so by an event; Bumble does neither."""
        if self.pending_le_connection is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self.give_up_connecting)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        """Refuse what is no link; and say of a link that it was ended from here, not by the other side."""
        handle = command.connection_handle
        if self.find_le_connection_by_handle(handle) is None:
            unknown = hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
            self._send_hci_command_status(unknown, command.op_code)
            return
        self._send_hci_command_status(hci.HCI_COMMAND_STATUS_PENDING, command.op_code)
        self.hang_up(handle, command.reason)
