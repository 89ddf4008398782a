"""Two machines on a cable, as network namespaces of this kernel, and what it takes to send one message.

Both ends of the cable are in namespaces: with one end in the main one, a link that is down would send its
packets out by the default route.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from flicbridge.alert.alert import (
    Alert,
    AlertKind,
    Delivery,
    Doctor,
    Practice,
    Purpose,
    delivery_id,
    press_id,
)
from flicbridge.clock import Clock, LoopClock
from flicbridge.outbox.job import Job
from flicbridge.simulator.notebook import Notebook

PRACTICE_ADDRESS = "10.77.0.1"
TOWN_ADDRESS = "10.77.0.2"


@dataclass(frozen=True)
class Cable:
    """A practice and a town, and a cable between them.

    Attributes:
        practice, town: names of the namespaces; each has one end of the cable, called `cable`.
    """

    practice: str
    town: str

    def plug(self, state: str) -> None:
        """`up`, or `down`: the town's end is pulled, and the practice's link loses its carrier."""
        run("ip", "-n", self.town, "link", "set", "cable", state)

    def filter(self, *rule: str) -> None:
        """Add a rule to what comes in from the cable in the town; without one, let everything pass again."""
        how = ("-A", "INPUT", "-i", "cable", *rule) if rule else ("-F", "INPUT")
        run("ip", "netns", "exec", self.town, "iptables", "-w", *how)

    def move(self, address: str) -> None:
        """Give the practice one more address, as a router does that has been started again."""
        run("ip", "-n", self.practice, "address", "add", f"{address}/24", "dev", "cable")

    @contextmanager
    def inside(self, namespace: str) -> Iterator[None]:
        """Let this thread, and those it starts, live in one of the two."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            os.setns(there, os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(here, os.CLONE_NEWNET)
        finally:
            os.close(there)
            os.close(here)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def why_not() -> str | None:
    """Why there can be no namespaces here, or None."""
    if not hasattr(os, "setns") or os.geteuid() != 0:
        return "needs Linux and root, for network namespaces"
    missing = [tool for tool in ("ip", "iptables") if shutil.which(tool) is None]
    return f"needs {' and '.join(missing)} (Debian: iproute2, iptables)" if missing else None


@pytest.fixture
def cable() -> Iterator[Cable]:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    tag = uuid4().hex[:8]
    found = Cable(f"practice-{tag}", f"town-{tag}")
    try:
        for namespace in (found.practice, found.town):
            run("ip", "netns", "add", namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        ends = ("cable", "netns", found.practice, "type", "veth", "peer", "cable", "netns", found.town)
        run("ip", "link", "add", *ends)
        for namespace, address in ((found.practice, PRACTICE_ADDRESS), (found.town, TOWN_ADDRESS)):
            run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "cable")
            # IPv6 would check its own address for a second or two, and that is news as well.
            run("ip", "-n", namespace, "link", "set", "cable", "addrgenmode", "none")
            run("ip", "-n", namespace, "link", "set", "cable", "up")
        yield found
    finally:
        for namespace in (found.practice, found.town):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True, timeout=60)


@pytest.fixture
def resolver(cable: Cable) -> Iterator[None]:
    """Let programs in the practice ask the town for names; `ip netns exec` puts the file in its place."""
    folder = Path("/etc/netns") / cable.practice
    folder.mkdir(parents=True)
    try:
        (folder / "resolv.conf").write_text(f"nameserver {TOWN_ADDRESS}\noptions timeout:1 attempts:1\n")
        yield
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
async def clock() -> Clock:
    return LoopClock(asyncio.get_running_loop())


type MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(clock: Clock) -> MakeJob:
    """Make a job as a press leaves it: due now, and under way on disk."""

    def make(channel: str = "samu/0", count: int = 1) -> Job:
        now_at = clock.now_at()
        alert = Alert(
            id=press_id("BF12-A34567", 7, count),
            kind=AlertKind.EMERGENCY,
            bridge="tilleuls-1",
            button="poche",
            gesture="long",
            pressed_at=now_at,
            received_at=now_at,
            was_queued=False,
            doctor=Doctor("Dr Anne Martin", "+33612345678"),
            practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls"),
            position=None,
        )
        delivery = Delivery(
            id=delivery_id(alert.id, Purpose.ALERT, 0, 0, channel),
            alert=alert.id,
            purpose=Purpose.ALERT,
            occasion=0,
            recipient=channel.partition("/")[0],
            channel=channel,
            made_at=now_at,
            due_at=now_at,
            expires_at=now_at + timedelta(days=1),
        )
        return Job(delivery, alert, attempts=1, leased=True)

    return make
