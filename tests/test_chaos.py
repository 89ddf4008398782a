"""The parts of `make chaos`, quickly: what judges must be judged itself."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from flicbridge.outbox.store import Store
from flicbridge.press.event import Counter
from tests.chaos import judge, wire
from tests.chaos.button import Pressed, WiredButton
from tests.chaos.fuse import Fuse
from tests.chaos.judge import Promise
from tests.chaos.receiver import Notes, delivery_in
from tests.chaos.row import Row, table
from tests.chaos.suites import rows_of_results
from tests.chaos.trace import early

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="make chaos is for Linux")

PRESS = Pressed(UUID("00000000-0000-5000-8000-000000000001"), 1, 0.0)
PROMISED = [Promise(PRESS, acknowledged=True)]
DELIVERY = "00000000-0000-5000-8000-00000000000d"

WRITE = "7 pwrite64(9</s/flicbridge.db-wal>, 4096, 0) = 4096"
SYNC = "7 fdatasync(9</s/flicbridge.db-wal>) = 0"
SYNC_BEGINS = "7 fdatasync(9</s/flicbridge.db-wal> <unfinished ...>"
SYNC_ENDS = "7 <... fdatasync resumed>) = 0"
FRAME = '8 sendto(5<UNIX-SEQPACKET:[1]>, "F\\1\\2", 3, 0, NULL, 0) = 3'


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """An empty store, closed."""
    path = tmp_path / "flicbridge.db"
    await Store.open(path).close()
    return path


@pytest.fixture
def db(database: Path) -> Iterator[sqlite3.Connection]:
    """The same, open to be written to by hand."""
    with closing(sqlite3.connect(database, isolation_level=None)) as it:
        yield it


def raise_alert(db: sqlite3.Connection, *, state: str = "sent", last_error: str | None = None) -> None:
    alert = str(PRESS.id)
    db.execute(
        "INSERT INTO alert (id, kind, state, presses, pressed_at, last_press_at, told_at, alert_json)"
        " VALUES (?, 'emergency', 'raised', 1, 0.0, 0.0, 0.0, '{}')",
        (alert,),
    )
    db.execute(
        "INSERT INTO alert_event (alert, what, at, by, press) VALUES (?, 'raised', 0.0, 'button:poche', ?)",
        (alert, alert),
    )
    db.execute(
        "INSERT INTO delivery (id, alert, purpose, occasion, recipient, channel, state, made_at, due_at,"
        " expires_at, last_error) VALUES (?, ?, 'alert', 0, 'hub', 'hub/0', ?, 0.0, 0.0, 0.0, ?)",
        (DELIVERY, alert, state, last_error),
    )


def told(*keys: str) -> Notes:
    return Notes(asked=list(keys), told=[(delivery_in(key), 0.0) for key in keys])


def test_what_was_kept_is_called_kept(database: Path, db: sqlite3.Connection) -> None:
    raise_alert(db)
    assert list(judge.after_death(database, PROMISED)) == []
    assert list(judge.after_all(database, PROMISED, told(DELIVERY, DELIVERY))) == []


def test_an_acknowledged_press_without_an_alert_is_a_loss(database: Path) -> None:
    assert list(judge.after_death(database, PROMISED)) == [
        f"the press {PRESS.id}, acknowledged, is in 0 alerts"
    ]
    assert list(judge.after_death(database, [Promise(PRESS, acknowledged=False)])) == []


def test_an_alert_without_deliveries_is_a_loss(database: Path, db: sqlite3.Connection) -> None:
    raise_alert(db)
    db.execute("DELETE FROM delivery")
    assert list(judge.after_death(database, PROMISED)) == [f"the alert {PRESS.id} has no deliveries"]


def test_an_alert_that_nobody_pressed_for_is_found(database: Path, db: sqlite3.Connection) -> None:
    raise_alert(db)
    found = list(judge.after_all(database, [], told(DELIVERY)))
    assert found == [f"the alert {PRESS.id} comes of no press", "1 alerts for 0 presses"]


@pytest.mark.parametrize("state", ["failed", "expired", "withdrawn", "queued", "sent"])
def test_a_delivery_that_nobody_was_told_needs_a_reason(
    database: Path, db: sqlite3.Connection, state: str
) -> None:
    raise_alert(db, state=state)
    assert len(list(judge.after_all(database, PROMISED, Notes()))) == 1


def test_a_delivery_that_was_refused_with_a_reason_is_no_loss(database: Path, db: sqlite3.Connection) -> None:
    raise_alert(db, state="failed", last_error="HTTP 422")
    db.execute(
        "INSERT INTO attempt (delivery, number, at, took_s, outcome, detail)"
        " VALUES (?, 1, 0.0, 0.0, 'permanent', 'HTTP 422')",
        (DELIVERY,),
    )
    assert list(judge.after_all(database, PROMISED, Notes())) == []


def test_a_retry_under_another_key_is_found(database: Path, db: sqlite3.Connection) -> None:
    raise_alert(db)
    other = DELIVERY.replace("d", "e")
    assert list(judge.after_all(database, PROMISED, told(DELIVERY, other))) == [
        f"a try has a key that is no delivery's: {other}"
    ]
    assert list(judge.after_all(database, PROMISED, told(DELIVERY, f"{DELIVERY}-1"))) == [
        f"the delivery {DELIVERY} was tried under 2 keys"
    ]


async def test_what_a_dead_bridge_had_settled_is_neither_acknowledged_nor_waited_for() -> None:
    button = WiredButton(lambda: None, lambda place: pytest.fail(place))
    pressed = button.press()
    button.release()
    assert not button.is_settled
    ours, theirs = wire.pair()
    with closing(theirs):
        button.attach(ours, asks_after=pressed.count)
        assert button.is_settled
        assert not button.is_acknowledged(pressed)
        button.press()
        button.release()
        assert not button.is_settled
        button.close()


async def test_how_far_a_dead_bridge_had_settled_a_button_is_read_from_its_file(database: Path) -> None:
    assert judge.mark(database, "BF12-A34567") == 0
    store = Store.open(database)
    await store.put_pairing("BF12-A34567", "{}", Counter(7, 4))
    await store.close()
    assert judge.mark(database, "BF12-A34567") == 4


def test_who_is_told_the_same_again_is_told_twice() -> None:
    assert told(DELIVERY, f"<{DELIVERY}@here.invalid>", PRESS.id.hex).told_twice == 1


@pytest.mark.parametrize(
    ("trace", "wrong"),
    [
        ([WRITE, SYNC, FRAME], 0),
        ([WRITE, FRAME, SYNC], 1),
        ([FRAME], 1),
        ([], 1),
        ([WRITE, SYNC_BEGINS, FRAME, SYNC_ENDS], 1),
        ([WRITE, SYNC_BEGINS, SYNC_ENDS, FRAME], 0),
    ],
)
def test_a_trace_shows_whether_the_disk_came_before_the_acknowledgement(trace: list[str], wrong: int) -> None:
    assert len(list(early(trace, [1]))) == wrong


def test_a_fuse_burns_at_its_step_and_nowhere_else() -> None:
    script = (
        "from tests.chaos.fuse import Fuse\n"
        "fuse = Fuse(3, lambda place: print(place, flush=True))\n"
        "for place in 'abcd': fuse.step(place)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-9, "c\n")
    Fuse(0, lambda place: pytest.fail(place)).step("anywhere")


def test_the_table_names_what_was_skipped_and_adds_up_the_rest() -> None:
    rows = [Row("killed", trials=2000, worst_s=1.25, wrong=["a"]), Row("power", skipped="needs root")]
    text = table([*rows, Row.total(rows)]).splitlines()
    assert text[2].split() == ["killed", "2,000", "0", "0", "0", "0", "0", "1.2", "1"]
    assert text[3].split(maxsplit=1) == ["power", "skipped: needs root"]
    assert text[4].split()[:2] == ["together", "2,000"]


def test_a_suite_has_a_row_for_each_test_with_what_it_measured() -> None:
    junit = """<testsuites><testsuite>
        <testcase classname="a" name="b[1]"><properties>
            <property name="presses" value="3"/><property name="worst_s" value="1.5"/></properties></testcase>
        <testcase classname="a" name="b[2]"><failure/></testcase>
        <testcase classname="a" name="d"><skipped message="no iptables"/></testcase>
    </testsuite></testsuites>"""
    ran, skipped, absent = rows_of_results({"b": "lost", "d": "pulled", "e": "deaf"}, junit)
    assert (ran.trials, ran.presses, ran.worst_s, ran.wrong) == (2, 3, 1.5, ["a::b[2] failed"])
    assert (skipped.fault, skipped.skipped, skipped.wrong) == ("pulled", "no iptables", [])
    assert absent.wrong == ["e did not run"]


@pytest.mark.real_time
async def test_a_bridge_that_breaks_the_promise_is_found_out() -> None:
    """Real bridges in processes of their own, really killed: one that acknowledges before it commits."""
    harness = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos", "self_test"),
        env={**os.environ, "CHAOS": "short"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await harness.communicate()
    assert harness.returncode == 0, out.decode() + err.decode()
    assert out.decode().count("(broken on purpose: ") == 3
