"""The facts about a machine, read from made-up trees of `/proc`, `/sys` and `/run`."""

import os
from pathlib import Path

import pytest

from flicbridge.guard.host import HostFacts, kernel_clock_is_synchronised, read_host

MEMINFO = """MemTotal:         948304 kB
MemFree:           60000 kB
MemAvailable:     {available} kB
HugePages_Total:       0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine that tells nothing."""
    return tmp_path


def put(root: Path, file: str, text: str) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text, encoding="utf-8")


def look(root: Path, state_dir: Path | None = None, *, kernel: bool | None = None) -> HostFacts:
    return read_host(state_dir or root, root, ask_kernel=lambda: kernel)


def test_a_machine_that_tells_nothing_is_no_error(root: Path) -> None:
    facts = look(root)
    assert (facts.model, facts.memory, facts.temperature_c, facts.supply) == ("", None, None, None)
    assert facts.clock_synchronised is None
    assert not facts.is_hot
    assert facts.disk is not None
    assert (facts.disk.file_system, facts.disk.device) == ("", "")


def test_a_board_says_its_name_without_the_zero_at_its_end(root: Path) -> None:
    put(root, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    assert look(root).model == "Raspberry Pi 4 Model B Rev 1.4"


@pytest.mark.parametrize(("available_kib", "is_short"), [(65_536, False), (65_535, True)])
def test_memory_is_short_when_hardly_any_is_available(root: Path, available_kib: int, is_short: bool) -> None:
    put(root, "proc/meminfo", MEMINFO.format(available=available_kib))
    memory = look(root).memory
    assert memory is not None
    assert memory.total_bytes == 948_304 * 1024
    assert memory.is_short is is_short


def test_the_hottest_sensor_counts_and_impossible_ones_do_not(root: Path) -> None:
    for zone, text in enumerate(("42100", "81200\n", "0", "-273000", "999999", "broken")):
        put(root, f"sys/class/thermal/thermal_zone{zone}/temp", text)
    facts = look(root)
    assert facts.temperature_c == 81.2
    assert facts.is_hot


@pytest.mark.parametrize(
    ("bits", "now", "since_boot", "throttled", "throttled_since_boot"),
    [
        ("0", False, False, False, False),
        ("50005", True, True, True, True),
        ("50000\n", False, True, False, True),
        ("0x1", True, True, False, False),
        ("4", False, False, True, True),
    ],
)
def test_a_raspberry_pi_tells_of_its_supply_in_bits(
    root: Path, bits: str, now: bool, since_boot: bool, throttled: bool, throttled_since_boot: bool
) -> None:
    put(root, "sys/devices/platform/soc/soc:firmware/get_throttled", bits)
    supply = look(root).supply
    assert supply is not None
    assert (supply.under_voltage, supply.under_voltage_since_boot) == (now, since_boot)
    assert (supply.throttled, supply.throttled_since_boot) == (throttled, throttled_since_boot)


@pytest.mark.parametrize(("alarm", "now"), [("0", False), ("1", True)])
def test_with_a_kernel_of_the_mainline_the_sensor_tells(root: Path, alarm: str, now: bool) -> None:
    put(root, "sys/class/hwmon/hwmon0/name", "cpu_thermal")
    put(root, "sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1")
    put(root, "sys/class/hwmon/hwmon1/name", "rpi_volt")
    put(root, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    supply = look(root).supply
    assert supply is not None
    assert supply.under_voltage is now


@pytest.mark.parametrize("said", [True, False])
def test_the_kernel_knows_whether_its_clock_is_kept(root: Path, said: bool) -> None:
    put(root, "proc/self/status", "Name:\tpython\nSeccomp:\t0\n")
    assert look(root, kernel=said).clock_synchronised is said


@pytest.mark.parametrize(("has_synchronised", "kept"), [(True, True), (False, False)])
def test_in_a_sandbox_the_kernel_is_not_asked_and_timesyncd_tells(
    root: Path, has_synchronised: bool, kept: bool
) -> None:
    put(root, "proc/self/status", "Name:\tpython\nSeccomp:\t2\nSeccomp_filters:\t3\n")
    (root / "run/systemd/timesync").mkdir(parents=True)
    if has_synchronised:
        put(root, "run/systemd/timesync/synchronized", "")

    def kill() -> bool:
        pytest.fail("a sandbox kills whoever asks this")

    assert read_host(root, root, ask_kernel=kill).clock_synchronised is kept


def test_the_kernel_of_this_machine_answers() -> None:
    assert kernel_clock_is_synchronised() in (True, False)


# ---- the disk


def mounts(root: Path, *lines: str) -> None:
    numbered = (f"{22 + n} 1 179:{n} / {line}\n" for n, line in enumerate(lines))
    put(root, "proc/self/mountinfo", "".join(numbered))


def disk_of(root: Path, state_dir: Path) -> tuple[str, str]:
    disk = look(root, state_dir).disk
    assert disk is not None
    return disk.file_system, disk.device


def test_the_state_lies_on_the_nearest_mount(root: Path) -> None:
    state = root / "state"
    state.mkdir()
    mounts(
        root,
        "/ rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw",
        f"{state.resolve()} rw shared:2 master:1 - btrfs /dev/sda1 rw",
        "/elsewhere rw - vfat /dev/sdb1 rw",
    )
    assert disk_of(root, state) == ("btrfs", "/dev/sda1")
    assert disk_of(root, root) == ("ext4", "/dev/mmcblk0p2")


def test_a_later_mount_hides_an_earlier_one_and_blanks_are_escaped(root: Path) -> None:
    state = root / "my state"
    state.mkdir()
    where = str(state.resolve()).replace(" ", "\\040")
    mounts(root, f"{where} rw - ext4 /dev/sda1 rw", f"{where} rw - tmpfs tmp\\040fs rw")
    disk = look(root, state).disk
    assert disk is not None
    assert (disk.file_system, disk.device) == ("tmpfs", "tmp fs")
    assert disk.is_lost_with_power


def test_a_folder_that_is_not_there_yet_lies_where_it_would_be_made(root: Path) -> None:
    mounts(root, f"{root.resolve()} rw - ext4 /dev/mmcblk0p2 rw")
    disk = look(root, root / "var" / "lib" / "flicbridge").disk
    assert disk is not None
    assert disk.file_system == "ext4"
    assert disk.is_card
    assert not disk.is_lost_with_power
    assert 0 < disk.free_bytes <= disk.total_bytes


def test_lines_that_make_no_sense_are_passed_over(root: Path) -> None:
    put(root, "proc/self/mountinfo", "\n1 2 3\n22 1 179:2 / / rw - \n22 1 1:1 / / rw ext4 /dev/sda1\n")
    assert disk_of(root, root) == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="links that lead to themselves")
def test_a_folder_that_leads_to_itself_is_no_error(root: Path) -> None:
    loop = root / "loop"
    loop.symlink_to(loop)
    assert look(root, loop).disk is None or look(root, loop).disk is not None
