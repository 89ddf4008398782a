"""The virtual radio: two classes to hand to bleak, and the switches for what befalls an adapter.

    scanner = BleakScanner(on_advertisement, backend=radio.scanner)
    client = BleakClient(device, on_gone, backend=radio.client)

No kernel, no BlueZ, no D-Bus: GATT and ATT over HCI between two Bumble hosts in this process.
"""

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner

from flicbridge.simulator.adapter import Adapter
from flicbridge.simulator.air import Air
from flicbridge.simulator.client import VirtualClient
from flicbridge.simulator.scanner import VirtualScanner


class VirtualRadio(Adapter):
    """An adapter with the backend classes that use it.

    Attributes:
        scanner: for `BleakScanner(..., backend=...)`.
        client: for `BleakClient(..., backend=...)`.
    """

    scanner: type[BaseBleakScanner]
    client: type[BaseBleakClient]

    def __init__(self, air: Air) -> None:
        super().__init__(air)
        # bleak wants classes, not objects, so each radio has classes of its own.
        scanner = type("VirtualScanner", (VirtualScanner,), {"adapter": self})
        self.scanner = scanner
        self.client = type("VirtualClient", (VirtualClient,), {"adapter": self, "scanner": scanner})
