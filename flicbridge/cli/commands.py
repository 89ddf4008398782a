"""Every command by its name."""

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
