"""The service under a real systemd, with the real bluetoothd: what the unit promises is what happens.

One Debian with the package is booted, and these scenarios run on it in their order. Times are the host's; an
emulated guest needs 25 to 30 times longer for what Python does there.
"""

import asyncio
import json
import shlex
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from flicbridge.simulator.peripheral import Peripheral
from tests.e2e.machine import Done, Job
from tests.e2e.practice import SECRET, PairedBefore, Practice

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

UNIT: Final = "flicbridge.service"
JOURNAL: Final = f"journalctl --unit={UNIT} --output=cat"
UNIT_FILE: Final = f"/usr/lib/systemd/system/{UNIT}"
GUEST: Final = Path(__file__).parent / "guest"
LOG_KINDS: Final = {".log", ".export", ".err"}
LINKS: Final = ("adapter", "bridge", "button:veste", "channel:hub/0")
KEY: Final = SECRET.removeprefix("whsec_")
DOCTOR: Final = "Dr Anne Martin"
CHECKED: Final = ("settings", "state_dir", "secrets", "bridge", "unit", "bluez", "adapter", "server", "store")
# About five times what is seen on two idle cores.
COMMAND_TIMEOUT_S: Final = 150.0
WATCHDOG_TIMEOUT_S: Final = 60.0 + COMMAND_TIMEOUT_S
STOP_TIMEOUT_S: Final = 15.0  # as the unit has it; then it would be killed

type Note = Callable[[str, float], None]


async def facts(practice: Practice, *names: str) -> dict[str, str]:
    """What systemd knows of the service."""
    said = await practice.machine.run(f"systemctl show {UNIT} --property={','.join(names)}")
    return dict(line.split("=", 1) for line in said.splitlines())


async def until_it_is(practice: Practice, within_s: float, **wanted: str) -> dict[str, str]:
    """Wait until systemd says so of the service."""
    end_s = practice.now_s() + within_s
    while (found := await facts(practice, *wanted)) != wanted:
        assert practice.now_s() < end_s, f"not within {within_s:g} s: {wanted}; it is {found}"
    return found


async def flicbridge(practice: Practice, *words: str, user: str = "root") -> Done:
    """Run a command of flicbridge's to its end; whoever runs it, HOME is root's."""
    command = f"{as_user(user)} flicbridge {shlex.join(words)}"
    return await practice.machine.start(command).wait(COMMAND_TIMEOUT_S)


def as_user(user: str) -> str:
    """What lets somebody else run the command that follows."""
    return f"setpriv --reuid={user} --regid={user} --init-groups"


async def until_asked(practice: Practice, job: Job, question: str) -> None:
    """Wait until a command asks the person in front of it for something."""

    def is_asked() -> bool:
        assert not job.ended.done(), job.err.read_text()
        return job.err.exists() and question in job.err.read_text()

    await practice.until(is_asked, COMMAND_TIMEOUT_S, f"it says: {question}")


async def is_heard(practice: Practice, button: Peripheral) -> float:
    """Press a button that is connected; return how long its alert took to the hub."""
    await practice.until_connected(button)
    pressed = await practice.press(button)
    alert = await practice.alert_of(pressed)
    await practice.until_acknowledged(button)
    return alert.at_s - pressed.at_s


async def test_a_package_without_settings_waits_and_troubles_nobody(practice: Practice, note: Note) -> None:
    began_s = practice.now_s()
    await practice.machine.boot()
    assert (await practice.machine.run("systemctl is-system-running --wait")).strip() == "running"
    note("boot", practice.now_s() - began_s)
    assert await facts(practice, "ActiveState", "UnitFileState", "ConditionResult") == {
        "ActiveState": "inactive", "UnitFileState": "enabled", "ConditionResult": "no",
    }  # fmt: skip


async def test_service_install_returns_when_presses_are_taken_also_without_an_adapter(
    practice: Practice, veste: PairedBefore, note: Note
) -> None:
    """Root has paired before there was a service: what it left must become the service's own."""
    await practice.install(veste)
    began_s = practice.now_s()
    installed = await flicbridge(practice, "service", "install")
    note("service install", practice.now_s() - began_s)
    assert (installed.status, installed.err) == (0, ""), installed
    assert await facts(practice, "ActiveState", "Type", "NotifyAccess", "NRestarts", "Result") == {
        "ActiveState": "active", "Type": "notify", "NotifyAccess": "main", "NRestarts": "0",
        "Result": "success",
    }  # fmt: skip
    practice.bridge = practice.machine.start(f"{JOURNAL} --lines=all --follow >&2")
    await practice.until(lambda: practice.logged("bridge_ready"), COMMAND_TIMEOUT_S, "the journal says so")
    assert "No Bluetooth adapters found" in practice.logged("radio_off")[0]["error"]


