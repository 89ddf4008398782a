"""`flicbridge config`: the settings file."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flicbridge.cli.faults import WRONG_INPUT
from flicbridge.cli.shared import AsJson, ConfigFile, print_json
from flicbridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flicbridge.errors import Problem

app = typer.Typer(help="Check settings, or begin with an example.", no_args_is_help=True)


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(show_default=False, help="The settings file; overrides --config.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Name every mistake in the settings, secrets included. Exit code 2 if there is any."""
    from flicbridge.config import default_path, load, warnings
    from flicbridge.config.openness import advice_on

    path = file or config or default_path()
    try:
        advice = [*advice_on(path), *warnings(load(path))]
    except ConfigError as error:
        if not as_json:
            raise
        _print_verdict(path, error.problems, [])
        raise typer.Exit(WRONG_INPUT) from error
    if as_json:
        _print_verdict(path, [], advice)
        return
    for problem in advice:
        typer.echo(f"{path}: warning: {problem}", err=True)
    typer.echo(f"{path}: ok")


def _print_verdict(path: Path, problems: "Sequence[Problem]", advice: "Sequence[Problem]") -> None:
    print_json(
        {
            "file": str(path),
            "ok": not problems,
            "problems": [asdict(problem) for problem in problems],
            "warnings": [asdict(problem) for problem in advice],
        }
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of the settings, for editors."""
    from flicbridge.config import json_schema

    print_json(json_schema())


@app.command()
def reference() -> None:
    """Print every table and key of the settings, described, in Markdown."""
    from flicbridge.config.reference import reference as text

    typer.echo(text(), nl=False)


@app.command()
def example() -> None:
    """Print a commented settings file to begin with."""
    from flicbridge.config.example import example as text

    typer.echo(text(), nl=False)
