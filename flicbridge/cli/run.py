"""`flicbridge run`: the bridge itself."""

from typing import TYPE_CHECKING, Annotated

import typer

from flicbridge.cli.shared import ConfigFile, console, settings_in, wait_for

if TYPE_CHECKING:
    from flicbridge.transport.base import Message


def run(
    config: ConfigFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Real buttons, but messages are shown instead of sent.")
    ] = False,
) -> None:
    """Run the bridge until it is told to stop."""
    from flicbridge import bridge, logs
    from flicbridge.cli.stopping import until_stopped
    from flicbridge.config import default_path, load
    from flicbridge.credentials import Credentials

    file = config or default_path()
    settings = settings_in(file, secrets=True)
    logs.set_up(settings.log.format, settings.log.level)
    work = bridge.run(
        settings,
        Credentials.beside(file),
        dry_run=dry_run,
        show=_show,
        reread=lambda: load(file, secrets=False),
    )
    wait_for(until_stopped(work))


def _show(message: "Message") -> None:
    """Show what would have been sent."""
    from rich.panel import Panel
    from rich.text import Text

    title = f"{message.recipient}: {message.purpose.value} (dry run, not sent)"
    console().print(Panel(Text(f"{message.sms}\n\n{message.subject}\n{message.text}"), title=Text(title)))
