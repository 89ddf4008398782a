"""Fuzz the Flic 2 session: `python tests/fuzz/fuzz_flic2_session.py SECONDS [SEED]`.

Recorded sessions are played to a session again and again, with frames changed, dropped, repeated, swapped,
cut, invented or taken from other recordings, and with time passing in between. Whatever arrives, a session
may say no more than the beginning of what it said to the honest recording, then fail. Exits 1 with the
reproducing input on standard output if it ever says anything else, or raises.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from flicbridge.press.event import Counter
from flicbridge.press.flic2.conversation import ADVERTISING, Question
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import Failed, Item, PairingGone, QueueDone, SessionEvent
from flicbridge.press.flic2.session import Pair, Reconnect, Session
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.memory import Host, Identity, Memory

VECTORS: Final = Path(__file__).parent.parent / "press" / "flic2" / "flic2-vectors.json"
ADDRESS: Final = "80:E4:DA:70:00:01"
WAIT: Final = b""
"""In a script: nothing arrives until the session's deadline is reached."""


@dataclass(frozen=True)
class Step:
    """One frame of a recording."""

    is_from_button: bool
    frame: bytes


@dataclass(frozen=True)
class Recording:
    """One session between a host and a button, with everything random in it pinned down.

    Attributes:
        name: of the transcript in the vectors.
        fixed: the transcript's random numbers, keys and counts.
        steps: the frames of both directions.
        mtu: of the link.
        root_key: that vouches for the button.
        questions: what the recorded host asked.
    """

    name: str
    fixed: dict[str, Any]
    steps: tuple[Step, ...]
    mtu: int
    root_key: bytes
    questions: tuple[Question, ...]

    @property
    def from_button(self) -> list[bytes]:
        """What the button said."""
        return [step.frame for step in self.steps if step.is_from_button]

    @property
    def opening(self) -> bytes:
        """The button's first words: its random number, which fixes the session key with the host's."""
        return self.from_button[0][1:12]

    def new_session(self) -> Session:
        """Begin the host's side anew, with the same random numbers."""
        session = Session(
            self._wish(),
            address=ADDRESS,
            address_type=0,
            root_key=self.root_key,
            max_frame=self.mtu - 3,
            now_s=0.0,
            random=self._draw,
            offer_duo=bool(self.fixed.get("host_flags")),
            advertising=replace(ADVERTISING, second_interval=12800),
        )
        for question in self.questions:
            session.ask(question)
        return session

    def _wish(self) -> Pair | Reconnect:
        material = self.fixed.get("pairing_material_20")
        if material is None:
            return Pair()
        known = Pairing(
            "BA00-A00001",
            ADDRESS,
            0,
            bytes.fromhex(material),
            "a0" * 16,
            "Panic",
            is_duo=False,
            simulated=True,
        )
        count, small_count = self.fixed.get("host_event_count"), self.fixed.get("host_small_count", 0)
        boot_id = self.fixed.get("old_boot_id", self.fixed.get("boot_id", 287454020))
        return Reconnect(known, None if count is None else Counter(boot_id, count, small_count))

    def _draw(self, count: int) -> bytes:
        """Return the recorded random number of that length; each length has but one use."""
        names = {4: "host_tmp_id", 7: "host_random_7", 8: "host_random", 32: "host_x25519_private"}
        return bytes.fromhex(self.fixed[names[count]])

    @cached_property
    def honest(self) -> list[SessionEvent]:
        """What a session says to the recording as it is."""
        return play(self, self.from_button)


def load_recordings() -> list[Recording]:
    """Return every transcript of the vectors, one recording per session in it, and sessions with a Duo."""
    vectors = json.loads(VECTORS.read_text())
    root_key = bytes.fromhex(vectors["test_root_key"]["ed25519_public"])
    transcripts = [
        _recording(name, transcript, part, root_key)
        for name, transcript in vectors["transcripts"].items()
        for part in ("steps", "first_session_steps", "second_session_steps")
        if part in transcript
    ]
    return [*transcripts, *duo_recordings(root_key)]


@cache  # once recorded they stay, whatever is done to the session afterwards
def duo_recordings(root_key: bytes) -> tuple[Recording, ...]:
    """Record sessions with the simulated Duo: of a genuine one there is no recording."""
    known = {"pairing_material_20": bytes(range(20)).hex(), "host_event_count": 0}
    return (
        _with_duo(Recording("duo_pairing", _drawn(0xD0), (), 140, root_key, (Question.NAME,))),
        _with_duo(
            Recording("duo_queued_live_ack", _drawn(0xD1) | known, (), 140, root_key, (Question.BATTERY,))
        ),
        _with_duo(Recording("duo_mtu23", _drawn(0xD2) | known, (), 23, root_key, (Question.FIRMWARE,))),
    )


