"""A page that is printed: headings, tables and sentences as HTML, with everything in it escaped. Pure.

Nothing is fetched from anywhere: no picture, no script, no font.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

STYLE: Final = (
    "body{font:11pt/1.45 sans-serif;max-width:48em;margin:2em auto;padding:0 1em;color:#111}"
    "h1{font-size:1.6em;margin-bottom:.2em}"
    "h2{font-size:1.15em;margin:1.6em 0 .4em;border-bottom:1px solid #999}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25em .6em .25em 0;"
    "border-bottom:1px solid #ccc;vertical-align:top}th{font-weight:600}"
    ".open{border:2px solid #a00;padding:.4em 1em;margin:1em 0}.well{border:2px solid #060;padding:.4em 1em}"
    ".sign td{border:0;padding-top:2.5em}"
    "@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}"
)
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(title: str, language: str, parts: Iterable[str]) -> str:
    """The whole page. `parts` are HTML, made by the functions below."""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """A heading."""
    return f"<h2>{escape(text)}</h2>"


def sentence(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def verdict(first: str, points: Sequence[str]) -> str:
    """What is open, in a frame that cannot be overlooked; or, without points, that nothing is."""
    items = "".join(f"<li>{escape(point)}</li>" for point in points)
    kind, listed = ("open", f"<ul>{items}</ul>") if points else ("well", "")
    return f'<div class="{kind}"><p><strong>{escape(first)}</strong></p>{listed}</div>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """What is known, one line each."""
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs if value)
    return "<table>" + "\n".join(rows) + "</table>"


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def signatures(lines: Iterable[tuple[str, str]]) -> str:
    """Who signs, and what is filled in already."""
    rows = (
        f"<tr><td>{escape(who)}</td><td>{escape(given)} ____________________</td></tr>"
        for who, given in lines
    )
    return '<table class="sign">' + "".join(rows) + "</table>"
