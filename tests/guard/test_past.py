"""What an earlier run noted is believed as far as it is still true."""

from datetime import UTC, datetime, timedelta

import pytest

from flicbridge.guard.past import SALT_BYTES, SEAL, Found, Past, Present, fits, seal_of, sift
from flicbridge.observation import Observation
from flicbridge.transport.base import ChannelOptions

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class PhoneOptions(ChannelOptions):
    """A channel as a stranger's transport may have it."""

    to: str
    flash: bool = False
    groups: frozenset[str] = frozenset()
    every: timedelta = timedelta(minutes=1)


SAMU = PhoneOptions(transport="phone", to="+33555000015")
STRANGER = PhoneOptions(transport="phone", to="+33555000016")
PRESENT = Present({"samu/0": SAMU}, read={"samu/0"}, has_heartbeat=True)


def noted(*facts: tuple[str, str]) -> list[Found]:
    return [(Observation(subject, fact, value=True), AT) for subject, fact in facts]


def sealed(channel: str, options: ChannelOptions) -> Found:
    return Observation(f"{SEAL}:{channel}", SEAL, seal_of(options)), AT


def believed(past: Past) -> set[tuple[str, str]]:
    return {(observation.subject, observation.fact) for observation, _ in past.true}


def sealed_anew(past: Past) -> set[str]:
    return {seal.subject for seal in past.seals}


CARRIED = noted(("channel:samu/0", "state"), ("channel:samu/0", "last_success"))


def test_of_a_channel_that_is_the_same_all_is_believed_and_nothing_is_written() -> None:
    assert sift([*CARRIED, sealed("samu/0", SAMU)], PRESENT) == Past(tuple(CARRIED), (), ())


def test_of_a_channel_that_leads_elsewhere_nothing_is_believed() -> None:
    past = sift([*CARRIED, sealed("samu/0", STRANGER)], PRESENT)
    assert past.true == ()
    assert past.gone == ("channel:samu/0",)
    (seal,) = past.seals
    assert seal.subject == f"{SEAL}:samu/0"
    assert fits(str(seal.value), SAMU)


def test_a_channel_of_the_time_before_there_were_seals_is_believed_this_once_and_sealed() -> None:
    past = sift(CARRIED, PRESENT)
    assert past.true == tuple(CARRIED)
    assert sealed_anew(past) == {f"{SEAL}:samu/0"}


def test_of_a_channel_that_is_gone_all_is_erased_and_its_seal_last() -> None:
    seal, facts = sealed("lan/0", SAMU), noted(("channel:lan/0", "state"), ("recipient:lan", "last_ack_at"))
    past = sift([seal, *facts, *CARRIED, sealed("samu/0", SAMU)], PRESENT)
    assert past.true == tuple(CARRIED)
    assert set(past.gone) == {"channel:lan/0", "recipient:lan", f"{SEAL}:lan/0"}
    assert past.gone[-1] == f"{SEAL}:lan/0"


@pytest.mark.parametrize("broken", ["", ":", "zz:12345", "00" * 100 + ":12345", "00:12345"])
def test_a_seal_that_nobody_can_read_is_broken(broken: str) -> None:
    past = sift([*CARRIED, (Observation(f"{SEAL}:samu/0", SEAL, broken), AT)], PRESENT)
    assert (past.true, past.gone) == ((), ("channel:samu/0",))


@pytest.mark.parametrize(
    ("fact", "present"),
    [
        (("heartbeat", "state"), Present({}, (), has_heartbeat=False)),
        (("channel:samu/0", "replies"), Present({"samu/0": SAMU}, (), has_heartbeat=True)),
        (("channel:samu/0", "replies_error"), Present({"samu/0": SAMU}, (), has_heartbeat=True)),
        (("recipient:gone", "last_ack_at"), PRESENT),
        (("courier", "failures"), PRESENT),
        (("path:gone", "running"), PRESENT),
        (("button:poche", "paused"), PRESENT),
        (("channel:samu/0", "health_state"), PRESENT),
        (("channel:samu/0", "next_try_at"), PRESENT),
        (("channel:samu/0", "circuit"), PRESENT),
    ],
)
def test_what_is_of_no_part_of_this_run_or_of_one_run_only_is_not_believed(
    fact: tuple[str, str], present: Present
) -> None:
    assert believed(sift(noted(fact), present)) == set()


@pytest.mark.parametrize(
    "fact",
    [
        ("heartbeat", "state"),
        ("channel:samu/0", "replies"),
        ("recipient:samu", "last_ack_at"),
        ("button:poche", "battery_mv"),
        ("button:gone", "battery_days"),
        ("notice", "bridge/not_protected"),
        ("drill:own", "since"),
        ("clock", "seen"),
    ],
)
def test_all_else_is_believed(fact: tuple[str, str]) -> None:
    past = sift(noted(fact), PRESENT)
    assert believed(past) == {fact}
    assert past.gone == ()


def test_what_is_known_of_a_button_is_not_erased_for_it_may_come_again() -> None:
    assert sift(noted(("button:gone", "paused")), PRESENT).gone == ()


def test_a_part_of_which_something_is_true_is_not_erased() -> None:
    facts = noted(("heartbeat", "running"), ("heartbeat", "state"))
    past = sift(facts, PRESENT)
    assert (believed(past), past.gone) == ({("heartbeat", "state")}, ())


# -- the seal


VARIANTS: tuple[ChannelOptions, ...] = (
    STRANGER,
    PhoneOptions(transport="modem", to=SAMU.to),
    PhoneOptions(transport="phone", to=SAMU.to, flash=True),
    PhoneOptions(transport="phone", to=SAMU.to, groups=frozenset({"a"})),
    PhoneOptions(transport="phone", to=SAMU.to, every=timedelta(minutes=2)),
)


@pytest.mark.parametrize("other", VARIANTS, ids=str)
def test_it_fits_nothing_that_was_chosen_otherwise(other: ChannelOptions) -> None:
    assert not fits(seal_of(SAMU, b"salt"), other)


def test_it_fits_whatever_is_only_waited_for_longer() -> None:
    patient = PhoneOptions(transport="phone", to=SAMU.to, timeout=timedelta(seconds=9))
    assert fits(seal_of(SAMU), patient)


def test_it_fits_an_upgrade_that_brings_a_setting_nobody_chose() -> None:
    class LaterOptions(PhoneOptions):
        volume: int = 7

    assert fits(seal_of(SAMU), LaterOptions(transport="phone", to=SAMU.to))


def test_it_fits_in_whatever_order_a_set_comes() -> None:
    names = [str(number) for number in range(50)]
    one, other = (
        PhoneOptions(transport="phone", to=SAMU.to, groups=frozenset(order)) for order in (names, names[::-1])
    )
    assert fits(seal_of(one), other)


def test_two_seals_of_the_same_number_have_nothing_in_common() -> None:
    assert seal_of(SAMU) != seal_of(SAMU)


def test_too_many_numbers_fit_a_seal_for_anybody_to_find_the_right_one() -> None:
    salt = b"s" * SALT_BYTES
    digests = {
        seal_of(PhoneOptions(transport="phone", to=f"+336{number:08d}"), salt) for number in range(3000)
    }
    # Of 200,000,000 mobile numbers each of a million seals fits two hundred.
    assert {len(digest.partition(":")[2]) for digest in digests} == {5}
