"""The simulated button against recorded conversations of independent implementations, byte for byte.

The first two of the three checks that the fact sheet demands of a simulated button (section 11): with the
random numbers of the recording it says exactly what was recorded, and it accepts every frame of the host.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.press.flic2.wire.framing import Reassembler, parse_frame
from flicbridge.press.flic2.wire.packet import address_from_wire
from flicbridge.press.flic2.wire.presses import ButtonEventNotification, EventItem, InitButtonEventsResponse
from flicbridge.simulator.flic2 import Flip, Identity, Memory, Replay, SimulatedFlic2
from flicbridge.simulator.flic2.faults import Faults
from flicbridge.simulator.flic2.fingers import Encoded
from flicbridge.simulator.flic2.memory import Host
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC, TEST_ROOT_SEED, issue_certificate

VECTORS = json.loads((Path(__file__).parents[2] / "press/flic2/flic2-vectors.json").read_text())
TRANSCRIPTS = VECTORS["transcripts"]
MAC_BYTES = 5
BOOT_ID = 287454020

type Step = dict[str, Any]


@dataclass
class Setting:
    """What a transcript leaves to be known about the button: its state before, and what goes wrong."""

    is_public: bool = False
    start_count: int | None = None
    faults: Faults = field(default_factory=Faults)


SETTINGS: dict[str, Setting] = {
    "pairing_mtu140": Setting(is_public=True),
    "pairing_mtu23_fragmented": Setting(is_public=True),
    "pairing_mtu50_fragmented": Setting(is_public=True),
    "pairing_variant0": Setting(is_public=True),
    "quick_verify_queued_live_ack": Setting(),
    "redelivery_when_never_acked": Setting(),
    "boot_id_changed": Setting(start_count=0),
    "quick_verify_mtu23": Setting(),
    "really_unpaired": Setting(),
    "fail_not_public": Setting(),
    "fail_bad_certificate": Setting(
        is_public=True, faults=Faults(once={FromButtonOp.FULL_VERIFY_RESPONSE_1: Flip(at=5)})
    ),
    "fail_wrong_address": Setting(is_public=True, faults=Faults(certificate_address="80:E4:DA:70:00:02")),
    "fail_no_slots": Setting(is_public=True, faults=Faults(has_no_slots=True)),
    "fail_invalid_verifier": Setting(is_public=True),
    "fail_full_verify_mac": Setting(
        is_public=True, faults=Faults(once={FromButtonOp.FULL_VERIFY_RESPONSE_2: Flip(bits=0x80)})
    ),
    "fail_quick_verify_mac": Setting(faults=Faults(once={FromButtonOp.QUICK_VERIFY: Flip()})),
    "fail_packet_mac": Setting(faults=Faults(once={FromButtonOp.BUTTON_EVENT: Flip(at=11, bits=0x02)})),
    "fail_replayed_packet": Setting(faults=Faults(once={FromButtonOp.BUTTON_EVENT: Replay()})),
    "negative_but_pairing_exists": Setting(faults=Faults(denies_quick_verify=True)),
    "pairing_duo_flag": Setting(is_public=True),
    "quick_verify_duo_flag": Setting(start_count=4),
}


def frames(steps: list[Step], direction: str) -> Iterator[bytes]:
    return (bytes.fromhex(step["frame"]) for step in steps if step.get("dir") == direction)


def packets(steps: list[Step]) -> list[bytes]:
    """Reassemble what the button says in a recording."""
    reassembler = Reassembler()
    found = []
    for frame in frames(steps, "button_to_host"):
        parsed = parse_frame(frame)
        assert parsed is not None
        packet = reassembler.add(parsed)
        if packet is not None:
            found.append(packet)
    return found


def largest_frame(steps: list[Step]) -> int:
    """The MTU shows in the longest fragment; without fragments it was 140."""
    fragments = [len(bytes.fromhex(step["frame"])) for step in steps if step.get("fragment")]
    return max(fragments, default=137)


def events(packet: bytes) -> tuple[EventItem, ...]:
    return ButtonEventNotification.decode(packet[:-MAC_BYTES]).items


def queued_before(steps: list[Step]) -> list[EventItem]:
    return [
        item
        for packet in packets(steps)
        if packet[0] == FromButtonOp.BUTTON_EVENT
        for item in events(packet)
        if item.was_queued
    ]


def clock_at_init(steps: list[Step]) -> int:
    inits = (
        FromButtonOp.INIT_BUTTON_EVENTS_WITH_BOOT_ID,
        FromButtonOp.INIT_BUTTON_EVENTS_WITHOUT_BOOT_ID,
    )
    found = [InitButtonEventsResponse.decode(p[:-MAC_BYTES]) for p in packets(steps) if p[0] in inits]
    return found[0].clock_ticks if found else 0


def recorded_button(fixed: dict[str, Any], setting: Setting, randoms: list[bytes]) -> SimulatedFlic2:
    """The button of the recordings, in its state before one of them."""
    identity = Identity(
        address=fixed.get("button_address", "80:e4:da:70:00:01").upper(),
        address_type=0,
        private_key=bytes.fromhex(fixed.get("button_x25519_private", "01" * 32)),
        uuid=bytes(range(0xA0, 0xB0)),
        serial="BA00-A00001",
    )
    memory = Memory(identity, "Panic", battery_raw=819, boot_id=fixed.get("boot_id", BOOT_ID))
    if "pairing_material_20" in fixed:
        memory.hosts.append(Host(bytes.fromhex(fixed["pairing_material_20"]), acknowledged=0))
    start = fixed.get("host_event_count", 0) if setting.start_count is None else setting.start_count
    memory.event_count = start
    button = SimulatedFlic2(memory, now_s=0.0, random=lambda count: randoms.pop(0))
    for name in Faults.__slots__:
        setattr(button.faults, name, getattr(setting.faults, name))
    if setting.is_public:
        button.go_public(0.0)
    return button


def replay(button: SimulatedFlic2, steps: list[Step]) -> None:
    """Play the host's side of a recording, and hold what the button says against it."""
    for item in queued_before(steps):
        button.memory.keep(Encoded(item.encoded), item.at_ticks)
    button.memory.clock_ticks = clock_at_init(steps)
    to_come = packets(steps)
    said: list[bytes] = []
    button.link_up(0.0)
    button.set_mtu(largest_frame(steps) + 3)
    for step in steps:
        if "frame" not in step:
            continue
        frame = bytes.fromhex(step["frame"])
        if step["dir"] == "host_to_button":
            button.receive(frame, 0.0)
            said += button.take_frames()
            continue
        if not said:
            cause(button, to_come[0])
            said += button.take_frames()
        assert said.pop(0).hex() == frame.hex()
        if not step.get("fragment"):
            to_come.pop(0)
    assert said == []