def _drawn(seed: int) -> dict[str, Any]:
    """Pin a host's random numbers down, others for every recording.

    With the same ones two recordings have one session key, and a frame of the one, put into the other,
    verifies: an attack that no attacker can make.
    """
    randoms = random.Random(seed)
    names = {"host_tmp_id": 4, "host_random_7": 7, "host_random": 8, "host_x25519_private": 32}
    drawn = {name: randoms.randbytes(length).hex() for name, length in names.items()}
    return {**drawn, "host_flags": 1, "boot_id": 77}


def _with_duo(host: Recording) -> Recording:
    """Let a host meet a Duo that was pressed on both keys before, and is again."""
    identity = replace(Identity.made_for("duo", duo=True), address=ADDRESS)
    hosts = [Host(bytes(range(20)), acknowledged=0)] if "pairing_material_20" in host.fixed else []
    memory = Memory(identity, "duo", boot_id=host.fixed["boot_id"], hosts=hosts)
    button = SimulatedFlic2(memory, now_s=0.0, random=random.Random(0xB0).randbytes)
    for now_s, key in ((1.0, 1), (2.0, 0), (2.2, 1), (2.4, 0)):
        button.press(now_s, key)
        button.release(now_s + 0.3, key)
    button.go_public(3.0)
    button.link_up(5.0)
    button.set_mtu(host.mtu)
    session, steps = host.new_session(), list[Step]()
    _converse(session, button, steps, 5.0)
    for now_s, key in ((6.0, 1), (6.1, 0), (7.0, 1), (9.0, 0)):
        button.press(now_s, key)
        _converse(session, button, steps, now_s)
        button.release(now_s + 0.6, key)
        _converse(session, button, steps, now_s + 0.6)
    return replace(host, steps=tuple(steps))


def _converse(session: Session, button: SimulatedFlic2, steps: list[Step], now_s: float) -> None:
    """Carry frames both ways until all is said."""
    while True:
        new = [Step(False, frame) for frame in session.take_frames()]
        for step in new:
            button.receive(step.frame, now_s)
        answers = [Step(True, frame) for frame in button.take_frames()]
        for step in answers:
            for event in session.receive(step.frame, 0.0):
                if isinstance(event, Item):
                    session.acknowledge(event.counter, 0.0)
        steps += [*new, *answers]
        if not (new or answers):
            return


def _recording(name: str, transcript: dict[str, Any], part: str, root_key: bytes) -> Recording:
    session = part.removesuffix("_steps")
    fixed = {**transcript["fixed"], **transcript["fixed"].get(session, {})}
    steps = tuple(
        Step(step["dir"] == "button_to_host", bytes.fromhex(step["frame"]))
        for step in transcript[part]
        if "frame" in step
    )
    is_pairing = "pairing_material_20" not in fixed
    questions = (Question.NAME,) if is_pairing else (Question.BATTERY, Question.NAME, Question.FIRMWARE)
    mtu = next((mtu for mtu in (23, 50) if f"mtu{mtu}" in name), 140)
    label = name if part == "steps" else f"{name}/{session}"
    return Recording(label, fixed, steps, mtu, root_key, questions)


def play(recording: Recording, script: list[bytes]) -> list[SessionEvent]:
    """Play frames to a new session that commits what it hears at once; return what it said."""
    session = recording.new_session()
    said: list[SessionEvent] = []
    now_s = 0.0
    for frame in script:
        session.take_frames()
        if frame == WAIT:
            now_s = max(now_s, session.deadline_s or now_s)
            heard = session.pass_time(now_s)
        else:
            heard = session.receive(frame, now_s)
        said += heard
        for event in heard:
            if isinstance(event, Item):
                session.acknowledge(event.counter, now_s)
    if said and isinstance(said[-1], Failed | PairingGone) and session.take_frames():
        raise AssertionError("a session that has failed goes on sending")
    return said


def judge(recording: Recording, script: list[bytes]) -> str | None:
    """Play a script; return what is wrong with what the session said, None if nothing is."""
    try:
        said = play(recording, script)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what we are looking for
        return f"raised {type(error).__name__}: {error}"
    believed = said[:-1] if said and isinstance(said[-1], Failed) else said
    honest = recording.honest
    if WAIT in script:
        believed, honest = _timeless(believed), _timeless(honest)
    if believed != honest[: len(believed)]:
        return f"said {said}, honestly {recording.honest}"
    return None


def _timeless(said: list[SessionEvent]) -> list[SessionEvent]:
    """Leave out what depends on time: ages, and when a queue that breaks off counts as done."""
    kept = (event for event in said if not isinstance(event, QueueDone))
    return [replace(event, age_s=0.0) if isinstance(event, Item) else event for event in kept]


