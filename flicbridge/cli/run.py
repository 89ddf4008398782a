"""`flicbridge run`: the bridge itself."""

from typing import TYPE_CHECKING, Annotated

import typer

from flicbridge.cli import unattended
from flicbridge.cli.shared import ConfigFile, console

if TYPE_CHECKING:
    from flicbridge.transport.base import Message


def run(
    config: ConfigFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Real buttons, but messages are shown instead of sent.")
    ] = False,
) -> None:
    """Run the bridge until it is told to stop."""
    try:
        unattended.run(config, dry_run=dry_run, show=_show)
    except KeyboardInterrupt:
        raise typer.Exit(unattended.INTERRUPTED) from None


def _show(message: "Message") -> None:
    """Show what would have been sent."""
    from rich.panel import Panel
    from rich.text import Text

    title = f"{message.recipient}: {message.purpose.value} (dry run, not sent)"
    console().print(Panel(Text(f"{message.sms}\n\n{message.subject}\n{message.text}"), title=Text(title)))
