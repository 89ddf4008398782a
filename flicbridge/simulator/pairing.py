"""Pairs the simulated buttons with the bridge that is about to be rehearsed: over the radio, in earnest."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flicbridge.alert.desk import Change, Mark
from flicbridge.clock import Clock
from flicbridge.outbox.store import Store
from flicbridge.press.flic2 import record
from flicbridge.press.flic2.pair import PairedButton, pair
from flicbridge.room import RadioRoom
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.world import VirtualWorld

TIMEOUT_S: Final = 60.0


async def pair_all(
    world: VirtualWorld, buttons: Mapping[str, Peripheral], database: Path, clock: Clock
) -> None:
    """Hold every button for seven seconds, pair it, and keep the pairing where the bridge will look."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store.open(database)
    try:
        async with simulated_radio(world, buttons, clock=clock, observe=lambda _: None) as room:
            ours: dict[str, str] = {}  # a scanner remembers for a while that they were in pairing mode
            for button in buttons.values():
                paired = await _paired(button, room, ours, clock)
                ours[paired.pairing.address] = paired.pairing.serial
                await _keep(store, paired, clock)
    finally:
        await store.close()


async def _paired(button: Peripheral, room: RadioRoom, ours: Mapping[str, str], clock: Clock) -> PairedButton:
    async with asyncio.TaskGroup() as group:
        group.create_task(button.hold_7_seconds(), name=f"hold:{button.name}")
        return await pair(room.radio, root_key=room.root_key, clock=clock, timeout_s=TIMEOUT_S, ours=ours)


async def _keep(store: Store, paired: PairedButton, clock: Clock) -> None:
    serial = paired.pairing.serial
    await store.put_pairing(serial, record.to_json(paired.pairing))
    if paired.resume is not None:  # or the press that paired it would be taken for a call for help
        await store.commit(Change(mark=Mark(serial, paired.resume)), clock.now_at())
