"""The settings: one TOML file, checked as a whole before anything starts.

    load  ->  lines, explain (what pydantic found), check (what only shows across tables), channels (secrets)

`settings` stacks the settings models that the stages own. `write` changes the file, and is imported by those
who do that: a bridge only reads it.
"""

from flicbridge.config.advice import warnings
from flicbridge.config.example import example
from flicbridge.config.load import check, load
from flicbridge.config.places import default_path, default_state_dir
from flicbridge.config.schema import json_schema
from flicbridge.config.settings import ButtonSettings, RecipientSettings, Settings

__all__ = [
    "ButtonSettings",
    "RecipientSettings",
    "Settings",
    "check",
    "default_path",
    "default_state_dir",
    "example",
    "json_schema",
    "load",
    "warnings",
]
