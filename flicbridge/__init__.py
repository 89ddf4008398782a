"""flicbridge: from a panic button in a doctor's pocket to the people who can help."""

__version__ = "0.1.0"
