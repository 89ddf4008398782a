"""SIGKILL at any moment of a bridge's life, and at every single statement."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final

from tests.chaos.bench import Bench, row_of
from tests.chaos.receiver import BEHAVIOURS, TRANSPORTS
from tests.chaos.row import Row, test_row
from tests.chaos.sabotage import Sabotage
from tests.chaos.story import Death, Script

AT_ANY_TIME_S: Final = 1.2
"""From its birth to well after a press is acknowledged, a bridge needs less."""
PRESSED_WITHIN_S: Final = 0.5
AFTER_A_PACKET_S: Final = 0.03
"""From a packet of the button to the commit, the acknowledgement and the first try: a third of that."""
PACKETS_OF_A_PRESS: Final = 3
"""Down, up, and that there is no second one. Only then a press is acknowledged."""
BRIEFLY_S: Final = 2.5
"""So long the last of the bridges that are broken on purpose has to go on proving it."""
LIVE_PRESS_S: Final = 0.3
BROKEN: Final = (Sabotage.ACKNOWLEDGES_FIRST, Sabotage.FORGETS_DELIVERIES, Sabotage.NEW_KEY_EACH_TIME)
MOST_LIVES: Final = 3
MOST_PRESSES: Final = 4
"""A button keeps 16 events, and a press has up to four. What it forgets by itself is not lost by a bridge."""


def _death(random: Random) -> Death:
    """Half of the deaths come at any time, half of them just after a press."""
    if random.random() < 0.5:
        return Death(after_s=random.uniform(0.0, AT_ANY_TIME_S))
    return Death(
        after_s=2 * AT_ANY_TIME_S,
        after_packet=random.randint(1, PACKETS_OF_A_PRESS + 1),
        packet_s=random.uniform(0.0, AFTER_A_PACKET_S),
    )


def _presses_s(random: Random, most: int) -> tuple[float, ...]:
    return tuple(random.uniform(0.0, PRESSED_WITHIN_S) for _ in range(random.randint(1, most)))


async def random_kills(bench: Bench) -> list[Row]:
    """A row for every behaviour of the receiver, over all transports, with and without memory for keys."""
    kills = bench.kills / len(BEHAVIOURS)
    scripts = [script for name in BEHAVIOURS for script in _random_scripts(bench.random, name, kills)]
    endings = await bench.play(scripts)
    rows = [
        row_of(f"killed at random, receiver {name}", (each for each in endings if each[0].receiver == name))
        for name in BEHAVIOURS
    ]
    bench.say(f"killed at random: {sum(row.trials for row in rows)} kills")
    return rows


def _random_scripts(random: Random, behaviour: str, kills: float) -> Iterator[Script]:
    """Stories with so many kills in all."""
    while kills > 0:
        lives = random.randint(1, MOST_LIVES)
        kills -= lives
        most = MOST_PRESSES // lives
        transport = random.choice(TRANSPORTS)
        yield Script(
            transport=transport,
            receiver=behaviour,
            honours_key=random.random() < 0.5,
            presses_s=tuple(_presses_s(random, most) for _ in range(lives)),
            deaths=tuple(_death(random) for _ in range(lives)),
        )


async def statement_kills(bench: Bench) -> list[Row]:
    """A row for every kind of life that is ended at its every step."""
    rows = []
    for name, script in _lives(bench.is_short):

        def at(step: int, script: Script = script) -> Script:
            return dying_at(script, step)

        rows.append(row_of(f"killed at every statement, {name}", await bench.play_until_outlived(at)))
        bench.say(f"{rows[-1].fault}: {rows[-1].trials} steps")
    return rows


def dying_at(script: Script, step: int) -> Script:
    """The same story, in which the last of the bridges that die does so at a step."""
    return replace(script, deaths=(*script.deaths[:-1], Death(after_s=2 * AT_ANY_TIME_S, at_step=step)))


def _lives(is_short: bool) -> Iterator[tuple[str, Script]]:
    yield "a press over http", Script("http", presses_s=((LIVE_PRESS_S,),))
    if is_short:
        return
    yield "a press over smsgate", Script("smsgate", presses_s=((LIVE_PRESS_S,),), honours_key=False)
    yield "a press over email", Script("email", presses_s=((LIVE_PRESS_S,),), honours_key=False)
    yield "a failed try", Script("http", "says later", presses_s=((LIVE_PRESS_S,),))
    yield (
        "a restart in the middle of a try",
        Script(
            "http",
            "acts, never answers",
            honours_key=False,
            presses_s=((LIVE_PRESS_S,), (LIVE_PRESS_S,)),
            deaths=(Death(after_packet=1, packet_s=AFTER_A_PACKET_S), Death()),
        ),
    )


async def self_test(bench: Bench) -> list[Row]:
    """Bridges that are broken on purpose: what is not found here is not found anywhere."""
    endings = await bench.play(script for sabotage in BROKEN for script in _broken(sabotage))
    rows = []
    for sabotage in BROKEN:
        found = row_of("", (each for each in endings if each[0].sabotage is sabotage))
        rows.append(test_row(sabotage, found.trials, found.wrong))
        bench.say(f"{rows[-1].fault}: {len(found.wrong)} faults found")
    return rows


def _broken(sabotage: Sabotage) -> Iterator[Script]:
    for packet_s in (0.002, 0.005, 0.008, 0.011, 0.014, 0.017):
        death = Death(after_s=AT_ANY_TIME_S, after_packet=PACKETS_OF_A_PRESS, packet_s=packet_s)
        yield Script(
            "http", presses_s=((LIVE_PRESS_S,),), deaths=(death,), sabotage=sabotage, patience_s=BRIEFLY_S
        )
