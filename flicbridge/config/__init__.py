"""The settings: one TOML file, checked as a whole before anything starts.

    load  ->  lines, explain (what pydantic found), check (what only shows across tables), channels (secrets)

`settings` stacks the settings models that the stages own.
"""

from flicbridge.config.advice import warnings
from flicbridge.config.example import example
from flicbridge.config.load import check, load
from flicbridge.config.places import default_path, default_state_dir
from flicbridge.config.schema import json_schema
from flicbridge.config.settings import ButtonSettings, RecipientSettings, Settings
from flicbridge.config.write import (
    begin,
    button_lines,
    remove_serial,
    rename_button,
    write_serial,
    write_values,
)

__all__ = [
    "ButtonSettings",
    "RecipientSettings",
    "Settings",
    "begin",
    "button_lines",
    "check",
    "default_path",
    "default_state_dir",
    "example",
    "json_schema",
    "load",
    "remove_serial",
    "rename_button",
    "warnings",
    "write_serial",
    "write_values",
]
