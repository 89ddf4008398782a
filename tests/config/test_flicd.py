"""What the check says of a button that is heard through flicd."""

from collections.abc import Callable

from flicbridge.errors import Problem

type Check = Callable[..., tuple[Problem, ...]]

FLIC2 = 'family = "flic2"'
FLICD = 'family = "flicd"\naddress = "80:e4:da:71:b2:c3"'


def test_a_button_with_its_address_is_sound(problems: Check) -> None:
    assert problems((FLIC2, FLICD)) == ()


def test_without_an_address_nobody_knows_which_button_it_is(problems: Check) -> None:
    (problem,) = problems((FLIC2, 'family = "flicd"'))
    assert str(problem).startswith("buttons[0].address")
    assert 'address = "80:e4:da:71:b2:c3"' in problem.remedy


def test_an_address_means_nothing_to_other_families(problems: Check) -> None:
    (problem,) = problems((FLIC2, f'{FLIC2}\naddress = "80:e4:da:71:b2:c3"'))
    assert (problem.where, problem.what) == ("buttons[0].address", 'has no meaning for the family "flic2"')


def test_two_buttons_cannot_share_an_address(problems: Check) -> None:
    other = FLICD.replace("80:e4", "80:E4")
    second = f'[[buttons]]\nname = "tiroir"\n{other}\ngestures = {{ long = "alert" }}\n[[recipients]]'
    (problem,) = problems((FLIC2, FLICD), ("[[recipients]]", second))
    assert problem.where == "buttons[1].address"
    assert problem.what == '"80:E4:da:71:b2:c3" is taken by buttons[0]'


def test_a_flicd_elsewhere_is_refused_until_somebody_answers_for_it(problems: Check) -> None:
    elsewhere = '[flicd]\nhost = "192.168.1.5"\n'
    (problem,) = problems(("[[recipients]]", f"{elsewhere}[[recipients]]"))
    assert problem.where == "flicd"
    assert problem.what.startswith('nothing proves that presses from "192.168.1.5" are real')
    assert "i_accept_spoofing = true" in problem.remedy
    assert problems(("[[recipients]]", f"{elsewhere}i_accept_spoofing = true\n[[recipients]]")) == ()
