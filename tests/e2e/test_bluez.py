"""The real Bluetooth stack: Linux, bluetoothd, D-Bus, bleak; every misfortune ends with a press that arrives.

The scenarios share one practice and run in this order, but each begins by waiting until all is well again. A
press must become one alert, known by the id that follows from the button's serial, boot and count, and reach
the hub in one message; that nothing else arrives is looked at after every scenario.

Times are the host's. An emulated guest needs 25 to 30 times longer for what Python does there.
"""

import asyncio
import json
from collections.abc import Iterator

import pytest

from flicbridge.simulator.peripheral import Peripheral
from tests.e2e.conftest import Note, kernel_trouble
from tests.e2e.machine import pause
from tests.e2e.practice import COMMAND_TIMEOUT_S, PairedBefore, Practice

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]

PROVE_IT = "Press the button now"
END_BLUETOOTHD = """
pid=$(cat /run/bluetoothd.pid)
kill -{signal} "$pid"
while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
"""
SLEEP_S = 3.0
MISSING_S = 5.0  # how long something is away: longer than what stacks make good without a word
NOTICE_TIMEOUT_S = 60.0
EIGHT_TIMEOUT_S = 120.0
DEAF_TIMEOUT_S = 200.0  # the 30 s of `silence`, 15 s to see whether a new scanner helps, and the way back


@pytest.fixture(autouse=True)
def nothing_but_one_message_for_each_press(practice: Practice) -> Iterator[None]:
    """What arrived in all is what was pressed in all."""
    yield
    assert sorted(m.event["subject"] for m in practice.hub.received) == sorted(
        str(pressed.alert) for pressed in practice.pressed
    )
    assert len({message.key for message in practice.hub.received}) == len(practice.pressed)
    assert (practice.hub.duplicates, practice.hub.forged) == (0, 0)


async def is_heard(practice: Practice, button: Peripheral) -> float:
    """Press a button that is connected; return how long its alert took to the hub."""
    await practice.until_connected(button)
    pressed = await practice.press(button)
    alert = await practice.alert_of(pressed)
    await practice.until_acknowledged(button)
    return alert.at_s - pressed.at_s


async def is_gone(practice: Practice, button: Peripheral) -> None:
    """Wait until a button knows that its link is lost."""
    await practice.until(lambda: not button.is_connected, NOTICE_TIMEOUT_S, "the link is lost")


async def test_a_button_is_paired_by_the_command_line(
    practice: Practice, neighbours: list[PairedBefore], note: Note
) -> None:
    began_s = practice.now_s()
    await practice.boot()
    note("boot", practice.now_s() - began_s)
    await practice.install(*neighbours)
    button = await practice.bring("poche")
    began_s = practice.now_s()
    pairing = practice.start("pair", "poche", "--json")
    await practice.until(lambda: practice.dongle.le_scan_enable, COMMAND_TIMEOUT_S, "it scans")
    note("command to scan", practice.now_s() - began_s)
    await button.hold_7_seconds()
    released_s = practice.now_s()
    await practice.until(
        lambda: PROVE_IT in pairing.err.read_text(), COMMAND_TIMEOUT_S, "it asks for a press"
    )
    note("release to paired", practice.now_s() - released_s)
    await button.press("single")  # which proves that it is heard, and is no call for help
    done = await pairing.wait(COMMAND_TIMEOUT_S)
    assert done.status == 0, done.err
    said = json.loads(done.out)
    assert (said["serial"], said["proof"]["heard"]) == (button.serial, True)


async def test_a_press_while_connected(
    practice: Practice, neighbours: list[PairedBefore], note: Note
) -> None:
    button = practice.buttons["poche"]
    await practice.bring(neighbours[0].name, neighbours[0].state)
    began_s = practice.now_s()
    await practice.start_bridge()
    note("start", practice.now_s() - began_s)
    for _ in range(3):
        note("press to alert", await is_heard(practice, button))


async def test_a_press_while_disconnected_wakes_the_button(practice: Practice, note: Note) -> None:
    button = practice.buttons["poche"]
    await practice.until_connected(button)
    await practice.put_to_sleep(button)
    await pause(SLEEP_S)
    assert not button.is_connected
    pressed = await practice.press(button)
    alert = await practice.alert_of(pressed)
    note("press to alert", alert.at_s - pressed.at_s)
    await practice.until_acknowledged(button)
    note("next press to alert", await is_heard(practice, button))


async def test_two_buttons_at_once(practice: Practice, note: Note) -> None:
    buttons = [practice.buttons["poche"], practice.buttons["veste"]]
    await practice.until_connected(*buttons)
    note("last press to alert, connected", await all_are_heard(practice, buttons))
    await practice.put_to_sleep(*buttons)
    await pause(SLEEP_S)
    note("last press to alert, asleep", await all_are_heard(practice, buttons))


