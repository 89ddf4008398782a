"""The commented example that `flicbridge config example` prints."""

from importlib.resources import files


def example() -> str:
    """A file that passes the check once its secrets are there; the same as `examples/practice.toml`."""
    return (files("flicbridge.config") / "example.toml").read_text(encoding="utf-8")
