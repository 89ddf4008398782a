"""The vectors, the recordings made from them, and a button that says what it is told to."""

import importlib.util
import json
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from flicbridge.press.event import Counter
from flicbridge.press.flic2 import crypto
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import SessionEvent
from flicbridge.press.flic2.session import Reconnect, Session
from flicbridge.press.flic2.wire import decode_to_button, framing, presses, verify
from flicbridge.press.flic2.wire.packet import Packet

if TYPE_CHECKING:
    from tests.fuzz.fuzz_flic2_session import Recording

HERE = Path(__file__).parent
ADDRESS = "80:E4:DA:70:00:01"
BOOT_ID = 0x11223344
CONN_ID = 3
PAIRING = Pairing(
    serial="BA00-A00001",
    address=ADDRESS,
    address_type=0,
    material=bytes(range(20)),
    uuid="a0" * 16,
    name="Panic",
    is_duo=False,
    simulated=True,
)


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """What an independent implementation, the vendor's C host and its Python library agree on."""
    loaded: dict[str, Any] = json.loads((HERE / "flic2-vectors.json").read_text())
    return loaded


@pytest.fixture(scope="session")
def fuzzer() -> ModuleType:
    """The fuzz target, which also knows how to play recordings."""
    path = HERE.parent.parent / "fuzz" / "fuzz_flic2_session.py"
    spec = importlib.util.spec_from_file_location("fuzz_flic2_session", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def recordings(fuzzer: ModuleType) -> "dict[str, Recording]":
    """Every session of the vectors' transcripts, by name."""
    return {recording.name: recording for recording in fuzzer.load_recordings()}


class ScriptedButton:
    """The button's end of one session: it proves itself honestly, then says exactly what a test tells it.

    Attributes:
        session: the host's end.
        init_request: what the host asked for first.
    """

    def __init__(self, resume: Counter | None, *, mtu: int = 140, now_s: float = 0.0) -> None:
        self.session = Session(
            Reconnect(PAIRING, resume),
            address=ADDRESS,
            address_type=0,
            root_key=crypto.VENDOR_ROOT_KEY,
            max_frame=mtu - 3,
            now_s=now_s,
            random=random.Random(7).randbytes,
        )
        self._mtu = mtu
        self._reassembler = framing.Reassembler()
        (request,) = self._packets()
        asked = verify.QuickVerifyRequest.decode(request)
        key = crypto.quick_verify_key(PAIRING.key, asked.random, asked.flags, b"buttons!")
        self.voice = crypto.Seal(key, crypto.Direction.TO_HOST)
        self._ear = crypto.Seal(key, crypto.Direction.TO_BUTTON)
        response = verify.QuickVerifyResponse(b"buttons!", asked.tmp_id, False, False, False)
        assert self.transmit(self.voice.seal(response.encode()), is_new=True, now_s=now_s) == []
        (init_request,) = self.hears()
        assert isinstance(init_request, presses.InitButtonEventsLightRequest)
        self.init_request = init_request

    def transmit(self, packet: bytes, *, is_new: bool = False, now_s: float = 0.0) -> list[SessionEvent]:
        """Send bytes as one packet, sealed already or not at all; return what the session says."""
        frames = framing.split(packet, CONN_ID, is_new, self._mtu)
        return [event for frame in frames for event in self.session.receive(frame, now_s)]

    def says(self, *packets: Packet, now_s: float = 0.0) -> list[SessionEvent]:
        """Send packets properly; return what the session says."""
        return [
            event
            for packet in packets
            for event in self.transmit(self.voice.seal(packet.encode()), now_s=now_s)
        ]

    def begins(
        self,
        event_count: int,
        *,
        queue: bool = False,
        boot_id: int | None = None,
        clock_ticks: int = 32768 * 1000,
        now_s: float = 0.0,
    ) -> list[SessionEvent]:
        """Answer the init request."""
        return self.says(
            presses.InitButtonEventsResponse(queue, clock_ticks, event_count, boot_id), now_s=now_s
        )

    def reports(
        self, count: int, *codes: int, queued: str = "", at_ticks: int = 0, now_s: float = 0.0
    ) -> list[SessionEvent]:
        """Send one notification.

        Args:
            count: of its last item.
            codes: of its items.
            queued: per item `q` queued, `Q` the last queued, `.` live; all live if empty.
            at_ticks: of all its items.
            now_s: when the host hears it.
        """
        marks = queued or "." * len(codes)
        items = (
            presses.EventItem(at_ticks, code, mark in "qQ", mark == "Q")
            for code, mark in zip(codes, marks, strict=True)
        )
        return self.says(presses.ButtonEventNotification(count, tuple(items)), now_s=now_s)

    def hears(self) -> list[Packet]:
        """Return what the host sends now, each packet checked as a button checks it."""
        heard = []
        for sealed in self._packets():
            packet = self._ear.open(sealed)
            assert packet is not None, f"a button would hang up on {sealed.hex()}"
            decoded = decode_to_button(packet)
            assert decoded is not None
            heard.append(decoded)
        return heard

    def _packets(self) -> list[bytes]:
        frames = [framing.parse_frame(value) for value in self.session.take_frames()]
        packets = [self._reassembler.add(frame) for frame in frames if frame is not None]
        return [packet for packet in packets if packet is not None]


@pytest.fixture(scope="session")
def connect() -> Callable[..., ScriptedButton]:
    """Makes a button that has proven itself; its session waits for the init response."""
    return ScriptedButton


@pytest.fixture
def button() -> ScriptedButton:
    """A button whose session resumes from count 4 of the same boot, with nothing queued, all settled."""
    button = ScriptedButton(Counter(BOOT_ID, 4))
    button.begins(4)
    button.hears()
    return button
