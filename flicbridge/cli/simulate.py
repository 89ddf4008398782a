"""`flicbridge simulate`: rehearse scenarios with the real bridge, on simulated buttons and fake gateways."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flicbridge.cli.faults import FAILED
from flicbridge.cli.shared import AsJson, ConfigFile, settings_in
from flicbridge.errors import InputError, ScenarioError

if TYPE_CHECKING:  # they cost more time than `--help` takes
    from flicbridge.config import Settings
    from flicbridge.simulator.report import Report
    from flicbridge.simulator.scenario_file import ScenarioFile
    from flicbridge.simulator.words import Translate


class Language(StrEnum):
    """In which language a rehearsal is told."""

    FR = "fr"
    EN = "en"


def simulate(
    scenarios: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SCENARIO...", show_default=False, help="Scenario files, or folders of them."),
    ] = None,
    config: ConfigFile = None,
    fast: Annotated[bool, typer.Option("--fast", help="Skip the time in which nothing happens.")] = False,
    as_json: AsJson = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", show_default=False, help="Write JUnit XML.")
    ] = None,
    language: Annotated[
        Language | None, typer.Option("--language", show_default=False, help="Instead of the settings' own.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the log of the bridge, too.")] = False,
) -> None:
    """Rehearse scenarios: the real bridge with your settings, simulated buttons, fake gateways.

    Nothing leaves this machine. Without --config a built-in practice is rehearsed. Exit code 0 if everything
    went as the scenarios expect, 1 if not.
    """
    if not scenarios:
        raise InputError(
            "say which scenario to play, such as `flicbridge simulate examples/scenarios/aggression.toml`,"
            " or all of a folder: `flicbridge simulate --fast examples/scenarios`"
        )
    _require_simulator()
    rehearsal = _Rehearsal(config, language, fast=fast, as_json=as_json, verbose=verbose)
    parts = _parts(_load(scenarios), None if config is None else settings_in(config))
    try:
        reports = [rehearsal.play(file, settings) for file, settings in parts]
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    rehearsal.finish(reports, junit)
    if not all(report.ok for report in reports):
        raise typer.Exit(FAILED)


@dataclass(slots=True)
class _Rehearsal:
    """How scenarios are played and shown."""

    config: Path | None
    language: Language | None
    fast: bool
    as_json: bool
    verbose: bool
    translate: "Translate" = str

    def play(self, file: "ScenarioFile", settings: "Settings | None") -> "Report":
        """Play one scenario; without settings, say why not."""
        from flicbridge.simulator.report import Report
        from flicbridge.texts import translator

        if settings is None:
            report = Report(file.name, file.scenario.title, skipped=self._why_not())
        else:
            self.translate = translator(self.language or settings.bridge.language).gettext
            report = self._perform(file, settings)
        self._show(report)
        return report

    def finish(self, reports: Sequence["Report"], junit: Path | None) -> None:
        """Write the file for CI, and sum up what was played."""
        from flicbridge.simulator.junit import write_junit
        from flicbridge.simulator.screen import a_console, summary

        if junit is not None:
            write_junit(junit, reports, self.translate)
        if len(reports) > 1 and not self.as_json:
            a_console().print(summary(reports, self.translate))

    def _perform(self, file: "ScenarioFile", settings: "Settings") -> "Report":
        from flicbridge.simulator.report import Report
        from flicbridge.simulator.screen import NobodyWatches, Screen, a_console
        from flicbridge.simulator.stage import perform
        from flicbridge.simulator.verdict import judge

        _ = self.translate
        source = _("built-in practice") if self.config is None else str(self.config)
        screen = Screen(a_console(), _, file.scenario, settings_from=source)
        audience = NobodyWatches() if self.as_json else screen
        played = perform(file.scenario, settings, audience, fast=self.fast, show_logs=self.verbose)
        verdict = judge(played)
        if not self.as_json:
            screen.closes(played, verdict)
        return Report.of(file.name, played, verdict)

    def _show(self, report: "Report") -> None:
        from flicbridge.simulator.report import as_json
        from flicbridge.simulator.screen import a_console

        if self.as_json:
            typer.echo(as_json(report, self.translate))
        elif report.skipped is not None:
            a_console().print(f"{report.name}: {report.skipped}\n")

    def _why_not(self) -> str:
        _ = self.translate
        return _("not played: it brings settings of its own, so it cannot rehearse yours")


def _require_simulator() -> None:
    try:
        import flicbridge.simulator.stage  # noqa: F401 - only to see whether it can be
    except ImportError as error:
        remedy = 'Run: pip install "flicbridge[simulator]"'
        raise InputError(f"rehearsals need the extra `simulator` ({error}). {remedy}") from error


def _load(places: Sequence[Path]) -> list["ScenarioFile"]:
    """Read all scenarios before any is played.

    Raises:
        InputError: one of them cannot be played; those of the others are shown as well.
    """
    from flicbridge.simulator.scenario_file import load_scenario, scenario_files

    loaded, errors = [], []
    for path in scenario_files(places):
        try:
            loaded.append(load_scenario(path))
        except ScenarioError as error:
            errors.append(error)
    _raise_all(errors)
    return loaded


def _parts(
    files: Sequence["ScenarioFile"], settings: "Settings | None"
) -> list[tuple["ScenarioFile", "Settings | None"]]:
    """Every scenario with the settings it is played with; None if it brings its own, and ours are given.

    Raises:
        InputError: the settings have nobody for a part, or no scenario is left to play.
    """
    from flicbridge.simulator.casting import Casting
    from flicbridge.simulator.practice import built_in

    parts: list[tuple[ScenarioFile, Settings | None]] = []
    errors = []
    for file in files:
        brings_own = settings is not None and file.scenario.settings is not None
        try:
            chosen = None if brings_own else settings or built_in(file)
            if chosen is not None:
                file.refuse(Casting(chosen).problems(file.scenario))
        except ScenarioError as error:
            errors.append(error)
        else:
            parts.append((file, chosen))
    _raise_all(errors)
    if all(chosen is None for _file, chosen in parts):
        names = ", ".join(file.name for file in files)
        raise InputError(
            f"nothing is left to play: {names} brings settings of its own, so it cannot rehearse yours."
            " Leave out --config, or remove [settings] from the scenario."
        )
    return parts


def _raise_all(errors: Sequence[ScenarioError]) -> None:
    """Raise the last one, after the others have been shown."""
    for error in errors[:-1]:
        typer.echo(str(error), err=True)
    if errors:
        raise errors[-1]
