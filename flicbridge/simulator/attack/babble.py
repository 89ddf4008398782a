"""Noise on a link: packets without sense, as many as the link carries, for as long as it lasts."""

from random import Random

from flicbridge.simulator.attack.impostor import Impostor, silence

LARGEST_FRAME = 137
MORE = 0x80
NEWLY_ASSIGNED = 0x20
CONN_IDS = 32


def garbage(random: Random) -> bytes:
    """One characteristic value of anything, the empty one and beginnings without an end included."""
    frame = random.randbytes(random.randrange(LARGEST_FRAME + 1))
    return bytes([frame[0] | MORE]) + frame[1:] if frame and random.randrange(2) else frame


def foreign_garbage(random: Random, *, own: int) -> bytes:
    """Garbage that a session leaves alone: for another logical connection than its own, or for nobody."""
    others = [each for each in range(CONN_IDS) if each != own]
    header = random.choice(others) | random.choice((0, NEWLY_ASSIGNED, MORE, MORE | NEWLY_ASSIGNED))
    return bytes([header]) + random.randbytes(random.randrange(1, LARGEST_FRAME))


class Babbler(Impostor):
    """An impostor that never stops talking, from the moment it is connected.

    Args:
        address: of the button it pretends to be.
        frames: so many at once.
        pause_s: from one burst to the next.
        every_s: how often it calls.
        now_s: monotonic.
        random: its chance.
    """

    def __init__(
        self, address: str, *, frames: int, pause_s: float, every_s: float, now_s: float, random: Random
    ) -> None:
        super().__init__(address, silence, every_s=every_s, now_s=now_s, random=random.randbytes)
        self.frames_said = 0
        self._chance = random
        self._frames = frames
        self._pause_s = pause_s
        self._next_s: float | None = None

    def link_up(self, now_s: float) -> None:
        super().link_up(now_s)
        self._next_s = now_s + self._pause_s

    def link_down(self, now_s: float) -> None:
        self._next_s = None
        super().link_down(now_s)

    def deadline_s(self, now_s: float) -> float | None:
        due = (super().deadline_s(now_s), self._next_s)
        return min((each for each in due if each is not None), default=None)

    def pass_time(self, now_s: float) -> None:
        super().pass_time(now_s)
        if self._next_s is None or now_s < self._next_s:
            return
        self._next_s += self._pause_s
        self.frames_said += self._frames
        for _ in range(self._frames):
            self.inject(garbage(self._chance))
