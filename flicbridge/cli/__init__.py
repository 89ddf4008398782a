"""The command line. One module per group of commands; what they need is imported when they run.

Exit codes: 0 done, 1 the thing failed, 2 the input was wrong, 130 interrupted.
"""

import sys
from typing import Annotated

import typer

from flicbridge.cli import (
    alerts,
    buttons,
    config,
    metrics,
    pair,
    plan,
    press,
    run,
    scan,
    selfcheck,
    service,
    setup,
    simulate,
    status,
    test,
)
from flicbridge.cli.faults import explain

__all__ = ["app", "main"]

app = typer.Typer(
    name="flicbridge",
    help="From a Bluetooth panic button in a doctor's pocket to the people who can help.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from flicbridge import __version__

        typer.echo(f"flicbridge {__version__}")
        raise typer.Exit


@app.callback()
def flicbridge(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """From a Bluetooth panic button in a doctor's pocket to the people who can help."""


app.command("run")(run.run)
app.command("setup")(setup.setup)
app.command("status")(status.status)
app.command("metrics")(metrics.metrics)
app.command("press")(press.press)
app.command("test")(test.try_out)
app.command("scan")(scan.scan)
app.command("selfcheck")(selfcheck.selfcheck)
app.command("pair")(pair.pair)
app.command("simulate")(simulate.simulate)
app.add_typer(buttons.app, name="buttons")
app.add_typer(alerts.app, name="alerts")
app.add_typer(config.app, name="config")
app.add_typer(plan.app, name="plan")
app.add_typer(service.app, name="service")


def main() -> None:
    """Run the command that the arguments ask for, and exit."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - nobody shall ever see a traceback who did not ask for it
        sys.exit(explain(error))
