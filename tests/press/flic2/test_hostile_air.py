"""Whatever arrives: nothing is believed that the honest button did not say, and nothing raises."""

import hmac
import json
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flicbridge.press.event import Counter
from flicbridge.press.flic2.handshake import QuickVerify
from flicbridge.press.flic2.reports import Failed, Item
from flicbridge.press.flic2.wire import presses

if TYPE_CHECKING:
    from tests.fuzz.fuzz_flic2_session import Recording
    from tests.press.flic2.conftest import ScriptedButton

    Recordings = dict[str, Recording]
    Connect = Callable[..., ScriptedButton]

STEADY = settings(deadline=None)  # a busy machine is no failure

BOOT_ID = 0x11223344


@STEADY
@given(data=st.data())
def test_spoilt_sessions_say_nothing_new(
    data: st.DataObject, fuzzer: ModuleType, recordings: "Recordings"
) -> None:
    recording = recordings[data.draw(st.sampled_from(sorted(recordings.keys() - fuzzer.FORGED)))]
    others = [step.frame for step in data.draw(st.sampled_from(list(recordings.values()))).steps]
    chance = data.draw(st.randoms(use_true_random=False))
    script = recording.from_button
    for change in data.draw(st.lists(st.sampled_from(fuzzer.CHANGES), min_size=1, max_size=6)):
        change(script, chance, others)
    assert fuzzer.judge(recording, script) is None


@STEADY
@given(frames=st.lists(st.binary(max_size=200), max_size=12), name=st.sampled_from(["pairing", "quick"]))
def test_junk_is_never_believed(frames: list[bytes], name: str, recordings: "Recordings") -> None:
    recording = recordings["pairing_mtu140" if name == "pairing" else "quick_verify_mtu23"]
    session = recording.new_session()
    said = [event for frame in frames for event in session.receive(frame, 0.0)]
    assert all(isinstance(event, Failed) for event in said)


@STEADY
@given(data=st.data())
def test_a_flipped_bit_loses_at_most_what_comes_after_it(
    data: st.DataObject, fuzzer: ModuleType, recordings: "Recordings"
) -> None:
    """From the first signed frame on, the flipped frame and all after it are lost, and nothing before it."""
    recording = recordings["quick_verify_queued_live_ack"]
    script = recording.from_button
    at = data.draw(st.integers(1, len(script) - 1))
    byte = data.draw(st.integers(1, len(script[at]) - 1))
    spoilt = bytearray(script[at])
    spoilt[byte] ^= 1 << data.draw(st.integers(0, 7))
    before = fuzzer.play(recording, script[:at])
    said = fuzzer.play(recording, [*script[:at], bytes(spoilt), *script[at + 1 :]])
    assert said[:-1] == before
    assert isinstance(said[-1], Failed)
    assert said[-1].code == 14


def test_every_frame_replayed_at_every_later_moment_ends_the_session(
    fuzzer: ModuleType, recordings: "Recordings"
) -> None:
    recording = recordings["quick_verify_queued_live_ack"]
    script = recording.from_button
    for replayed in range(1, len(script)):
        for after in range(replayed, len(script)):
            said = fuzzer.play(recording, [*script[: after + 1], script[replayed], *script[after + 1 :]])
            assert said[:-1] == fuzzer.play(recording, script[: after + 1])
            assert isinstance(said[-1], Failed)


def test_a_session_cannot_be_replayed_to_a_later_one(fuzzer: ModuleType, recordings: "Recordings") -> None:
    """The same pairing, other random numbers: the recorded proof is worth nothing."""
    first = recordings["link_loss_between_press_and_ack/first_session"]
    second = recordings["link_loss_between_press_and_ack/second_session"]
    assert fuzzer.play(second, first.from_button) == []


@STEADY
@given(
    packets=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=123),
            st.tuples(st.integers(0, 44), st.binary(max_size=120)).map(lambda it: bytes([it[0]]) + it[1]),
            st.builds(
                lambda count, items: presses.ButtonEventNotification(count, tuple(items)).encode(),
                st.integers(0, 2**32 - 1),
                st.lists(
                    st.builds(
                        presses.EventItem,
                        st.integers(0, 2**48 - 1),
                        st.integers(0, 15),
                        st.booleans(),
                        st.booleans(),
                    ),
                    min_size=1,
                    max_size=16,
                ),
            ),
        ),
        max_size=8,
    ),
    commits=st.lists(st.integers(0, 2**32 - 1), max_size=8),
    queue=st.booleans(),
)
def test_a_button_gone_mad_cannot_raise_anything(
    packets: list[bytes], commits: list[int], queue: bool, connect: "Connect"
) -> None:
    """Authentic nonsense, as from faulty firmware, with a host that commits at random."""
    button = connect(Counter(BOOT_ID, 4), mtu=60)
    button.begins(4, queue=queue)
    for number, packet in enumerate(packets):
        said = button.transmit(button.voice.seal(packet), now_s=float(number))
        assert all(event.age_s >= 0 for event in said if isinstance(event, Item))
        if number < len(commits):
            button.session.acknowledge(Counter(BOOT_ID, commits[number]), float(number))
        button.hears()


def test_the_fuzzer_finds_a_session_that_skips_a_check(
    monkeypatch: pytest.MonkeyPatch, fuzzer: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzzer.load_recordings()
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: len(a) == len(b))
    assert fuzzer.main(["30", "1"]) == 1
    case = json.loads(capsys.readouterr().out)
    assert case["script"]
    assert "said" in case["complaint"]


def test_the_fuzzer_finds_a_session_that_raises(
    monkeypatch: pytest.MonkeyPatch, fuzzer: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def careless(self: QuickVerify, packet: bytes, conn_id: int) -> None:
        raise IndexError

    fuzzer.load_recordings()
    monkeypatch.setattr(QuickVerify, "receive", careless)
    assert fuzzer.main(["30", "1"]) == 1
    assert "IndexError" in json.loads(capsys.readouterr().out)["complaint"]


def test_the_fuzzer_finds_nothing_else(fuzzer: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzzer.main(["0.5", "1"]) == 0
    assert "nothing wrong" in capsys.readouterr().out


def test_the_fuzzer_grafts_nothing_that_was_signed_with_the_same_key(
    fuzzer: ModuleType,
) -> None:
    recordings = {recording.name: recording for recording in fuzzer.load_recordings()}
    refused, paired = recordings["fail_not_public"], recordings["pairing_mtu140"]
    assert refused.opening == paired.opening
    foreign = fuzzer.foreign_frames(refused, list(recordings.values()))
    assert paired.from_button[1] not in foreign
    assert recordings["duo_pairing"].from_button[1] in foreign
    with_key_of_its_own = {recordings[name].opening for name in ("duo_queued_live_ack", "duo_mtu23")}
    assert len(with_key_of_its_own) == 2


def test_the_fuzzer_is_told_how_to_be_called(fuzzer: ModuleType) -> None:
    assert fuzzer.main([]) == 2


def test_the_same_seed_tries_the_same_sessions(fuzzer: ModuleType) -> None:
    first, second = fuzzer.attacks(5), fuzzer.attacks(5)
    for _ in range(20):
        (recording, script), (same_recording, same_script) = next(first), next(second)
        assert (recording.name, script) == (same_recording.name, same_script)
