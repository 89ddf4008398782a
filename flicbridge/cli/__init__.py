"""The command line. `commands` lists the commands, one module per group of them; what they need is imported
when they run. `unattended` is the one that runs for months.

Exit codes: 0 done, 1 the thing failed, 2 the input was wrong, 130 interrupted.
"""

import sys

from flicbridge.cli.faults import explain
from flicbridge.cli.unattended import obey, orders_in

__all__ = ["main"]


def main() -> None:
    """Run the command that the arguments ask for, and exit."""
    try:
        if (orders := orders_in(sys.argv[1:])) is not None:
            obey(orders)
            return
        from flicbridge.cli.commands import app

        app()
    except Exception as error:  # noqa: BLE001 - nobody shall ever see a traceback who did not ask for it
        sys.exit(explain(error))
