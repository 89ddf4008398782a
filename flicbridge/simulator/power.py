"""The power switch of the virtual radio's adapter, with switches for how it may fail."""

from typing import Final

from flicbridge.clock import Clock
from flicbridge.press.power import Cycled
from flicbridge.simulator.adapter import AdapterState
from flicbridge.simulator.radio import VirtualRadio

OFF_S: Final = 1.0

UNUSABLE: Final = {
    AdapterState.OFF: Cycled.SWITCHED_OFF,
    AdapterState.ABSENT: Cycled.NO_ADAPTER,
    AdapterState.CRASHED: Cycled.NO_SERVICE,
}


class VirtualPower:
    """A `Power` for a virtual radio.

    Attributes:
        refusal: answered instead of doing anything, if set.
        stays_off: how often switching on fails from now on.
        cycled_s: when each cycle began, refused ones included.
        is_owing: the adapter is off because of us.
    """

    def __init__(self, radio: VirtualRadio, *, clock: Clock) -> None:
        self.refusal: Cycled | None = None
        self.stays_off = 0
        self.cycled_s: list[float] = []
        self.is_owing = False
        self._radio = radio
        self._clock = clock

    async def cycle(self) -> Cycled:
        """See `flicbridge.press.power.Power`."""
        self.cycled_s.append(self._clock.now_s())
        if self.refusal or self._radio.state is not AdapterState.ON:
            return self.refusal or UNUSABLE[self._radio.state]
        self.is_owing = True
        await self._radio.power(False)
        await self._clock.sleep(OFF_S)
        return await self.pay()

    async def pay(self) -> Cycled:
        """See `flicbridge.press.power.Power`."""
        if self.stays_off:
            self.stays_off -= 1
            return Cycled.STAYS_OFF
        if self.is_owing:
            await self._radio.power(True)
            self.is_owing = False
        return Cycled.DONE
