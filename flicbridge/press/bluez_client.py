"""Linux only: bleak's client for BlueZ, with one race less.

BlueZ's answer to `Connect` and its word that the device is connected reach bleak over two different connections
to the bus. If the answer is first, which on a busy machine it often is, bleak takes the device for gone already,
gives up ("failed to discover services, device disconnected") and has BlueZ take down the link that had just
come up. That costs three seconds, while a press waits in the button. Seen with bleak 3.1 on BlueZ 5.66.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

from bleak.backends.bluezdbus.client import BleakClientBlueZDBus
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bleak.backends.service import BleakGATTServiceCollection

WORD_TIMEOUT_S: Final = 2.0  # the word is under way; without it the race is lost as ever


class PatientClient(BleakClientBlueZDBus):
    """Looks for services only once bleak knows that the device is connected."""

    async def _get_services(self, *args: Any, **kwargs: Any) -> BleakGATTServiceCollection:
        if self._device_path is not None:
            await _until_known_to_be_connected(self._device_path)
        return await super()._get_services(*args, **kwargs)


async def _until_known_to_be_connected(path: str) -> None:
    manager = await get_global_bluez_manager()
    changed = asyncio.Event()
    watcher = manager.add_device_watcher(
        path, lambda _is_connected: changed.set(), lambda _path, _value: None
    )
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(WORD_TIMEOUT_S):
                while not manager.is_connected(path):
                    changed.clear()
                    await changed.wait()
    finally:
        manager.remove_device_watcher(watcher)
