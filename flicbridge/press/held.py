"""The links of the radio: each held by somebody, or being parted from."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from bleak import BleakClient

from flicbridge.press.errands import Errands

# BlueZ takes 2.2 to 2.7 s, bleak waits for 10 if BlueZ's word gets lost.
PARTING_TIMEOUT_S: Final = 5.0
GOODBYE_S: Final = 3.0  # what partings get when somebody waits for them


class HeldLink:
    """A link that somebody holds, or that is being parted from."""

    def __init__(self, client: BleakClient, on_gone: Callable[[], None]) -> None:
        self.address = client.address.upper()
        self.client = client
        self.on_gone = on_gone
        self.is_held = True
        self.parted = asyncio.Event()
        self._attempt: asyncio.Task[None] | None = None
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    @property
    def is_connecting(self) -> bool:
        return self._attempt is not None

    async def connect(self, *, known: bool) -> None:
        self._at_rest.clear()
        self._attempt = asyncio.current_task()
        try:
            # The danger in the name is that the services changed meanwhile; see `Radio.vouch`. Seen on BlueZ
            # 5.66: after a crash of bluetoothd, what bleak remembers is wrong, and subscribing says so.
            await self.client.connect(dangerous_use_bleak_cache=known)
        finally:
            self._attempt = None
            self._at_rest.set()

    def give_up(self) -> None:
        """Take back an attempt to connect, and tell whoever holds the link that it is gone."""
        if self._attempt is not None:
            self._attempt.cancel()
        self.on_gone()

    async def part(self) -> None:
        """Disconnect, also when bleak noticed a loss by itself: it still holds a bus connection then."""
        await self._at_rest.wait()  # a connect that was given up may still be cleaning up
        await self.client.disconnect()


class Links:
    """All links of one radio.

    Args:
        stir: called whenever one is gone for good.
    """

    def __init__(self, stir: Callable[[], None]) -> None:
        self._links: list[HeldLink] = []
        self._stir = stir

    @property
    def addresses(self) -> set[str]:
        """Whom they lead to, in capitals."""
        return {link.address for link in self._links}

    def add(self, link: HeldLink) -> None:
        """Take care of a link from now on."""
        self._links.append(link)

    def part(self, link: HeldLink, errands: Errands | None) -> None:
        """Disconnect behind the scenes.

        Args:
            link: nobody holds it any more.
            errands: does it; None if the radio stopped first, and the stack with it.
        """
        link.is_held = False
        if errands is None:
            self._forget(link)
        else:
            errands.later(PARTING_TIMEOUT_S, link.part(), "disconnect", lambda: self._forget(link))

    def _forget(self, link: HeldLink) -> None:
        self._links.remove(link)
        link.parted.set()
        self._stir()

    def give_up(self) -> None:
        """Tell whoever holds a link that it is gone: bleak may never notice."""
        for link in list(self._links):
            link.give_up()

    async def wait_for_partings(self, address: str) -> None:
        """Return when no older link to this address is left; in time, as every parting has its deadline."""
        for link in [each for each in self._links if each.address == address and not each.is_held]:
            await link.parted.wait()

    async def take_back_attempts(self) -> None:
        """Give up what is only being connected; return when that is done, or should be."""
        attempts = [link for link in self._links if link.is_connecting]
        for link in attempts:
            link.give_up()
        await _all_parted(attempts)

    async def see_off(self) -> None:
        """Give all a moment to be closed decently: BlueZ would keep them open for nobody."""
        await _all_parted(list(self._links))


async def _all_parted(links: Iterable[HeldLink]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_S):
            for link in links:
                await link.parted.wait()
