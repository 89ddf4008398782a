"""Does what a scenario says, step by step: to the buttons, the gateways, the radio and the bridge itself."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, assert_never

from flicbridge.alert import life as lives
from flicbridge.alert.alert import Happening
from flicbridge.clock import Clock
from flicbridge.errors import FlicbridgeError
from flicbridge.press.settings import Family
from flicbridge.simulator.casting import Casting, Part
from flicbridge.simulator.life import Life, Pocket
from flicbridge.simulator.overhear import Entry
from flicbridge.simulator.scenario import (
    Answer,
    Crash,
    Heal,
    Network,
    OfButton,
    OrderFault,
    Press,
    Scenario,
    Start,
    Step,
    SwitchRadio,
    Wait,
)
from flicbridge.simulator.standins import Cast
from flicbridge.simulator.story import Story
from flicbridge.simulator.timeline import What
from flicbridge.simulator.world import VirtualWorld

NETWORK: Final = "network"
PLACE: Final = "place"
MOST_ALERTS: Final = 1000


class Play:
    """A scenario being played.

    Attributes:
        cast, pockets, life: who plays.
        story: where it is written down.
        clock: what time it is.
        group: owns everything that goes on beside the steps.
    """

    def __init__(
        self,
        casting: Casting,
        cast: Cast,
        world: VirtualWorld,
        pockets: Mapping[str, Pocket],
        life: Life,
        story: Story,
        clock: Clock,
        group: asyncio.TaskGroup,
    ) -> None:
        self.cast = cast
        self.pockets = pockets
        self.life = life
        self.story = story
        self.clock = clock
        self.group = group
        self._casting = casting
        self._world = world
        self._is_armed = False
        self._is_radio_off = False
        self._buried = asyncio.Event()

    async def through(self, scenario: Scenario) -> None:
        """Do everything that a scenario says, each at its time, and watch until it is over."""
        for step in scenario.steps:
            await self._until(step.at.total_seconds())
            await self._do(step)
        await self._until(scenario.ends.total_seconds())

    def hear(self, entry: Entry) -> None:
        """The bridge wrote into its log. What a frozen one writes never happened."""
        if self.life.is_frozen:
            return
        self.story.hear(entry)
        if self._is_armed and entry.event == "press_taken" and entry.facts["safe"]:
            self._is_armed = False
            self._crash()

    async def _until(self, at_s: float) -> None:
        await self.clock.sleep(max(0.0, self.story.timeline.began_s + at_s - self.clock.now_s()))

    async def _do(self, step: Step) -> None:
        match step:
            case Press():
                self.group.create_task(self._press(self._casting.part(step)), name="finger")
            case OrderFault() | Heal():
                self._order(step)
            case Network():
                self._switch_network(down=step.do == "network_down")
            case OfButton():
                self._carry(step)
            case SwitchRadio():
                await self._switch_radio(off=step.do == "radio_off")
            case Crash(upon_commit=True):
                self._is_armed = True
            case Crash():
                self._crash()
            case Start():
                await self._start()
            case Answer():
                await self._answer(step)
            case Wait():
                pass
            case unreachable:
                assert_never(unreachable)

    async def _press(self, part: Part) -> None:
        if part.button.family is Family.VIRTUAL:
            await self._press_virtual(part.button.name, part.gesture or "")
            return
        name, began_s = part.button.name, self.clock.now_s()
        async with asyncio.TaskGroup() as hand:
            hand.create_task(
                self.pockets[name].button.press(list(part.script), key=part.key), name=f"press:{name}"
            )
            for down_s, up_s in part.script:
                await self.clock.sleep(began_s + down_s - self.clock.now_s())
                self.story.finger_down(name, began_s + down_s)
                await self.clock.sleep(began_s + up_s - self.clock.now_s())
                self.story.timeline.note(What.FINGER_UP, at_s=began_s + up_s, button=name)

    async def _press_virtual(self, name: str, gesture: str) -> None:
        bridge = self.life.bridge
        if bridge is None:
            self._obstacle("bridge_is_dead", f"press {name}")
            return
        self.story.finger_down(name, self.clock.now_s())
        try:
            await bridge.press(name, gesture)
        except FlicbridgeError as error:
            self._obstacle("press_refused", str(error))

    def _order(self, step: OrderFault | Heal) -> None:
        fault = step.fault if isinstance(step, OrderFault) else None
        for channel in self._casting.meant(step.channel):
            self.cast.standins[channel].order(fault)
            if fault is None:
                self._heal(What.HEALED, channel=channel)
            else:
                status = fault.status if fault.kind == "status" else None
                self.story.timeline.note(What.FAULT, channel=channel, kind=fault.kind, status=status)

    def _switch_network(self, *, down: bool) -> None:
        for standin in self.cast.standins.values():
            if down:
                standin.cut(NETWORK)
            else:
                standin.mend(NETWORK)
        if down:
            self.story.timeline.note(What.NETWORK_DOWN)
        else:
            self._heal(What.NETWORK_UP)

    def _carry(self, step: OfButton) -> None:
        name = self._casting.flic(step.button).name
        pocket, timeline = self.pockets[name], self.story.timeline
        match step.do:
            case "out_of_range":
                timeline.note(What.OUT_OF_RANGE, button=name)
                pocket.cut(PLACE)
            case "back_in_range":
                self._heal(What.BACK_IN_RANGE, button=name)
                pocket.mend(PLACE)
            case "change_battery":
                timeline.note(What.BATTERY_CHANGED, button=name)
                self.group.create_task(pocket.button.change_battery(), name=f"battery:{name}")

    async def _switch_radio(self, *, off: bool) -> None:
        self._is_radio_off = off
        if off:
            self.story.timeline.note(What.RADIO_OFF)
        else:
            self._heal(What.RADIO_ON)
        await self._world.radio.power(not off)

    def _crash(self) -> None:
        """Cut the power now, without letting anything else run in between."""
        self.life.freeze()
        self.story.timeline.note(What.CRASHED)
        self._buried.clear()
        self.group.create_task(self._bury(), name="bury")

    async def _bury(self) -> None:
        await self.life.bury()
        self._buried.set()

    async def _start(self) -> None:
        if self._is_armed:
            self._obstacle("nothing_committed", "crash")
            return
        await self._buried.wait()
        await self._world.radio.power(not self._is_radio_off)
        self._heal(What.STARTED)
        await self.life.begin(self.group)

    async def _answer(self, step: Answer) -> None:
        bridge = self.life.bridge
        if bridge is None:
            self._obstacle("bridge_is_dead", step.do)
            return
        what = Happening.CANCELLED if step.do == "cancel" else Happening.ACKNOWLEDGED
        for standing in await bridge.list_alerts(MOST_ALERTS):
            if standing.state in lives.OPEN:
                await bridge.move_alert(standing.alert.id, what, "api")

    def _heal(self, what: What, **facts: Any) -> None:
        self.story.timeline.note(what, **facts)
        self.story.healed_s = self.clock.now_s()

    def _obstacle(self, reason: str, detail: str) -> None:
        self.story.timeline.note(What.OBSTACLE, reason=reason, detail=detail)