async def all_are_heard(practice: Practice, buttons: list[Peripheral]) -> float:
    """Press several buttons at the same moment; return how long the slowest alert took."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(practice.press(button), name=button.name) for button in buttons]
    presses = [task.result() for task in tasks]
    alerts = [await practice.alert_of(pressed) for pressed in presses]
    await practice.until_connected(*buttons)
    return max(alert.at_s - pressed.at_s for alert, pressed in zip(alerts, presses, strict=True))


async def test_a_new_battery(practice: Practice, note: Note) -> None:
    """It begins a new boot, with counters that begin anew."""
    button = practice.buttons["poche"]
    await practice.until_connected(button)
    boot_id = button.flic2.memory.boot_id
    await button.change_battery(takes_s=MISSING_S)
    assert button.flic2.memory.boot_id != boot_id
    assert not button.is_connected
    pressed = await practice.press(button)
    alert = await practice.alert_of(pressed)
    note("press to alert", alert.at_s - pressed.at_s)
    await practice.until_acknowledged(button)
    note("next press to alert", await is_heard(practice, button))


async def test_out_of_range_and_back(practice: Practice, note: Note) -> None:
    button = practice.buttons["poche"]
    await practice.until_connected(button)
    button.out_of_range()
    await is_gone(practice, button)
    pressed = await practice.press(button)
    await pause(MISSING_S)
    back_s = practice.now_s()
    button.back_in_range()
    alert = await practice.alert_of(pressed)
    note("back to alert", alert.at_s - back_s)
    await practice.until_acknowledged(button)
    note("next press to alert", await is_heard(practice, button))


async def test_the_adapter_is_switched_off_and_on(practice: Practice, note: Note) -> None:
    button = practice.buttons["poche"]
    await practice.until_connected(button)
    await practice.machine.run("bluetoothctl power off")
    await is_gone(practice, button)
    pressed = await practice.press(button)
    await pause(MISSING_S)
    began_s = practice.now_s()
    await practice.machine.run("bluetoothctl power on")
    alert = await practice.alert_of(pressed)
    note("command to alert", alert.at_s - began_s)
    note("next press to alert", await is_heard(practice, button))


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
async def test_bluetoothd_ends_and_is_started_again(practice: Practice, note: Note, signal: str) -> None:
    button = practice.buttons["poche"]
    await practice.until_connected(button)
    began_s = practice.now_s()
    await practice.machine.run(END_BLUETOOTHD.format(signal=signal))
    pressed = await practice.press(button)
    alert = await practice.alert_of(pressed)
    note("end of bluetoothd to alert", alert.at_s - began_s)
    note("press to alert", alert.at_s - pressed.at_s)
    await pause(MISSING_S)  # the kernel drops links late, and somebody must have noticed
    note("next press to alert", await is_heard(practice, button))


async def test_the_adapter_is_pulled_and_plugged_in_again(practice: Practice, note: Note) -> None:
    button = practice.buttons["poche"]
    await practice.until_connected(button)
    await practice.dongle.pull()
    await is_gone(practice, button)
    pressed = await practice.press(button)
    await pause(MISSING_S)
    began_s = practice.now_s()
    await practice.plug()
    alert = await practice.alert_of(pressed)
    note("plug to alert", alert.at_s - began_s)
    note("next press to alert", await is_heard(practice, button))


async def test_a_power_cut_needs_no_new_pairing(
    practice: Practice, neighbours: list[PairedBefore], note: Note
) -> None:
    """Kernel, bus, bluetoothd and bridge are all new; only the disk is the same."""
    button = practice.buttons["poche"]
    await practice.until_connected(button)
    await practice.add_to_settings(*neighbours[1:])
    await practice.machine.run("sync")  # of the settings; what the bridge has promised needs none
    note("press to alert", await is_heard(practice, button))
    await practice.cut_power()
    pressed = await practice.press(button)
    began_s = practice.now_s()
    await practice.boot()
    note("boot", practice.now_s() - began_s)
    await practice.start_bridge()
    ready_s = practice.now_s()
    alert = await practice.alert_of(pressed)
    note("power to alert", alert.at_s - began_s)
    note("bridge ready to alert", alert.at_s - ready_s)
    note("next press to alert", await is_heard(practice, button))


async def test_a_deaf_adapter_is_switched_off_and_on(practice: Practice, note: Note) -> None:
    """It obeys every command, and hears nothing any more: only a reset of the chip helps."""
    button = practice.buttons["poche"]
    await practice.until_connected(*practice.buttons.values())
    practice.dongle.is_deaf = True
    began_s = practice.now_s()
    pressed = await practice.press(button)
    alert = await practice.alert_of(pressed, within_s=DEAF_TIMEOUT_S)
    note("deafness to alert", alert.at_s - began_s)
    assert practice.logged("scanner_restarted")
    assert [entry["outcome"] for entry in practice.logged("power_cycle_ended")] == ["done"]
    note("next press to alert", await is_heard(practice, button))


async def test_eight_buttons_on_one_adapter(
    practice: Practice, neighbours: list[PairedBefore], note: Note
) -> None:
    began_s = practice.now_s()
    for each in neighbours[1:]:
        await practice.bring(each.name, each.state)
    buttons = list(practice.buttons.values())
    assert len(buttons) == 8
    await practice.until(
        lambda: {entry["button"] for entry in practice.logged("link_up")} == practice.buttons.keys(),
        EIGHT_TIMEOUT_S,
        "each of the eight has had a session",
    )
    await practice.until_connected(*buttons)
    note("all connected", practice.now_s() - began_s)
    note("last press to alert", await all_are_heard(practice, buttons))


async def test_the_command_line_tells_it_as_it_was(practice: Practice) -> None:
    """Nothing is wrong but that this is a test bench, and every press is one alert of the history."""
    status, listed = await asyncio.gather(
        practice.ask("status"), practice.ask("alerts", "list", "--limit", "500")
    )
    of_ours = [problem["problem"] for problem in status["problems"] if problem["part"] != "host"]
    assert of_ours == ["test_key_believed"]
    assert {button["link"] for button in status["buttons"]} == {"up"}
    assert status["radio"]["power_cycles"] == 1
    assert len(status["buttons"]) == 8
    assert sorted(alert["id"] for alert in listed["alerts"]) == sorted(
        str(pressed.alert) for pressed in practice.pressed
    )


async def test_the_kernel_had_nothing_to_complain_of() -> None:
    assert kernel_trouble() == []
