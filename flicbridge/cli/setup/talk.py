"""Talking with the person at the terminal: a question is asked again until its answer can be used."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from getpass import getpass
from typing import TYPE_CHECKING, Final

from flicbridge.cli.phrases import labelled
from flicbridge.cli.shared import Translate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NOTHING: Final = "-"
"""What is typed to take back an answer that may be left out."""

YES: Final = frozenset({"y", "yes", "o", "oui"})
NO: Final = frozenset({"n", "no", "non"})

type Read[T] = Callable[[str], T]
"""Makes something of what was typed; raises ValueError with the reason, for people, if it cannot."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A screen, a keyboard and a language.

    What is typed ends with EOFError if nobody is there any more, and with KeyboardInterrupt on Ctrl-C.
    """

    screen: "Console"
    words: Translate

    def say(self, what: "RenderableType") -> None:
        """Show something."""
        self.screen.print(what)

    def show(self, line: str) -> None:
        """Show something that is copied: a path or a command, on one line however long it is."""
        self.screen.print(f"  {line}", soft_wrap=True)

    def ask[T](self, question: str, read: Read[T], default: str = "") -> T:
        """Ask until the answer can be used. Enter alone means the default."""
        while True:
            typed = self._typed(question, default) or default
            try:
                return read(typed)
            except ValueError as error:
                self.say(f"  → {error}")

    def ask_optional(self, question: str, read: Read[str], default: str = "") -> str:
        """The same, where no answer is one too; `-` takes the default back."""

        def read_any(typed: str) -> str:
            return "" if typed in ("", NOTHING) else read(typed)

        return self.ask(question, read_any, default)

    def choose(self, question: str, choices: Sequence[str], default: int = 0) -> int:
        """Show numbered choices; return the index of the one that was meant."""
        _ = self.words
        for number, choice in enumerate(choices, start=1):
            self.say(f"  {number}  {choice}")
        reason = _("Type one of the numbers from 1 to {last}.").format(last=len(choices))

        def read(typed: str) -> int:
            if not typed.isdecimal() or not 1 <= int(typed) <= len(choices):
                raise ValueError(reason)
            return int(typed) - 1

        return self.ask(question, read, str(default + 1))

    def agrees(self, question: str, *, default: bool) -> bool:
        """Ask for a yes or a no, in either language."""
        _ = self.words

        def read(typed: str) -> bool:
            if typed.lower() not in YES | NO:
                raise ValueError(_("Type y for yes, n for no."))
            return typed.lower() in YES

        asked = _("{question} (y/n)").format(question=question)
        return self.ask(asked, read, _("y") if default else _("n"))

    def secret(self, question: str) -> str:
        """Ask for what nobody may read over a shoulder; nothing of it is shown."""
        prompt = labelled(question, "", self.words)
        if sys.stdin.isatty():
            return getpass(prompt).strip()
        self.screen.print(prompt)
        return _line().strip()

    def _typed(self, question: str, default: str) -> str:
        shown = f"{question} [{default}]" if default else question
        self.screen.print(labelled(shown, "", self.words), end="")
        self.screen.file.flush()
        typed = _line().strip()
        if not sys.stdin.isatty():
            self.say(typed)  # a terminal shows what is typed by itself
        return typed


def _line() -> str:
    """The next line that is typed.

    Raises:
        EOFError: there is none.
    """
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.encode(errors="replace").decode()  # what is no text at all could not be written down
