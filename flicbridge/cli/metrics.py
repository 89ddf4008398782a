"""`flicbridge metrics`: what a Prometheus would be told, for whoever has none."""

import typer

from flicbridge.cli.asking import ask
from flicbridge.cli.shared import ConfigFile, settings_in


def metrics(config: ConfigFile = None) -> None:
    """Print the metrics of the running bridge, in Prometheus' text format."""
    typer.echo(ask(settings_in(config), lambda bridge: bridge.metrics()), nl=False)
