"""Somebody on the link between a button and the bridge: hears all of it, and says things in between.

The frames of a Flic 2 are not encrypted by Bluetooth, so whoever has the right equipment can read them,
inject some and drown others. Source: R. Cayre et al., "InjectaBLE: Injecting malicious traffic into
established Bluetooth Low Energy connections", DSN 2021.
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random

from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.press.flic2.wire.packet import Packet
from flicbridge.press.flic2.wire.verify import QuickVerifyRequest
from flicbridge.simulator.flic2.body import Random as Draw

type Spoil = Callable[[bytes, Random], Iterable[bytes]]
"""What arrives instead of a frame."""

HEADER_BYTES = 1
MORE = 0x80


class Recorder:
    """A `Between` that changes nothing and keeps everything.

    Attributes:
        heard: every frame, and whether it came from the button.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[bool, bytes]] = []

    def from_button(self, frame: bytes) -> Iterable[bytes]:
        self.heard.append((True, frame))
        return (frame,)

    def from_host(self, frame: bytes) -> Iterable[bytes]:
        self.heard.append((False, frame))
        return (frame,)

    @property
    def said(self) -> list[bytes]:
        """What the button said."""
        return [frame for is_from_button, frame in self.heard if is_from_button]


class Replayer:
    """A `Lie`: answers each packet of the host's with what a button once answered at that point.

    Args:
        recording: the frames of one session, from its first.
        fits: whether to put the host's new temporary number into the old proof; otherwise the host takes it
            for an answer to somebody else.
    """

    def __init__(self, recording: Sequence[tuple[bool, bytes]], *, fits: bool) -> None:
        self._answers: list[list[bytes]] = []
        for is_from_button, frame in recording:
            if not is_from_button:
                self._answers.append([])
            elif self._answers:
                self._answers[-1].append(frame)
        self._fits = fits
        self._turn = 0

    def __call__(self, _packet: bytes, request: Packet | None, _random: Draw) -> Iterable[bytes]:
        if isinstance(request, QuickVerifyRequest):
            self._turn = 0
        answers = self._answers[self._turn] if self._turn < len(self._answers) else []
        self._turn += 1
        if self._fits and isinstance(request, QuickVerifyRequest):
            return [_fitted(frame, request.tmp_id) for frame in answers]
        return answers


def _fitted(frame: bytes, tmp_id: bytes) -> bytes:
    """Put a temporary number into a QuickVerifyResponse, which fits into one frame at any MTU."""
    at = HEADER_BYTES + 1 + 8  # after opcode and random number
    if frame[HEADER_BYTES] != FromButtonOp.QUICK_VERIFY:
        return frame
    return frame[:at] + tmp_id + frame[at + len(tmp_id) :]


class Meddler:
    """A `Between` that spoils some of what the button says.

    Args:
        spoil: what it does.
        skip: so many frames of the button's it lets pass first.
        frames: so many it spoils then.
        random: its chance.
    """

    def __init__(self, spoil: Spoil, *, skip: int = 0, frames: int = 1, random: Random) -> None:
        self.spoilt = 0
        self._spoil = spoil
        self._skip = skip
        self._frames = frames
        self._random = random

    def from_button(self, frame: bytes) -> Iterable[bytes]:
        if self._skip:
            self._skip -= 1
            return (frame,)
        if self.spoilt >= self._frames:
            return (frame,)
        self.spoilt += 1
        return self._spoil(frame, self._random)

    def from_host(self, frame: bytes) -> Iterable[bytes]:
        return (frame,)


def flip(frame: bytes, random: Random) -> Iterable[bytes]:
    """One bit of the packet is another."""
    at = random.randrange(HEADER_BYTES, len(frame))
    return (frame[:at] + bytes([frame[at] ^ 1 << random.randrange(8)]) + frame[at + 1 :],)


def duplicate(frame: bytes, _random: Random) -> Iterable[bytes]:
    """It arrives twice."""
    return (frame, frame)


def truncate(frame: bytes, random: Random) -> Iterable[bytes]:
    """Its end is missing."""
    return (frame[: random.randrange(HEADER_BYTES + 1, len(frame))],)


def never_end(frame: bytes, _random: Random) -> Iterable[bytes]:
    """It claims to go on, and does not."""
    return (bytes([frame[0] | MORE]) + frame[HEADER_BYTES:],)


def forge(frame: bytes, random: Random) -> Iterable[bytes]:
    """A press nobody made comes first: the same kind of packet with other contents and a guessed MAC."""
    return (frame[: HEADER_BYTES + 1] + random.randbytes(len(frame) - HEADER_BYTES - 1), frame)


def swap() -> Spoil:
    """Two frames arrive the wrong way round; to be given two."""
    held: list[bytes] = []

    def spoil(frame: bytes, _random: Random) -> Iterable[bytes]:
        held.append(frame)
        return () if len(held) == 1 else (frame, held.pop(0))

    return spoil
