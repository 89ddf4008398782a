"""One session over one link: what was given up is not believed any more."""

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from bleak.backends.device import BLEDevice

from flicbridge.errors import ButtonUnreachableError
from flicbridge.press.flic2.exchange import Exchange, address_type
from flicbridge.press.flic2.reports import Ready, SessionEvent
from flicbridge.press.flic2.session import Reconnect, Session
from flicbridge.press.sighting import Sighting
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC

if TYPE_CHECKING:
    from tests.press.conftest import OpenBench


@pytest.mark.parametrize("gives_up", [True, False])
async def test_nothing_is_heard_from_a_link_that_was_given_up_while_it_still_talks(
    open_bench: "OpenBench", gives_up: bool
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        said: list[SessionEvent] = []

        def take(event: SessionEvent) -> None:
            said.append(event)
            bench.stir()

        def tend(now_s: float) -> float:
            if gives_up and any(isinstance(event, Ready) for event in said):
                raise ButtonUnreachableError("enough")
            return math.inf

        def open_session(max_frame: int) -> Session:
            return Session(
                Reconnect(paired.pairing, paired.resume),
                address=button.address,
                address_type=None,
                root_key=TEST_ROOT_PUBLIC,
                max_frame=max_frame,
                now_s=bench.clock.now_s(),
            )

        async def follow(sighting: Sighting) -> None:
            exchange = Exchange(bench.radio, bench.clock, open_session, take, tend)
            with suppress(ButtonUnreachableError):
                async with bench.radio.connect(sighting.device, exchange.on_gone) as client:
                    await exchange.run(client)

        with bench.radio.sightings(button.address) as sightings:
            await button.press([(0.0, 0.01)])
            following = bench.tasks.create_task(follow(await anext(sightings)))
        bench.running.append(following)
        await bench.until(lambda: any(isinstance(event, Ready) for event in said))
        await bench.clock.sleep(0.7)
        heard = len(said)
        assert button.is_connected
        await button.press("single")
        assert (len(said) > heard) is not gives_up
        assert following.done() is gives_up


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        ({"props": {"AddressType": "public"}}, 0),
        ({"props": {"AddressType": "random"}}, 1),
        ({"props": {}}, None),
        ({}, None),
        (object(), None),
        (None, None),
    ],
)
def test_the_address_type_is_told_where_the_platform_knows_it(details: object, kind: int | None) -> None:
    assert address_type(BLEDevice("80:E4:DA:70:00:01", None, details)) == kind
