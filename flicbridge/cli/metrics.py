"""`flicbridge metrics`: what a Prometheus would be told, for whoever has none."""

import typer

from flicbridge.cli.asking import ask, whereabouts_in
from flicbridge.cli.shared import ConfigFile


def metrics(config: ConfigFile = None) -> None:
    """Print the metrics of the running bridge, in Prometheus' text format."""
    typer.echo(ask(whereabouts_in(config), lambda bridge: bridge.metrics()), nl=False)
