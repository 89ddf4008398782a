"""Turn what a terminal shows into a picture for the documentation, with no font fetched from anywhere.

script -qec 'flicbridge status' /dev/null | python docs/screenshot.py docs/images/NAME.svg 'flicbridge status'
"""

import re
import sys
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

COLUMNS: Final = 112
FONT_FACE: Final = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
FORMAT: Final = FONT_FACE.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code, monospace", "monospace")


def picture(shown: str, title: str) -> str:
    """An SVG of a terminal; `shown` may have the escape sequences for colours."""
    lines = [line.rstrip() for line in shown.replace("\r", "").strip("\n").split("\n")]
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        screen = Console(record=True, width=COLUMNS, file=nowhere, markup=False, emoji=False, highlight=False)
        screen.print(Text.from_ansi("\n".join(lines)))
        return screen.export_svg(title=title, code_format=FORMAT, unique_id="terminal")


if __name__ == "__main__":
    target, title = sys.argv[1:]
    Path(target).write_text(picture(sys.stdin.read(), title), encoding="utf-8")
