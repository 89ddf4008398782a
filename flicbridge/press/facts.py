"""What one part says of itself, each fact only when it changes."""

from flicbridge.observation import Observation, Observe, Value


class Facts:
    """The facts about one subject, such as `radio` or `button:poche`."""

    def __init__(self, subject: str, observe: Observe) -> None:
        self._subject = subject
        self._observe = observe
        self._told: dict[str, Value] = {}
        self._counts: dict[str, int] = {}

    def tell(self, fact: str, value: Value) -> None:
        """Say it, unless it was said last time."""
        if fact not in self._told or self._told[fact] != value:
            self._told[fact] = value
            self._observe(Observation(self._subject, fact, value))

    def counted(self, fact: str) -> int:
        """Return how often something happened since the start."""
        return self._counts.get(fact, 0)

    def count(self, fact: str, more: int = 1) -> None:
        """Count something up since the start, and say how often it happened."""
        self._counts[fact] = self._counts.get(fact, 0) + more
        self.tell(fact, self._counts[fact])
