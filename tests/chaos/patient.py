"""A bridge whose disk can fall ill: the program itself, pressed through its API, and what it promised."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from flicbridge.api.client import ApiClient
from flicbridge.api.endpoint import spare_socket_paths
from flicbridge.clock import SystemClock
from flicbridge.errors import ApiError
from tests.chaos import judge
from tests.chaos.program import BUTTON, START_WITHIN_S, Program, start_program
from tests.chaos.receiver import HttpReceiver, fault_of
from tests.chaos.row import Row
from tests.chaos.scratch import scratch_folder
from tests.chaos.story import LOOK_S, PATIENCE_S, write_settings


@dataclass(frozen=True, slots=True)
class Taken:
    """A press that the bridge took.

    Attributes:
        alert: that it raised.
        at_s: when the finger came down.
        safe: whether the bridge said that it is on disk.
    """

    alert: str
    at_s: float
    safe: bool


class Patient:
    """One bridge, its folder and its receiver.

    Attributes:
        folder: holds the settings and the state.
        state: where the bridge keeps everything; a mount point, for some faults.
        database: the file in use.
        receiver: who is told.
        taken: every press.
        wrong: what must not be.
    """

    def __init__(self, folder: Path, receiver: HttpReceiver) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.database = self.state / "flicbridge.db"
        self.receiver = receiver
        self.taken: list[Taken] = []
        self.wrong: list[str] = []
        self._config = write_settings(folder, BUTTON, receiver.channel())
        self._clock = SystemClock()
        self._program: Program | None = None
        self._door = self.state
        self._starts = 0
        self._ends_s: list[float] = []
        self._unsaved: set[str] = set()
        self._stack = ExitStack()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._program is not None
        return self._program.pid

    async def start(self) -> None:
        """Start the program, and wait until it takes presses."""
        self._door, self._starts = self.state, self._starts + 1
        self._program = await start_program(self._config)
        await self.until(self._is_ready, START_WITHIN_S, "it does not start")

    async def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._program is not None:
            self._program.kill()
            await self._program.wait()
            self._program = None
        for leftover in spare_socket_paths(self.state):
            leftover.unlink(missing_ok=True)

    def at_the_end(self, clean: Callable[[], None]) -> None:
        """Have something done once it is dead for good."""
        self._stack.callback(clean)

    def forget_unsafe(self) -> None:
        """It is killed while its disk is sick: of what it never called safe, only messages remain."""
        self._unsaved |= {each.alert for each in self.taken if not each.safe}

    def ask_at(self, folder: Path) -> None:
        """Its socket was carried away with the folder that it is in; it still listens there."""
        self._door = folder

    async def press(self, times: int = 1) -> None:
        """Press, and note what the bridge promises."""
        for _ in range(times):
            at_s = self._clock.now_s()
            try:
                answer = await ApiClient(self._door).press("bureau")
            except ApiError as error:
                self.wrong.append(f"a press was refused: {error}")
            else:
                self.taken.append(Taken(str(answer["alert_id"]), at_s, bool(answer["safe"])))

    async def problems(self) -> set[str]:
        """What `status` finds wrong with the disk."""
        status = await ApiClient(self._door).status()
        return {found["problem"] for found in status["problems"] if found["part"] == "store"}

    def be_away(self) -> None:
        """Nobody can be told for a while."""
        self.receiver.fault = fault_of("refuses connections", "http")

    def be_back(self) -> None:
        """Everybody can."""
        self.receiver.fault = None
        self._ends_s.append(self._clock.now_s())

    async def told(self) -> None:
        """Wait until everybody was told of every press."""
        await self.until(self._is_told, PATIENCE_S, "not every press was told")

    async def noticed(self, problem: str) -> None:
        """Wait until `status` knows of the fault."""

        async def is_seen() -> bool:
            return problem in await self.problems()

        await self.until(is_seen, PATIENCE_S, f"status does not say {problem}")

    async def well(self) -> None:
        """The fault has ended: wait until `status` finds nothing wrong any more."""
        self._ends_s.append(self._clock.now_s())

        async def is_well() -> bool:
            return not await self.problems()

        await self.until(is_well, PATIENCE_S, "it does not get well")

    async def until(self, happened: Callable[[], Awaitable[bool]], within_s: float, otherwise: str) -> None:
        """Look again and again; what does not happen in time is wrong."""
        until_s = self._clock.now_s() + within_s
        while self._clock.now_s() < until_s:
            with contextlib.suppress(ApiError):
                if await happened():
                    return
            await self._clock.sleep(LOOK_S)
        self.wrong.append(otherwise)

    def clean(self) -> None:
        """Leave nothing behind."""
        self._stack.close()

    async def _is_ready(self) -> bool:
        said = self._config.with_suffix(".log").read_text(errors="replace")
        return said.count('"bridge_ready"') >= self._starts

    async def _is_told(self) -> bool:
        return {each.alert for each in self.taken} <= self._told_at_s.keys()

    @property
    def _told_at_s(self) -> dict[str, float]:
        """When each alert was told first."""
        told = [(str(each.event["subject"]), each.at_s) for each in self.receiver.received]
        return dict(reversed(told))

    async def examine(self, since: int) -> None:
        """It is well: start it once more, and see that nothing is owed, lost or unwritten.

        Args:
            since: how many presses are in a file that the bridge had to give up.
        """
        promised = [each.alert for each in self.taken[since:] if each.alert not in self._unsaved]
        await self.kill()
        self.wrong += judge.missing(self.database, promised)
        await self.start()

        async def is_finished() -> bool:
            return judge.is_finished(self.database, len(promised))

        await self.until(is_finished, PATIENCE_S, "something is still owed")
        await self.kill()
        self.wrong += judge.missing(self.database, promised)
        self.wrong += judge.ended_well(
            self.database, self.receiver.notes, all_known=not since and not self._unsaved
        )

    def add_to(self, row: Row) -> None:
        """What came of it. The delay of what did not wait for the end of a fault counts from its press."""
        notes, told_at_s = self.receiver.notes, self._told_at_s
        row.trials += 1
        row.presses += len(self.taken)
        row.told += len(told_at_s)
        row.repeats += len(notes.asked) - len(notes.keys)
        row.twice_with_key += notes.told_twice
        row.wrong += [f"{row.fault}: {wrong}" for wrong in self.wrong]
        for each in self.taken:
            if (told_s := told_at_s.get(each.alert)) is not None:
                ends_s = [end_s for end_s in self._ends_s if each.at_s < end_s < told_s]
                row.worst_s = max(row.worst_s, told_s - max(ends_s, default=each.at_s))


@asynccontextmanager
async def open_patient() -> AsyncGenerator[Patient]:
    """A folder and a receiver; whatever runs at the end is killed."""
    with scratch_folder() as name:
        async with HttpReceiver(honours_key=True) as receiver:
            patient = Patient(Path(name), receiver)
            try:
                yield patient
            finally:
                await patient.kill()
                patient.clean()
