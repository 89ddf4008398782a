"""One link of the radio: held by somebody, or being parted from."""

import asyncio
from collections.abc import Callable

from bleak import BleakClient


class HeldLink:
    """A link that somebody holds, or that is being parted from."""

    def __init__(self, client: BleakClient, on_gone: Callable[[], None]) -> None:
        self.address = client.address.upper()
        self.client = client
        self.on_gone = on_gone
        self.is_held = True
        self.parted = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    async def connect(self, *, known: bool) -> None:
        self._at_rest.clear()
        try:
            # The danger in the name is that the services changed meanwhile; see `Radio.vouch`. Seen on BlueZ
            # 5.66: after a crash of bluetoothd, what bleak remembers is wrong, and subscribing says so.
            await self.client.connect(dangerous_use_bleak_cache=known)
        finally:
            self._at_rest.set()

    async def part(self) -> None:
        """Disconnect, also when bleak noticed a loss by itself: it still holds a bus connection then."""
        await self._at_rest.wait()  # a connect that was given up may still be cleaning up
        await self.client.disconnect()