async def test_systemd_is_told_that_a_press_of_its_own_came_through(practice: Practice) -> None:
    vouched = f"systemctl show {UNIT} --property=StatusText | grep -q 'a press would get through'"
    await practice.machine.run(f"until {vouched}; do sleep 1; done")
    assert await facts(practice, "WatchdogUSec") == {"WatchdogUSec": "1min"}


async def test_a_press_goes_through_bluetoothd_to_those_who_can_help(
    practice: Practice, veste: PairedBefore, note: Note
) -> None:
    button = await practice.bring(veste.name, veste.state)
    began_s = practice.now_s()
    await practice.plug()
    await practice.until_connected(button)
    note("plug to connected", practice.now_s() - began_s)
    note("press to alert", await is_heard(practice, button))
    assert practice.hub.forged == 0, "the secret was not what systemd handed over"


async def test_root_and_the_service_may_ask_whether_it_protects_and_nobody_else(practice: Practice) -> None:
    users = ("root", "flicbridge", "daemon")
    by_root, by_itself, by_another = await asyncio.gather(
        *(flicbridge(practice, "status", "--json", user=user) for user in users)
    )
    for asked in (by_root, by_itself):
        assert asked.status == 0, asked.err
        report = json.loads(asked.out)
        links: dict[str, Any] = {link["name"]: link["state"] for link in report["links"]}
        assert [links[name] for name in LINKS] == ["protected"] * len(LINKS)
        assert report["radio"]["state"] == "scanning"
    assert (by_another.status, by_another.out) == (2, "")
    assert "/etc/flicbridge/flicbridge.toml" in by_another.err
    assert "sudo" in by_another.err


async def test_a_button_is_paired_beside_the_service_by_root(practice: Practice, note: Note) -> None:
    """Settings and database belong to others than the one who writes to them here."""
    button = await practice.bring("poche")
    began_s = practice.now_s()
    pairing = practice.machine.start("flicbridge pair poche --json")
    await until_asked(practice, pairing, "Hold the button")
    await button.hold_7_seconds()
    await until_asked(practice, pairing, "Press the button now")
    await button.press("single")
    done = await pairing.wait(COMMAND_TIMEOUT_S)
    note("pairing", practice.now_s() - began_s)
    assert done.status == 0, done.err
    assert json.loads(done.out)["serial"] == button.serial
    note("press to alert", await is_heard(practice, button))
    assert (await practice.machine.run("stat -c %U:%G:%a /etc/flicbridge/flicbridge.toml")).strip() == (
        "root:flicbridge:640"
    )
    owners = await practice.machine.run("find /var/lib/flicbridge -printf '%u:%m\n' | sort -u")
    assert owners.split() == ["flicbridge:600", "flicbridge:700"]


PROBE: Final = f"""
mkdir -p /home/anne /srv/open
chmod 1777 /srv/open
echo private | tee /home/anne/letter /tmp/letter >/dev/null
cp /run/out/probe.py /srv/
cd /run/systemd/system
sed -e 's,^Type=.*,Type=oneshot,' -e '/^Restart=/d' -e 's,^RuntimeDirectory=.*,RuntimeDirectory=probe,' \
    -e 's,^ExecStart=.*,ExecStart=/usr/bin/python3 -I -S /srv/probe.py,' {UNIT_FILE} > probe.service
mkdir probe.service.d
cp /etc/systemd/system/{UNIT}.d/credentials.conf probe.service.d/
printf '[Service]\\nStandardOutput=file:/run/out/confined.json\\n' > probe.service.d/output.conf
systemctl daemon-reload
systemctl start probe.service
{as_user("flicbridge")} /usr/bin/python3 -I -S /srv/probe.py > /run/out/free.json
"""
TRIED: Final = {
    "its secret": (SECRET, "ENOENT"),
    "root's copy of the secret": ("EACCES", "EACCES"),
    "its settings": ("done", "done"),
    "a file in its state": ("done", "done"),
    "a file elsewhere": ("EROFS", "done"),
    "somebody's home": ("EACCES", "done"),
    "what others leave in /tmp": ("ENOENT", "done"),
    "the first process": ("ENOENT", "done"),
    "the disk": ("ENOENT", "done"),
    "its place in the queue": ([-5, -500], [0, 0]),
    "the chip itself": ("EAFNOSUPPORT", "done"),
    "raw packets": ("EAFNOSUPPORT", "EPERM"),
    "multicast": ("EPERM", "done"),
    "the clock": ("EPERM", "EPERM"),
    "executable memory": ("EPERM", "done"),
    "a privileged program": ("EPERM", "done"),
    "another owner": ("EPERM", "EPERM"),
    "a namespace": ("EPERM", "done"),
    "bluetoothd": ("done", "done"),
}
"""What comes of each deed in the service, and by the same user outside of it."""