def cause(button: SimulatedFlic2, packet: bytes) -> None:
    """Make happen what the recorded button reported of its own accord."""
    if packet[0] == FromButtonOp.PING_REQUEST:
        button.ping(0.0)
        return
    (item,) = events(packet)
    encoded = Encoded(item.encoded)
    if button.faults.once:
        encoded = Encoded.DOWN  # the recording shows it after it was tampered with
    button.record(encoded, item.at_ticks, 0.0)


def play(name: str) -> SimulatedFlic2:
    transcript = TRANSCRIPTS[name]
    fixed = dict(transcript["fixed"])
    if name == "really_unpaired":
        del fixed["pairing_material_20"]  # what the host holds, and the button has forgotten
    randoms = [bytes.fromhex(fixed["button_random"])] if fixed.get("button_random") else []
    button = recorded_button(fixed, SETTINGS[name], randoms)
    replay(button, transcript["steps"])
    assert randoms == []
    return button


def test_no_recorded_conversation_is_left_out() -> None:
    assert SETTINGS.keys() | {"link_loss_between_press_and_ack"} == TRANSCRIPTS.keys()


@pytest.mark.parametrize("name", SETTINGS)
def test_the_button_says_byte_for_byte_what_was_recorded(name: str) -> None:
    play(name)


@pytest.mark.parametrize("name", [name for name in SETTINGS if name.startswith("pairing_")])
def test_the_button_keeps_the_recorded_pairing(name: str) -> None:
    material = TRANSCRIPTS[name]["derived"]["pairing_material_20"]
    assert [host.material.hex() for host in play(name).memory.hosts] == [material]


@pytest.mark.parametrize("name", ["fail_invalid_verifier", "fail_not_public", "really_unpaired"])
def test_the_button_keeps_no_pairing_that_failed(name: str) -> None:
    assert play(name).memory.hosts == []


def test_an_acknowledged_queue_is_forgotten_and_another_is_not() -> None:
    assert play("quick_verify_queued_live_ack").memory.queue == []
    assert len(play("quick_verify_duo_flag").memory.queue) == 9


def test_presses_between_two_links_are_delivered_on_the_second() -> None:
    transcript = TRANSCRIPTS["link_loss_between_press_and_ack"]
    first, second = (transcript["fixed"][name] for name in ("first_session", "second_session"))
    randoms = [bytes.fromhex(each["button_random"]) for each in (first, second)]
    button = recorded_button({**transcript["fixed"], **first}, Setting(), randoms)
    replay(button, transcript["first_session_steps"])
    button.link_down(0.0)
    replay(button, transcript["second_session_steps"])
    assert button.memory.queue == []


def test_the_test_root_signs_as_recorded() -> None:
    assert TEST_ROOT_SEED.hex() == VECTORS["test_root_key"]["ed25519_seed"]
    assert TEST_ROOT_PUBLIC.hex() == VECTORS["test_root_key"]["ed25519_public"]
    for recorded in VECTORS["certificates"]["valid"]:
        address = address_from_wire(bytes.fromhex(recorded["address_on_wire"]))
        public_key = bytes.fromhex(recorded["button_x25519_public"])
        issued = issue_certificate(address, recorded["address_type"], public_key)
        assert issued.signature.hex() == recorded["signature_as_sent"]
        assert issued.variant == recorded["variant"]
