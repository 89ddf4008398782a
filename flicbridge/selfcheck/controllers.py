"""What the kernel's files tell of Bluetooth controllers, and what is known of their kinds. Blocks.

The facts and their sources are in firmware-notes.md, "Controllers".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flicbridge.guard.host import text_of

MAKERS: Final = {
    2: "Intel",
    10: "CSR",
    15: "Broadcom",
    29: "Qualcomm",
    69: "Atheros",
    70: "MediaTek",
    93: "Realtek",
    305: "Cypress",
}
"""By company identifier. Source: Bluetooth SIG, Assigned Numbers, section 7."""

# Links at once, as the vendor of the button or Home Assistant found them; the smaller if they differ.
LINKS_BY_MAKER: Final = {10: 5, 69: 10}
LINKS_BY_USB: Final = {"0a12:0001": 5}
LINKS_BY_BOARD: Final = (("Raspberry Pi 3 Model B Rev", 10),)
"""Of the board's own radio, by the beginning of the board's name."""

WITHOUT_DRIVER: Final = frozenset({"10d7:b012", "33fa:0010", "2458:0001"})
"""USB adapters that Linux cannot use."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller as the kernel knows it.

    Attributes:
        usb: vendor and product, such as `0a12:0001`; empty if it is not on USB.
        product: what it calls itself; may be empty.
        board: the machine it is in, such as `Raspberry Pi 4 Model B Rev 1.4`; empty if that has no name.
    """

    usb: str = ""
    product: str = ""
    board: str = ""

    def links(self, maker: int | None) -> int | None:
        """How many links it holds at once; None if nobody found out."""
        if self.usb:
            return LINKS_BY_USB.get(self.usb) or LINKS_BY_MAKER.get(maker or -1)
        return next((links for board, links in LINKS_BY_BOARD if self.board.startswith(board)), None)


def controller(adapter: str, root: Path) -> Controller:
    """Look up an adapter such as `hci0`."""
    board = text_of(root / "proc/device-tree/model").rstrip("\0")
    try:
        device = (root / "sys/class/bluetooth" / adapter / "device").resolve().parent  # of its USB interface
    except (OSError, RuntimeError):
        return Controller(board=board)
    return Controller(_usb_id(device), text_of(device / "product"), board)


def _usb_id(device: Path) -> str:
    vendor, product = text_of(device / "idVendor"), text_of(device / "idProduct")
    return f"{vendor}:{product}" if vendor and product else ""


def without_driver(root: Path) -> list[str]:
    """USB ids of adapters that are plugged in and cannot work."""
    devices = (root / "sys/bus/usb/devices").glob("*/idVendor")
    return sorted({_usb_id(file.parent) for file in devices} & WITHOUT_DRIVER)


def blocked(root: Path) -> Iterator[bool]:
    """For each switch of the machine that blocks Bluetooth: whether it is one made of hardware."""
    for kind in sorted((root / "sys/class/rfkill").glob("rfkill*/type")):
        if text_of(kind) == "bluetooth":
            if text_of(kind.with_name("hard")) == "1":
                yield True
            elif text_of(kind.with_name("soft")) == "1":
                yield False


def controller_mode(root: Path) -> str:
    """`ControllerMode` in BlueZ' settings; empty if it is not set."""
    text = text_of(root / "etc/bluetooth/main.conf")
    found = re.findall(r"^[ \t]*ControllerMode[ \t]*=[ \t]*(\w+)", text, re.MULTILINE)
    return found[-1].lower() if found else ""