async def test_the_sandbox_lets_through_what_the_bridge_needs_and_nothing_else(practice: Practice) -> None:
    """The same unit, with another program in it; and that program without the unit."""
    shutil.copy(GUEST / "probe.py", practice.machine.logs)
    await practice.machine.run(PROBE)
    confined, free = (
        json.loads((practice.machine.logs / name).read_text()) for name in ("confined.json", "free.json")
    )
    uid = (await practice.machine.run("id -u flicbridge")).strip()
    assert confined.pop("who it can be") == [["0", "0", "1"], [uid, uid, "1"]]
    assert free.pop("who it can be") == [["0", "0", "4294967295"]]
    for tried in (confined, free):  # by the policy of the bus
        assert "denied" in tried.pop("systemd on the bus").lower()
    assert {deed: (confined[deed], free[deed]) for deed in confined} == TRIED


async def test_the_end_of_an_upgrade_starts_it_anew(practice: Practice, note: Note) -> None:
    """Which is what the script of the package does; files of another version are for test_deb.py."""
    before = await facts(practice, "InvocationID")
    began_s = practice.now_s()
    script = "DPKG_MAINTSCRIPT_PACKAGE=flicbridge /var/lib/dpkg/info/flicbridge.postinst configure 0.0.9"
    await practice.machine.run(script, within_s=COMMAND_TIMEOUT_S)
    note("restart", practice.now_s() - began_s)
    assert await facts(practice, "InvocationID") != before
    assert await facts(practice, "ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    note("press to alert", await is_heard(practice, practice.buttons["veste"]))


async def test_selfcheck_knows_the_service_and_its_bundle_tells_no_secret(practice: Practice) -> None:
    done = await flicbridge(practice, "selfcheck", "--json", "--bundle", "/run/out/bundle.zip")
    assert done.status == 0, done.out + done.err
    verdicts = {finding["check"]: finding["verdict"] for finding in json.loads(done.out)["findings"]}
    assert {check: verdicts.get(check) for check in CHECKED} == dict.fromkeys(CHECKED, "ok")
    with zipfile.ZipFile(practice.machine.logs / "bundle.zip") as bundle:
        members = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert "bridge_ready" in members["log.jsonl"]
    assert [name for name, text in members.items() if KEY in text or DOCTOR in text] == []


async def test_a_bridge_that_hangs_is_ended_and_started_anew_and_what_was_pressed_meanwhile_arrives(
    practice: Practice, note: Note
) -> None:
    button = practice.buttons["veste"]
    await practice.until_connected(button)
    hung = (await facts(practice, "MainPID"))["MainPID"]
    await practice.machine.run(f"kill -STOP {hung}")
    began_s = practice.now_s()
    pressed = await practice.press(button)
    alert = await practice.alert_of(pressed, within_s=WATCHDOG_TIMEOUT_S)
    note("hung to alert", alert.at_s - began_s)
    await until_it_is(practice, COMMAND_TIMEOUT_S, NRestarts="1", ActiveState="active")
    assert (await facts(practice, "MainPID"))["MainPID"] != hung
    assert "Watchdog timeout" in await practice.machine.run(JOURNAL)
    note("next press to alert", await is_heard(practice, button))


async def test_it_stops_within_seconds_and_says_that_it_meant_to(practice: Practice, note: Note) -> None:
    began_s = practice.now_s()
    await practice.machine.run(f"systemctl stop {UNIT}")
    note("stop", practice.now_s() - began_s)
    assert practice.now_s() - began_s < STOP_TIMEOUT_S
    assert await facts(practice, "ActiveState", "Result", "ExecMainCode", "ExecMainStatus") == {
        "ActiveState": "inactive", "Result": "success", "ExecMainCode": "1", "ExecMainStatus": "0",
    }  # fmt: skip
    assert (await practice.machine.run("ls -A /run/flicbridge 2>/dev/null || true")) == ""


async def test_after_a_power_cut_it_starts_by_itself(practice: Practice, note: Note) -> None:
    button = practice.buttons["veste"]
    await practice.machine.run("sync")
    await practice.cut_power()
    pressed = await practice.press(button)
    began_s = practice.now_s()
    await practice.boot()
    alert = await practice.alert_of(pressed, within_s=COMMAND_TIMEOUT_S)
    note("power to alert", alert.at_s - began_s)
    await until_it_is(practice, COMMAND_TIMEOUT_S, ActiveState="active", NRestarts="0")


async def test_the_secret_is_in_no_log(practice: Practice) -> None:
    await practice.machine.run("journalctl --output=export > /run/out/journal.export")
    logs = practice.machine.logs.parent.glob("boot-*/**/*")
    everything = {path: path.read_bytes() for path in logs if path.suffix in LOG_KINDS}
    assert b"bridge_ready" in everything[practice.machine.logs / "journal.export"]
    assert [path for path, said in everything.items() if KEY.encode() in said] == []
    pid = (await facts(practice, "MainPID"))["MainPID"]
    assert KEY not in await practice.machine.run(f"systemctl show {UNIT}; cat /proc/{pid}/environ")
