"""Every problem that can be named has a rule, words, a remedy and its line in the documentation."""

import ast
from pathlib import Path

import pytest

import flicbridge
from flicbridge.guard import machine, vigour
from flicbridge.guard.protection import RULES
from flicbridge.guard.rules_table import BEGIN, END, rules_table
from flicbridge.guard.status import FLICD_PROBLEMS
from flicbridge.press.incidents import Incident
from flicbridge.texts.problems import PROBLEMS, problem, remedy
from flicbridge.transport.notice import VERDICT

GUARD = Path(flicbridge.__file__).parent / "guard"
DOCS = GUARD.parents[1] / "docs" / "status.md"


def literals(node: ast.expr) -> set[str]:
    """Every text that an expression can be, as far as it is written down in it."""
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return literals(body) | literals(other)
        case _:
            return set()


def named_in(tree: ast.Module) -> set[str]:
    """Codes in calls of `Trouble(...)`, in tables of what a state means, and in names for them."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Trouble"), args=[_, code, *_]):
                found |= literals(code)
            case ast.Call(func=ast.Name(id="_attack"), args=[code, *_]):
                found |= literals(code)
            case ast.Call(func=ast.Name(id="_said"), args=[_, _, _, ast.Dict(values=values), *_]):
                found |= {code for value in values for code in literals(value)}
            case ast.Assign(targets=[ast.Name(id="problem")], value=value):
                found |= literals(value)
            case ast.Assign(targets=[ast.Name(id="wrong" | "unread")], value=ast.Dict(values=values)):
                found |= {code for value in values for code in literals(value)}
            case ast.For(target=ast.Tuple(elts=[_, ast.Name(id="problem")]), iter=ast.Tuple(elts=pairs)):
                found |= {
                    code for pair in pairs if isinstance(pair, ast.Tuple) for code in literals(pair.elts[1])
                }
            case _:
                pass
    return found


def produced() -> set[str]:
    """Every code that any code can produce."""
    found = {code for file in GUARD.glob("*.py") for code in named_in(ast.parse(file.read_text("utf-8")))}
    of_the_machine = {machine.NAMED.get(fact, fact) for fact in machine.PROBLEMS}
    return (
        found
        | {kind.value for kind in Incident}
        | set(FLICD_PROBLEMS.values())
        | set(vigour.PROBLEMS.values())
        | of_the_machine
    )


def test_every_problem_that_can_be_named_has_a_rule_and_every_rule_a_problem() -> None:
    assert produced() == set(RULES)


def test_every_problem_with_a_rule_has_words() -> None:
    assert set(PROBLEMS) == set(RULES)
    assert VERDICT not in RULES


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_words_are_the_end_of_a_sentence_and_a_remedy_is_one(code: str) -> None:
    wording = PROBLEMS[code]
    assert wording.what[0].islower()
    assert not wording.what.endswith(".")
    assert wording.remedy[0].isupper() or wording.remedy[0] == "`"
    assert wording.remedy.endswith(".")


def test_a_code_of_another_version_is_shown_as_it_came_without_advice() -> None:
    assert (problem("made_up_tomorrow", str.upper), remedy("made_up_tomorrow", str.upper)) == (
        "made_up_tomorrow",
        "",
    )


def test_the_documentation_shows_the_rules_as_they_are() -> None:
    text = DOCS.read_text(encoding="utf-8")
    shown = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    assert shown == rules_table(), "put what `rules_table()` makes between the two marks"