# Forged already when they were recorded: to undo the forgery gives the word of the honest button.
FORGED: Final = {"fail_packet_mac", "fail_quick_verify_mac", "fail_full_verify_mac"}


type Change = Callable[[list[bytes], random.Random, list[bytes]], None]
"""Spoils a script in place; the last argument holds frames of all recordings."""


def _pick(script: list[bytes], chance: random.Random) -> int:
    return chance.randrange(len(script))


def _flip_bit(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    at = _pick(script, chance)
    if script[at]:
        spoilt = bytearray(script[at])
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        script[at] = bytes(spoilt)


def _set_byte(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    at = _pick(script, chance)
    if script[at]:
        spoilt = bytearray(script[at])
        spoilt[chance.randrange(min(3, len(spoilt)))] = chance.randrange(256)
        script[at] = bytes(spoilt)


def _cut(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    at = _pick(script, chance)
    script[at] = script[at][: chance.randrange(len(script[at]) + 1)]


def _lengthen(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    at = _pick(script, chance)
    script[at] += chance.randbytes(chance.randrange(1, 140))


def _drop(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    if len(script) > 1:
        del script[_pick(script, chance)]


def _repeat(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    script.insert(_pick(script, chance) + 1, script[_pick(script, chance)])


def _swap(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    a, b = _pick(script, chance), _pick(script, chance)
    script[a], script[b] = script[b], script[a]


def _invent(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    header = chance.choice((0x00, 0x01, 0x21, 0x81, 0xA1, chance.randrange(256)))
    body = bytes([chance.randrange(44)]) + chance.randbytes(chance.randrange(60))
    script.insert(_pick(script, chance), bytes([header]) + body)


def _graft(script: list[bytes], chance: random.Random, others: list[bytes]) -> None:
    script.insert(_pick(script, chance), chance.choice(others))


def _fragment(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    at = _pick(script, chance)
    frame = script[at]
    if len(frame) > 2:
        cut = chance.randrange(2, len(frame))
        script[at : at + 1] = [bytes([frame[0] | 0x80]) + frame[1:cut], frame[:1] + frame[cut:]]


def _wait(script: list[bytes], chance: random.Random, _: list[bytes]) -> None:
    script.insert(_pick(script, chance), WAIT)


CHANGES: Final[tuple[Change, ...]] = (
    _flip_bit,
    _set_byte,
    _cut,
    _lengthen,
    _drop,
    _repeat,
    _swap,
    _invent,
    _graft,
    _fragment,
    _wait,
)


def spoil(script: list[bytes], chance: random.Random, others: list[bytes]) -> list[bytes]:
    """Return a script changed in one to five places."""
    spoilt = list(script)
    for _ in range(chance.randint(1, 5)):
        chance.choice(CHANGES)(spoilt, chance, others)
    return spoilt


def attacks(seed: int) -> Iterator[tuple[Recording, list[bytes]]]:
    """Yield spoilt scripts for ever, the same ones for the same seed."""
    chance = random.Random(seed)
    everything = load_recordings()
    recordings = [recording for recording in everything if recording.name not in FORGED]
    foreign = {recording.name: foreign_frames(recording, everything) for recording in recordings}
    while True:
        recording = chance.choice(recordings)
        yield recording, spoil(recording.from_button, chance, foreign[recording.name])


def foreign_frames(recording: Recording, everything: list[Recording]) -> list[bytes]:
    """Return the frames that an attacker may put into a recording: its own, and those of other keys.

    Recordings that begin with the same answer of the button share its session key. A frame from one to the
    other verifies rightly, and no attacker has it: the button says a thing once under one key.
    """
    opening = recording.opening
    others = (other for other in everything if other.name == recording.name or other.opening != opening)
    return [step.frame for other in others for step in other.steps]


def main(arguments: list[str]) -> int:
    """Fuzz for a while; return the exit code."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: fuzz_flic2_session.py SECONDS [SEED]\n")
        return 2
    until_s = time.monotonic() + float(arguments[0])
    seed = int(arguments[1]) if len(arguments) == 2 else random.randrange(2**32)
    tried = 0
    for recording, script in attacks(seed):
        complaint = judge(recording, script)
        if complaint is not None:
            case = {"recording": recording.name, "script": [frame.hex() for frame in script]}
            sys.stdout.write(json.dumps({**case, "seed": seed, "complaint": complaint}, indent=1) + "\n")
            return 1
        tried += 1
        if time.monotonic() >= until_s:
            break
    sys.stdout.write(f"{tried} spoilt sessions, nothing wrong; seed {seed}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
