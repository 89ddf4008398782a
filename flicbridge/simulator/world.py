"""A small world of one bridge and some buttons, without any hardware.

    async with VirtualWorld() as world:
        button = await world.add_button("poche")
        scanner = BleakScanner(on_advertisement, backend=world.radio.scanner)
        ...
        await button.press("double")

Everything happens on the running loop, by its timers: on a loop that leaps over idle time
(`flicbridge.simulator.leap`) hours pass in moments.
"""

import asyncio
import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from flicbridge.simulator.air import Air
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.body import Random
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.radio import VirtualRadio


class VirtualWorld:
    """Use as `async with`; closing it ends every link and stops every timer.

    Args:
        make_air: another air than the one that carries everything at once, such as a `PacedAir`.

    Attributes:
        radio: the bridge's Bluetooth adapter.
        buttons: those added, by address.
    """

    radio: VirtualRadio

    def __init__(self, make_air: Callable[[], Air] = Air) -> None:
        self._make_air = make_air
        self.buttons: dict[str, Peripheral] = {}

    async def __aenter__(self) -> Self:
        self._air = self._make_air()
        self.radio = VirtualRadio(self._air)
        await self.radio.start()
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for button in list(self.buttons.values()):
            self.remove_button(button)
        await self.radio.close()

    @property
    def air(self) -> Air:
        """What everybody here shares: for who else would be on it."""
        return self._air

    async def add_button(
        self,
        name: str,
        *,
        duo: bool = False,
        state: str | None = None,
        away_s: float = 0.0,
        random: Random = os.urandom,
    ) -> Peripheral:
        """Bring a button into range.

        Args:
            name: makes the button: the same name has the same address, serial number and keys everywhere.
            duo: make a Flic Duo, with two keys, instead of a Flic 2.
            state: what `Peripheral.to_json` wrote in an earlier life; it decides who the button is.
            away_s: how long ago that was.
            random: where the button's random numbers come from.

        Raises:
            ValueError: this world has that very button already.
            pydantic.ValidationError: the state is something else.
        """
        now_s = asyncio.get_running_loop().time()
        if state is None:
            flic2 = SimulatedFlic2.new(name, now_s=now_s, random=random, duo=duo)
        else:
            flic2 = SimulatedFlic2.from_json(state, now_s=now_s, away_s=away_s, random=random)
        address = flic2.memory.identity.address
        if address in self.buttons:
            raise ValueError(f"button {name!r} ({address}) is here already")
        button = self.buttons[address] = Peripheral(self._air, name, flic2)
        await button.start()
        return button

    def remove_button(self, button: Peripheral) -> None:
        """Take a button away for good; links break at once."""
        del self.buttons[button.address]
        button.close()
