"""In the guest: joins /dev/vhci, behind which the kernel takes us for an adapter, to the port named "hci".

At the other end of the port, on the host, is the simulated controller. While it is connected the adapter is
plugged in; when it hangs up the adapter is pulled. Started with `python -I -S`, and imports next to nothing:
under emulation every import counts.

Sources: Linux, drivers/bluetooth/hci_vhci.c (one whole packet per write and per read; type 0xFF creates the
adapter); Bluetooth Core Specification, vol 4 part A (the type octet) and part E 5.4 (the headers).
"""

import os
import select
import time
from collections.abc import Iterator

PORTS = "/sys/class/virtio-ports"
CREATE = b"\xff\x00"
VENDOR = 0xFF
HEADERS = {1: (4, 3, 1), 2: (5, 3, 2), 3: (4, 3, 1), 4: (3, 2, 1), 5: (5, 3, 2)}
"""By type: how long type and header are, and where in there the length of the rest is, and its size."""
LARGEST_READ = 65536
LOOK_EVERY_S = 0.05


def open_port(name: str) -> int:
    """Open the virtio serial port of that name, once it is there."""
    while True:
        for entry in os.listdir(PORTS) if os.path.isdir(PORTS) else []:  # noqa: PTH112, PTH208
            with open(f"{PORTS}/{entry}/name", encoding="ascii") as file:  # noqa: PTH123
                if file.read().strip() == name:
                    return os.open(f"/dev/{entry}", os.O_RDWR | os.O_NONBLOCK)
        time.sleep(LOOK_EVERY_S)


def hangs(port: int) -> bool:
    """Tell whether nobody is at the other end."""
    poll = select.poll()
    poll.register(port, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def packets(stream: bytearray) -> Iterator[bytes]:
    """Cut whole packets off the front of the stream."""
    while stream:
        header, at, size = HEADERS[stream[0]]
        if len(stream) < header:
            return
        total = header + int.from_bytes(stream[at : at + size], "little")
        if len(stream) < total:
            return
        yield bytes(stream[:total])
        del stream[:total]


def send(port: int, data: bytes) -> None:
    """Write all of it to the host, or nothing more once the host has hung up."""
    while data and not hangs(port):
        try:
            data = data[os.write(port, data) :]
        except BlockingIOError:
            select.select([], [port], [], LOOK_EVERY_S)


def carry(port: int, vhci: int) -> None:
    """Carry packets both ways until the host hangs up."""
    stream = bytearray()
    poll = select.poll()
    poll.register(port, select.POLLIN)
    poll.register(vhci, select.POLLIN)
    while True:
        ready = {file for file, _ in poll.poll()}
        if vhci in ready:
            packet = os.read(vhci, LARGEST_READ)
            if packet[0] != VENDOR:  # the kernel's word that the adapter was created
                send(port, packet)
        if port in ready:
            try:
                data = os.read(port, LARGEST_READ)
            except BlockingIOError:
                continue
            if not data:
                return
            stream += data
            for packet in packets(stream):
                os.write(vhci, packet)


def main() -> None:
    """Be an adapter whenever there is a controller on the host."""
    port = open_port("hci")
    while True:
        while hangs(port):
            time.sleep(LOOK_EVERY_S)
        vhci = os.open("/dev/vhci", os.O_RDWR)
        os.write(vhci, CREATE)
        carry(port, vhci)
        os.close(vhci)  # which unplugs it


if __name__ == "__main__":
    main()
