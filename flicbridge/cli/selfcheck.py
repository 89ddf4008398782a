"""`flicbridge selfcheck`: what a support person asks first."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flicbridge.cli.faults import FAILED
from flicbridge.cli.shared import AsJson, ConfigFile, Translate, console, print_json, printable, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from flicbridge.selfcheck.bundle import Evidence
    from flicbridge.selfcheck.case import Case
    from flicbridge.selfcheck.finding import Finding

STYLES: Final = {"ok": "green", "warning": "yellow", "fault": "bold red", "not_applicable": "dim"}

Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="FILE",
        show_default=False,
        help="Write an archive for support, .tar.gz or .zip, with names, numbers, places and secrets masked;"
        " what is kept stands in its README.txt.",
    ),
]


def selfcheck(config: ConfigFile = None, as_json: AsJson = False, bundle: Bundle = None) -> None:
    """Check this machine, the settings and every channel's server, without sending anything.

    Exit code 1 if there is any fault.
    """
    import os

    from flicbridge import logs
    from flicbridge.cli.faults import DEBUG
    from flicbridge.clock import SystemClock
    from flicbridge.config import default_path
    from flicbridge.selfcheck.bundle import check_target
    from flicbridge.selfcheck.case import Case
    from flicbridge.selfcheck.finding import Verdict
    from flicbridge.selfcheck.finding import as_json as findings_as_json
    from flicbridge.texts import translator

    logs.set_up(level="debug" if os.environ.get(DEBUG) else "error")
    if bundle is not None:
        check_target(bundle)
    case = Case.open(config or default_path(), SystemClock())
    _ = translator(case.language).gettext
    findings, evidence = wait_for(_examined(case, with_evidence=bundle is not None))
    if bundle is not None and evidence is not None:
        _write(bundle, findings, evidence, case, _)
    if as_json:
        print_json(findings_as_json(findings, _))
    else:
        _show(findings, _)
    if any(finding.verdict is Verdict.FAULT for finding in findings):
        raise typer.Exit(FAILED)


async def _examined(case: "Case", *, with_evidence: bool) -> "tuple[list[Finding], Evidence | None]":
    from flicbridge.selfcheck.bundle import gather
    from flicbridge.selfcheck.examine import examine

    findings = await examine(case)
    return findings, await gather(case) if with_evidence else None


def _write(
    file: Path, findings: "Sequence[Finding]", evidence: "Evidence", case: "Case", _: Translate
) -> None:
    from flicbridge.selfcheck import bundle

    at = case.clock.now_at()
    bundle.write(file, bundle.members(findings, evidence, at=at, _=_), at)
    text = _("The bundle is {file}. Have a look at it before you send it.")
    console(to_stderr=True).print(text.format(file=printable(file)))


def _show(findings: "Sequence[Finding]", _: Translate) -> None:
    from flicbridge.selfcheck.report import summary

    screen = console()
    screen.print(_table(findings, _))
    screen.print(summary(findings, _))


def _table(findings: "Sequence[Finding]", _: Translate) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    from flicbridge.selfcheck.finding import sentence
    from flicbridge.selfcheck.report import WORDS

    rows = Table.grid(padding=(0, 2))
    for finding in findings:
        said = Text(printable(sentence(finding.text, finding.facts, _)))
        if finding.remedy:
            said.append("\n→ " + printable(sentence(finding.remedy, finding.facts, _)), style="bold")
        rows.add_row(Text(_(WORDS[finding.verdict]), style=STYLES[finding.verdict]), said)
    return rows
